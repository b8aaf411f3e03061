-- One row a visit, put together from what was looked at in it; a visitor who says in the middle of it who they are is
-- known for all of it.
with views as (
    select
        records.*,
        {{ customer_found() }} as customer_key
    from {{ ref('stg_mapped__visits') }} as records
    {{ joins_to_customers('records') }}
    where {{ local_day('records.happened_at') }} <= {{ as_of_on() }}
),

visits as (
    select
        source,
        visit_id,
        {{ the_same_customer('customer_key') }} as customer_key,
        count(*)::int as views,
        min(happened_at) as started_at,
        max(happened_at) as ended_at,
        {{ first_of('channel', 'happened_at, view_id') }} as channel,
        {{ first_of('campaign', 'happened_at, view_id') }} as campaign,
        {{ first_of('device', 'happened_at, view_id') }} as device,
        {{ first_of('region', 'happened_at, view_id') }} as region
    from views
    group by source, visit_id
)

select
    {{ entity_key("source || ':' || visit_id") }} as visit_key,
    source,
    visit_id,
    customer_key,
    customer_key is null as is_unattributed,
    started_at,
    {{ local_day('started_at') }} as started_on,
    ended_at,
    views,
    channel,
    campaign,
    device,
    region
from visits
