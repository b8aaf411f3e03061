with {{ known_then('visits', ['view_id'], [
    'view_id', 'customer_id', 'customer_source', 'email', 'phone', 'loyalty_card', 'visit_id', 'channel',
    'campaign', 'device', 'region', 'happened_at', 'changed_at', 'is_deleted'
]) }}

select
    visits.source,
    visits.view_id,
    coalesce(nullif(trim(visits.visit_id), ''), visits.view_id) as visit_id,
    {{ named('visits', 'phones') }},

    nullif(trim(visits.channel), '') as channel,
    nullif(trim(visits.campaign), '') as campaign,
    nullif(trim(visits.device), '') as device,
    nullif(trim(visits.region), '') as region,

    visits.happened_at,
    visits.changed_at
from known_visits as visits
left join {{ ref('stg_mapped__phone_numbers') }} as phones on visits.phone = phones.phone
where not visits.is_deleted
