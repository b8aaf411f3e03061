-- One row a kind of period, breakdown, cohort and window: what a customer acquired then had brought after so many days.
select
    period,
    dimension,
    dimension_value,
    cohort_start,
    cohort_label,
    within_days,
    cohort_customers,
    eligible_customers,
    net_amount,
    (net_amount / nullif(eligible_customers, 0))::numeric(18, 2) as net_amount_per_customer,
    margin_amount,
    costed_net_amount,
    (margin_amount / nullif(eligible_customers, 0))::numeric(18, 2) as margin_amount_per_customer,
    '{{ var("reporting_currency") }}' as currency,
    matures_on <= {{ observed_until_on() }} as is_mature,
    matures_on
from {{ ref('int_cohort_windows') }}
