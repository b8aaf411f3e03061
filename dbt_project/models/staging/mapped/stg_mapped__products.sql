select
    source,
    product_id,
    source || ':' || product_id as source_id,

    nullif(trim(name), '') as name,
    nullif(trim(category), '') as category,
    upper(trim(currency)) as currency,

    price,
    unit_cost,

    is_gift_card,

    changed_at
from {{ source('raw', 'products') }}
where not is_deleted
