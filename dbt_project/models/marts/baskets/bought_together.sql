-- One row a pair of things that were in one order often enough: both directions, at the levels product and category.
with baskets as (
    select
        level,
        count(*) as all_orders
    from (
        select distinct
            level,
            order_key
        from {{ ref('int_basket_goods') }}
    ) as orders
    group by level
),

-- what is bought rarely cannot be in a pair that is bought often; numbers are counted faster than names
frequent as (
    select
        level,
        item,
        count(*) as orders,
        (row_number() over ())::int as number
    from {{ ref('int_basket_goods') }}
    group by level, item
    having count(*) >= {{ var('basket_min_orders') }}
),

goods as (
    select
        goods.order_key,
        frequent.level = 'product' as is_product,
        frequent.number
    from {{ ref('int_basket_goods') }} as goods
    inner join frequent on goods.level = frequent.level and goods.item = frequent.item
),

counted as (
    select
        goods.number,
        others.number as other_number,
        count(*) as both_orders
    from goods
    inner join goods as others
        on goods.order_key = others.order_key
        and goods.is_product = others.is_product
        and goods.number < others.number
    group by goods.number, others.number
    having count(*) >= {{ var('basket_min_orders') }}
),

directed as (
    select
        number,
        other_number,
        both_orders
    from counted
    union all
    select
        other_number as number,
        number as other_number,
        both_orders
    from counted
),

pairs as (
    select
        frequent.level,
        frequent.item,
        others.item as other_item,
        frequent.orders as item_orders,
        others.orders as other_item_orders,
        directed.both_orders
    from directed
    inner join frequent on directed.number = frequent.number
    inner join frequent as others on directed.other_number = others.number
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
