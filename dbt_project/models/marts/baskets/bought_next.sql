-- One row a category and a category of the customer's next occasion, where it was seen often enough.
with days as (
    select distinct
        customer_key,
        ordered_on,
        item as category
    from {{ ref('int_basket_goods') }}
    where level = 'category' and customer_key is not null
),

followed as (
    select
        days.category,
        occasions.customer_key,
        occasions.occasion_on,
        occasions.next_occasion_on
    from days
    inner join {{ ref('int_purchase_occasions') }} as occasions
        on days.customer_key = occasions.customer_key and days.ordered_on = occasions.occasion_on
    where occasions.next_occasion_on is not null
),

everything as (
    select count(*) as all_occasions
    from (
        select distinct
            customer_key,
            next_occasion_on
        from followed
    ) as next_occasions
),

starts as (
    select
        category,
        count(*) as occasions
    from followed
    group by category
),

-- occasions that followed another, by what was bought on them
ends as (
    select
        days.category,
        count(*) as occasions
    from days
    inner join (
        select distinct
            customer_key,
            next_occasion_on
        from followed
    ) as next_occasions
        on days.customer_key = next_occasions.customer_key and days.ordered_on = next_occasions.next_occasion_on
    group by days.category
),

pairs as (
    select
        followed.category,
        days.category as next_category,
        count(*) as next_occasions
    from followed
    inner join days on followed.customer_key = days.customer_key and followed.next_occasion_on = days.ordered_on
    group by followed.category, days.category
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
