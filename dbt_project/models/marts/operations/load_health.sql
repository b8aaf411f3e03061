-- One row a source and entity: how its last load went, and until when its data can be trusted.
with loads as (
    select
        *,
        row_number() over (partition by source, entity order by load_id desc) as recency
    from {{ source('ops', 'loads') }}
    -- a backfill, a retry or a replay goes over what was covered: how it went says nothing of how far the data has come
    where kind in ('incremental', 'full')
),

published as (
    select
        source,
        entity,
        max(coalesce(window_to, landed_at)) as verified_through,
        max(published_at) as last_published_at
    from loads
    -- of a source that is late it is not known whether there was nothing or nothing came
    where status = 'published' and is_late is not true
    group by source, entity
),

-- a source is complete up to the earliest of its entities, and not at all before each of them was published once
sources as (
    select
        configured.source,
        case when count(*) = count(published.verified_through) then min(published.verified_through) end
            as verified_through
    from {{ source('ops', 'configured_entities') }} as configured
    left join published on configured.source = published.source and configured.entity = published.entity
    group by configured.source
),

waiting as (
    select
        source,
        entity,
        count(*) as open_quarantined_rows,
        min(opened_at) as oldest_open_at
    from {{ source('ops', 'quarantine') }}
    where status = 'open'
    group by source, entity
)

select
    loads.source,
    loads.entity,
    loads.load_id as last_load_id,
    loads.kind as last_kind,
    loads.status as last_status,
    coalesce(loads.published_at, loads.validated_at, loads.landed_at, loads.started_at) as last_loaded_at,
    loads.rows_sent,
    loads.rows_accepted,
    loads.rows_quarantined,
    loads.message,
    coalesce(waiting.open_quarantined_rows, 0) as open_quarantined_rows,
    waiting.oldest_open_at,
    published.verified_through,
    published.last_published_at,
    sources.verified_through as source_verified_through
from loads
left join published on loads.source = published.source and loads.entity = published.entity
left join sources on loads.source = sources.source
left join waiting on loads.source = waiting.source and loads.entity = waiting.entity
where loads.recency = 1
