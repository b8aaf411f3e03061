-- Kaplan-Meier estimate of the days from one occasion to the next, for the steps from occasion 1 to 10: one row a step
-- and day. Customers who have not come back are censored at the end of the last full day.
with counted as (
    select
        from_occasion,
        day,
        event_customers,
        censored_customers
    from {{ ref('int_occasion_gaps') }}
    where dimension = 'all' and from_occasion <= 10
),

steps as (
    select
        from_occasion,
        max(day) as last_day,
        sum(event_customers + censored_customers) as customers
    from counted
    group by from_occasion
),

numbers as (
    select row_number() over (order by day) - 1 as number
    from {{ ref('util_days') }}
),

days as (
    select
        steps.from_occasion,
        steps.customers,
        numbers.number::int as day
    from steps
    inner join numbers on steps.last_day >= numbers.number
),

at_risk as (
    select
        days.from_occasion,
        days.day,
        coalesce(counted.event_customers, 0) as event_customers,
        coalesce(counted.censored_customers, 0) as censored_customers,
        days.customers - coalesce(
            sum(counted.event_customers + counted.censored_customers) over (
                partition by days.from_occasion order by days.day rows between unbounded preceding and 1 preceding
            ), 0
        ) as at_risk_customers
    from days
    left join counted on days.from_occasion = counted.from_occasion and days.day = counted.day
),

estimated as (
    select
        *,
        {{ survival_sums() }}
    from at_risk
    window so_far as (partition by from_occasion order by day)
)

select
    from_occasion,
    day,
    at_risk_customers::bigint as at_risk_customers,
    event_customers,
    censored_customers,
    {{ survival_rates() }}
from estimated
