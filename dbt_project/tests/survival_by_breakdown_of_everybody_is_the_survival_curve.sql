-- One mart counts who is at risk forward over every day, the other backward over the days on which somebody came back:
-- they agree on each of these.
select
    curve.from_occasion,
    curve.day,
    curve.survival_rate,
    by_breakdown.survival_rate as survival_rate_by_breakdown
from {{ ref('survival') }} as curve
full join (
    select *
    from {{ ref('survival_by') }}
    where dimension = 'all'
) as by_breakdown on curve.from_occasion = by_breakdown.from_occasion and curve.day = by_breakdown.day
where
    coalesce(curve.event_customers, 1) > 0
    and (
        curve.at_risk_customers is distinct from by_breakdown.at_risk_customers
        or curve.event_customers is distinct from by_breakdown.event_customers
        or curve.survival_rate is distinct from by_breakdown.survival_rate
        or curve.survival_low is distinct from by_breakdown.survival_low
        or curve.survival_high is distinct from by_breakdown.survival_high
    )
