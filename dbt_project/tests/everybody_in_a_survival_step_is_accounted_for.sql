-- At risk tomorrow is at risk today, less those who came back and those whose observation ends; nobody is left over.
with steps as (
    select
        *,
        lead(at_risk_customers, 1, 0::bigint) over (partition by from_occasion order by day) as at_risk_next_day,
        lag(survival_rate, 1, 1) over (partition by from_occasion order by day) as survival_rate_day_before
    from {{ ref('survival') }}
)

select *
from steps
where
    at_risk_next_day <> at_risk_customers - event_customers - censored_customers
    or survival_rate > survival_rate_day_before
