-- One row a source and entity: how its last load went, and until when its data can be trusted.
with loads as (
    select
        *,
        row_number() over (partition by source, entity order by load_id desc) as recency
    from {{ source('ops', 'loads') }}
),

published as (
    select
        source,
        entity,
        max(coalesce(window_to, landed_at)) as verified_through,
        max(published_at) as last_published_at
    from loads
    where status = 'published'
    group by source, entity
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
    published.last_published_at
from loads
left join published on loads.source = published.source and loads.entity = published.entity
left join waiting on loads.source = waiting.source and loads.entity = waiting.entity
where loads.recency = 1
