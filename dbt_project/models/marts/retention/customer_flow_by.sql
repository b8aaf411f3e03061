-- One row a kind of period, breakdown and period: who was active at its start, who came, came back, fell silent, and
-- who is active at its end.
select
    period,
    dimension,
    dimension_value,
    period_start,
    period_label,
    at_start,
    new_customers,
    reactivated_customers,
    churned_customers,
    at_end,
    retained_customers,
    retention_rate_stock,
    retention_rate_strict,
    {{ rate('reactivated_customers', 'at_start', 12) }} as reactivated_rate,
    churn_rate,
    first_time_buyers,
    buyers,
    net_amount,
    reactivated_net_amount,
    churned_net_amount,
    '{{ var("reporting_currency") }}' as currency,
    {{ var('active_days') }} as active_days,
    is_mature,
    matures_on,
    counted_until_on
from {{ ref('int_flow_periods') }}
