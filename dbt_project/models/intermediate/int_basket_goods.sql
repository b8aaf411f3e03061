-- One row a valid order with what was in it, once as products and once as categories. Gift cards are no goods.
with goods as (
    select
        order_key,
        {{ sorted_set('product_key::text') }} filter (where product_key is not null) as products,
        {{ sorted_set("coalesce(category, 'unknown')") }} as categories
    from {{ ref('int_order_items_priced') }}
    where not is_gift_card
    group by order_key
)

select
    orders.order_key,
    orders.customer_key,
    orders.ordered_on,
    goods.products,
    goods.categories
from goods
inner join {{ ref('int_orders') }} as orders on goods.order_key = orders.order_key
where orders.is_valid
