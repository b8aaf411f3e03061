-- One row a month: who was active at its start, who came, came back, fell silent, and who is active at its end.
select
    period_start,
    at_start,
    new_customers,
    reactivated_customers,
    churned_customers,
    at_end,
    retention_rate_stock,
    retention_rate_strict,
    churn_rate,
    is_mature,
    matures_on,
    counted_until_on,
    period_label,
    first_time_buyers,
    buyers,
    net_amount,
    '{{ var("reporting_currency") }}' as currency,
    {{ var('active_days') }} as active_days
from {{ ref('int_flow_periods') }}
where period = 'month' and dimension = 'all'
