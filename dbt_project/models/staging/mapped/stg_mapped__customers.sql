with {{ known_then('customers', ['customer_id'], [
    'customer_id', 'email', 'phone', 'full_name', 'country', 'region', 'city', 'channel', 'tier',
    'accepts_marketing', 'is_closed', 'registered_at', 'closed_at', 'changed_at', 'is_deleted',
    'loyalty_card', '_load_id'
]) }}

select
    source,
    customer_id,
    source || ':' || customer_id as source_id,

    {{ normal_email('email') }} as email,
    phone,
    {{ normal_card('loyalty_card') }} as loyalty_card,
    full_name,
    nullif(trim(country), '') as country,
    nullif(trim(region), '') as region,
    nullif(trim(city), '') as city,
    nullif(trim(channel), '') as channel,
    nullif(trim(tier), '') as tier,

    accepts_marketing,
    case when closed_at is null then is_closed else coalesce(is_closed, true) end as is_closed,

    registered_at,
    closed_at,
    changed_at,
    _load_id as load_id
from known_customers
where not is_deleted
