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
        -- the product of (1 - events / at risk), as a sum of logarithms; nobody is left once all at risk had the event
        bool_or(event_customers = at_risk_customers) over so_far as is_exhausted,
        sum(ln(1 - event_customers::double precision / nullif(at_risk_customers, event_customers))) over so_far
            as log_survival,
        sum(
            event_customers::double precision
            / nullif(at_risk_customers::double precision * (at_risk_customers - event_customers), 0)
        ) over so_far as greenwood
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
    (case when is_exhausted then 0 else exp(log_survival) end)::numeric(7, 6) as survival_rate,
    -- the band on the scale of log(-log S), which stays inside [0, 1]
    (
        case
            when is_exhausted then 0
            else exp(log_survival * exp(1.959963984540054 * sqrt(greenwood) / abs(log_survival)))
        end
    )::numeric(7, 6) as survival_low,
    (
        case
            when is_exhausted then 0
            else exp(log_survival * exp(-1.959963984540054 * sqrt(greenwood) / abs(log_survival)))
        end
    )::numeric(7, 6) as survival_high
from estimated
