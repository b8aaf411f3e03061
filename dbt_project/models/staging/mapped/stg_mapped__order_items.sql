select
    source,
    order_id,
    line_id,
    product_id,

    quantity,
    gross_amount,
    discount_amount,
    cost_amount,

    changed_at
from {{ source('raw', 'order_items') }}
where not is_deleted
