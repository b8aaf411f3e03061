-- One row a kind of period, breakdown, cohort and period since. A period in which nobody came back is a row with 0.
select
    period,
    dimension,
    dimension_value,
    cohort_start,
    cohort_label,
    activity_start,
    periods_since_first,
    cohort_customers,
    active_customers,
    {{ rate('active_customers', 'cohort_customers') }} as active_rate,
    occasions,
    orders,
    gross_amount,
    discount_amount,
    returns_amount,
    net_amount,
    margin_amount,
    costed_net_amount,
    '{{ var("reporting_currency") }}' as currency,
    is_mature,
    matures_on
from {{ ref('int_cohort_periods') }}
