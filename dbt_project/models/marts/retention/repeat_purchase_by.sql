-- One row a kind of period, breakdown, cohort and window: of its customers observed for that many full days, how many
-- came back in time.
select
    period,
    dimension,
    dimension_value,
    cohort_start,
    cohort_label,
    within_days,
    cohort_customers,
    eligible_customers,
    repurchased_customers,
    {{ rate('repurchased_customers', 'eligible_customers') }} as repurchased_rate,
    matures_on <= {{ observed_until_on() }} as is_mature,
    matures_on
from {{ ref('int_cohort_windows') }}
where within_days > 0
