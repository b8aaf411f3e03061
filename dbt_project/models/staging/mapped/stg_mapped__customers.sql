select
    source,
    customer_id,
    source || ':' || customer_id as source_id,

    -- an address without both sides of the @ identifies nobody
    case when email like '%_@_%' then lower(trim(email)) end as email,
    phone,
    full_name,
    nullif(trim(country), '') as country,
    nullif(trim(region), '') as region,
    nullif(trim(city), '') as city,
    nullif(trim(channel), '') as channel,
    nullif(trim(tier), '') as tier,

    accepts_marketing,
    is_closed,

    registered_at,
    closed_at,
    changed_at
from {{ source('raw', 'customers') }}
where not is_deleted
