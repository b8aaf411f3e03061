with {{ known_then('order_items', ['order_id', 'line_id'], [
    'order_id', 'line_id', 'product_id', 'quantity', 'gross_amount', 'discount_amount', 'cost_amount',
    'changed_at', 'is_deleted'
]) }}

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
from known_order_items
where not is_deleted
