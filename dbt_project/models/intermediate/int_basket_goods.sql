-- One row a valid order and thing in it, at two levels: products, and categories. Gift cards are no goods.
with lines as (
    select
        orders.order_key,
        orders.customer_key,
        orders.ordered_on,
        items.product_key,
        coalesce(items.category, 'unknown') as category
    from {{ ref('int_order_items_priced') }} as items
    inner join {{ ref('int_orders') }} as orders on items.order_key = orders.order_key
    where orders.is_valid and not items.is_gift_card
)

select distinct
    'product' as level,
    order_key,
    customer_key,
    ordered_on,
    product_key::text as item
from lines
where product_key is not null
union all
select distinct
    'category' as level,
    order_key,
    customer_key,
    ordered_on,
    category as item
from lines
