-- One row a category and a category of the customer's next occasion, where it was seen often enough.
with bought as (
    select
        occasions.customer_key,
        occasions.occasion_on,
        occasions.next_occasion_on,
        goods.categories
    from {{ ref('int_purchase_occasions') }} as occasions
    left join {{ ref('int_basket_goods') }} as goods
        on occasions.customer_key = goods.customer_key and occasions.occasion_on = goods.ordered_on
    where occasions.orders = 1
    union all
    -- the orders of a day are one basket
    select
        occasions.customer_key,
        occasions.occasion_on,
        min(occasions.next_occasion_on) as next_occasion_on,
        {{ sorted_set('listed.category') }} filter (where listed.category is not null) as categories
    from {{ ref('int_purchase_occasions') }} as occasions
    left join {{ ref('int_basket_goods') }} as goods
        on occasions.customer_key = goods.customer_key and occasions.occasion_on = goods.ordered_on
    left join lateral {{ members_of('goods.categories') }} as listed (category) on true
    where occasions.orders > 1
    group by occasions.customer_key, occasions.occasion_on
),

occasions as (
    select
        next_occasion_on,
        categories,
        lead(categories) over (partition by customer_key order by occasion_on) as next_categories
    from bought
),

-- one row an occasion that was followed by another, with what was bought on both
followed as (
    select
        categories,
        next_categories
    from occasions
    where next_occasion_on is not null and categories is not null
),

-- Baskets are alike: few are left of many before each is taken apart.
baskets as (
    select
        categories,
        count(*) as occasions
    from followed
    group by categories
),

nexts as (
    select
        followed.categories,
        listed.category as next_category,
        count(*) as occasions
    from followed
    cross join lateral {{ members_of('followed.next_categories') }} as listed (category)
    group by followed.categories, listed.category
),

everything as (
    select sum(occasions)::bigint as all_occasions
    from baskets
),

starts as (
    select
        listed.category,
        sum(baskets.occasions)::bigint as occasions
    from baskets
    cross join lateral {{ members_of('baskets.categories') }} as listed (category)
    group by listed.category
),

ends as (
    select
        next_category as category,
        sum(occasions)::bigint as occasions
    from nexts
    group by next_category
),

pairs as (
    select
        listed.category,
        nexts.next_category,
        sum(nexts.occasions)::bigint as next_occasions
    from nexts
    cross join lateral {{ members_of('nexts.categories') }} as listed (category)
    group by listed.category, nexts.next_category
    having sum(nexts.occasions) >= {{ var('basket_min_orders') }}
)

select
    pairs.category,
    pairs.next_category,
    pairs.next_occasions,
    starts.occasions as followed_occasions,
    {{ rate('pairs.next_occasions', 'starts.occasions') }} as next_rate,
    ends.occasions as occasions_with_next_category,
    everything.all_occasions,
    {{ rate('ends.occasions', 'everything.all_occasions') }} as usual_rate,
    (
        pairs.next_occasions::numeric * everything.all_occasions / (starts.occasions::numeric * ends.occasions)
    )::numeric(12, 6) as lift
from pairs
inner join starts on pairs.category = starts.category
inner join ends on pairs.next_category = ends.category
cross join everything
