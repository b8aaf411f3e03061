-- One row a pair of things that were in one order often enough: both directions, at the levels product and category.
with goods as (
    select
        level,
        order_key,
        item,
        count(*) over (partition by level, item) as item_orders
    from {{ ref('int_basket_goods') }}
),

baskets as (
    select
        level,
        count(distinct order_key) as all_orders
    from goods
    group by level
),

-- what is bought rarely cannot be in a pair that is bought often
frequent as (
    select *
    from goods
    where item_orders >= {{ var('basket_min_orders') }}
),

pairs as (
    select
        goods.level,
        goods.item,
        others.item as other_item,
        goods.item_orders,
        others.item_orders as other_item_orders,
        count(*) as both_orders
    from frequent as goods
    inner join frequent as others
        on goods.order_key = others.order_key and goods.level = others.level and goods.item <> others.item
    group by goods.level, goods.item, others.item, goods.item_orders, others.item_orders
    having count(*) >= {{ var('basket_min_orders') }}
),

products as (
    select
        {{ entity_key('source_id') }}::text as item,
        name
    from {{ ref('stg_mapped__products') }}
)

select
    pairs.level,
    pairs.item,
    coalesce(products.name, pairs.item) as name,
    pairs.other_item,
    coalesce(others.name, pairs.other_item) as other_name,
    pairs.both_orders,
    pairs.item_orders,
    pairs.other_item_orders,
    baskets.all_orders,
    {{ rate('pairs.both_orders', 'baskets.all_orders') }} as support,
    {{ rate('pairs.both_orders', 'pairs.item_orders') }} as confidence,
    (
        pairs.both_orders::numeric * baskets.all_orders / (pairs.item_orders::numeric * pairs.other_item_orders)
    )::numeric(12, 6) as lift
from pairs
inner join baskets on pairs.level = baskets.level
left join products on pairs.level = 'product' and pairs.item = products.item
left join products as others on pairs.level = 'product' and pairs.other_item = others.item
