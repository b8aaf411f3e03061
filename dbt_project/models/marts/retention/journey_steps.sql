-- One row a breakdown and step from occasion j to j + 1: who got as far as j, who stayed away after it, and what that
-- may have cost.
{% set more = dict({'return': 'after_return'}, **standings_then()) %}

with lapse_days as (
    select
        first_category as of_category,
        lapse_days
    from {{ ref('int_lapse_days') }}
    where effective_on = {{ add_days(as_of_on(), 1) }}
),

spent as (
    select
        occasions.customer_key,
        occasions.occasion_number,
        occasions.occasion_on,
        occasions.next_occasion_on,
        occasions.first_channel,
        occasions.first_region,
        occasions.first_category,
        standings.segment_then,
        standings.value_tier_then,
        standings.tier_then,
        case when occasions.returns_amount > 0 then 'with a return' else 'without a return' end as after_return,
        {{ days_between('occasions.occasion_on', observed_until_on()) }} as observed_days,
        sum(occasions.net_amount) over (
            partition by occasions.customer_key
            order by occasions.occasion_on
            range between interval '1 day' following and interval '365 days' following
        ) as next_year_net_amount
    from {{ ref('int_purchase_occasions') }} as occasions
    inner join {{ ref('util_days') }} as days on occasions.occasion_on = days.day
    inner join {{ ref('int_month_standings') }} as standings
        on occasions.customer_key = standings.customer_key and days.month_start = standings.month_start
),

counted as (
    select
        {{ breakdown(more) }},
        spent.occasion_number as from_occasion,
        count(*) as reached_customers,
        count(*) filter (where spent.observed_days > lapse_days.lapse_days) as eligible_customers,
        count(*) filter (where spent.observed_days > lapse_days.lapse_days and spent.next_occasion_on is null)
            as lost_customers,
        count(*) filter (where spent.observed_days > 365 and spent.next_occasion_on is not null) as valued_customers,
        sum(spent.next_year_net_amount) filter (
            where spent.observed_days > 365 and spent.next_occasion_on is not null
        ) as valued_net_amount
    from spent
    inner join lapse_days on spent.first_category = lapse_days.of_category
    where spent.occasion_number <= 10
    group by {{ breakdown_sets('spent.occasion_number', more) }}
),

valued as (
    select
        *,
        (coalesce(valued_net_amount, 0) / nullif(valued_customers, 0))::numeric(18, 2) as stayed_net_amount_365
    from counted
)

select
    dimension,
    dimension_value,
    from_occasion,
    reached_customers,
    eligible_customers,
    lost_customers,
    {{ rate('lost_customers', 'eligible_customers') }} as lost_rate,
    valued_customers as stayed_customers_365,
    stayed_net_amount_365,
    (lost_customers * stayed_net_amount_365)::numeric(18, 2) as lost_net_amount_365,
    '{{ var("reporting_currency") }}' as currency,
    coalesce(lost_customers > 0 and lost_customers = max(lost_customers) over breakdown, false)
        as loses_most_customers,
    coalesce(
        lost_customers * stayed_net_amount_365 > 0
        and lost_customers * stayed_net_amount_365 = max(lost_customers * stayed_net_amount_365) over breakdown, false
    ) as loses_most_money
from valued
window breakdown as (partition by dimension, dimension_value)
