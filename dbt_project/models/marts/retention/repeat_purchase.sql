-- One row a cohort and window: of its customers observed for that many full days, how many came back in time.
select
    cohort_start as cohort_month,
    within_days,
    cohort_customers,
    eligible_customers,
    repurchased_customers,
    {{ rate('repurchased_customers', 'eligible_customers') }} as repurchased_rate,
    matures_on <= {{ observed_until_on() }} as is_mature,
    matures_on
from {{ ref('int_cohort_windows') }}
where period = 'month' and dimension = 'all' and within_days > 0
