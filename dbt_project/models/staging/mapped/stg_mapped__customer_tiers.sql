select
    source,
    customer_id,
    nullif(trim(tier), '') as tier,

    held_from
from {{ source('raw', 'customer_tiers') }}
