-- One row a cohort and month since. A month in which nobody came back is a row with 0.
select
    cohort_start as cohort_month,
    activity_start as activity_month,
    periods_since_first as months_since_first,
    cohort_customers,
    active_customers,
    {{ rate('active_customers', 'cohort_customers') }} as active_rate,
    net_amount,
    is_mature,
    matures_on,
    occasions,
    orders,
    margin_amount,
    costed_net_amount,
    '{{ var("reporting_currency") }}' as currency
from {{ ref('int_cohort_periods') }}
where period = 'month' and dimension = 'all'
