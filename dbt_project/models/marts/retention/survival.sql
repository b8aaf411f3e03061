-- Kaplan-Meier estimate of the days from one occasion to the next, for the steps from occasion 1 to 10: one row a step
-- and day. Customers who have not come back are censored at the end of the last full day.
with last_full_day as (
    select {{ add_days(observed_until_on(), -1) }} as day
),

durations as (
    select
        occasions.occasion_number as from_occasion,
        coalesce(occasions.next_occasion_on <= last_full_day.day, false) as is_event,
        case
            when occasions.next_occasion_on <= last_full_day.day
                then {{ days_between('occasions.occasion_on', 'occasions.next_occasion_on') }}
            else {{ days_between('occasions.occasion_on', 'last_full_day.day') }}
        end as day
    from {{ ref('int_purchase_occasions') }} as occasions
    cross join last_full_day
    where occasions.occasion_number <= 10 and occasions.occasion_on <= last_full_day.day
),

counted as (
    select
        from_occasion,
        day,
        count(*) filter (where is_event) as event_customers,
        count(*) filter (where not is_event) as censored_customers
    from durations
    group by from_occasion, day
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
