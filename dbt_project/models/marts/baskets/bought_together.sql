-- One row a pair of things that were in one order often enough: both directions, at the levels product and category.
-- Baskets are alike: few are left of many before each is taken apart.
with goods as (
    select
        'product' as level,
        products as items,
        count(*) as orders
    from {{ ref('int_basket_goods') }}
    where products is not null
    group by products
    union all
    select
        'category' as level,
        categories as items,
        count(*) as orders
    from {{ ref('int_basket_goods') }}
    group by categories
),

baskets as (
    select
        level,
        sum(orders)::bigint as all_orders
    from goods
    group by level
),

items as (
    select
        goods.level,
        listed.item,
        sum(goods.orders)::bigint as orders
    from goods
    cross join lateral {{ members_of('goods.items') }} as listed (item)
    group by goods.level, listed.item
),

-- lists are in order, so each pair is counted once, and shown in both directions
counted as (
    select
        goods.level,
        listed.item,
        other_listed.item as other_item,
        sum(goods.orders)::bigint as both_orders
    from goods
    cross join lateral {{ members_of('goods.items') }} with ordinality as listed (item, place)
    cross join lateral {{ members_after('goods.items', 'listed.place') }} as other_listed (item)
    group by goods.level, listed.item, other_listed.item
    having sum(goods.orders) >= {{ var('basket_min_orders') }}
),

directed as (
    select
        level,
        item,
        other_item,
        both_orders
    from counted
    union all
    select
        level,
        other_item as item,
        item as other_item,
        both_orders
    from counted
),

pairs as (
    select
        directed.level,
        directed.item,
        directed.other_item,
        items.orders as item_orders,
        others.orders as other_item_orders,
        directed.both_orders
    from directed
    inner join items on directed.level = items.level and directed.item = items.item
    inner join items as others on directed.level = others.level and directed.other_item = others.item
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
