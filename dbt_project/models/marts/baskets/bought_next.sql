-- One row a category and a category of the customer's next occasion, where it was seen often enough.
with days as (
    select
        goods.customer_key,
        goods.ordered_on,
        {{ sorted_set('listed.category') }} as categories
    from {{ ref('int_basket_goods') }} as goods
    cross join lateral {{ members_of('goods.categories') }} as listed (category)
    where goods.customer_key is not null
    group by goods.customer_key, goods.ordered_on
),

occasions as (
    select
        occasions.next_occasion_on,
        days.categories,
        lead(days.categories) over (
            partition by occasions.customer_key order by occasions.occasion_on
        ) as next_categories
    from {{ ref('int_purchase_occasions') }} as occasions
    left join days on occasions.customer_key = days.customer_key and occasions.occasion_on = days.ordered_on
),

-- one row an occasion that was followed by another, with what was bought on both
followed as (
    select
        categories,
        next_categories
    from occasions
    where next_occasion_on is not null and categories is not null
),

everything as (
    select count(*) as all_occasions
    from followed
),

starts as (
    select
        listed.category,
        count(*) as occasions
    from followed
    cross join lateral {{ members_of('followed.categories') }} as listed (category)
    group by listed.category
),

ends as (
    select
        listed.category,
        count(*) as occasions
    from followed
    cross join lateral {{ members_of('followed.next_categories') }} as listed (category)
    group by listed.category
),

pairs as (
    select
        listed.category,
        next_listed.category as next_category,
        count(*) as next_occasions
    from followed
    cross join lateral {{ members_of('followed.categories') }} as listed (category)
    cross join lateral {{ members_of('followed.next_categories') }} as next_listed (category)
    group by listed.category, next_listed.category
    having count(*) >= {{ var('basket_min_orders') }}
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
