-- Kaplan-Meier estimate of the days from one occasion to the next by breakdown: one row a breakdown, step and day on
-- which somebody came back. The curve is level in between.
with counted as (
    select
        dimension,
        dimension_value,
        from_occasion,
        day,
        event_customers,
        sum(event_customers + censored_customers) over (
            partition by dimension, dimension_value, from_occasion order by day desc
        ) as at_risk_customers
    from {{ ref('int_occasion_gaps') }}
    where from_occasion <= 10
),

estimated as (
    select
        *,
        {{ survival_sums() }}
    from counted
    where event_customers > 0
    window so_far as (partition by dimension, dimension_value, from_occasion order by day)
)

select
    dimension,
    dimension_value,
    from_occasion,
    day,
    at_risk_customers::bigint as at_risk_customers,
    event_customers,
    {{ survival_rates() }}
from estimated
