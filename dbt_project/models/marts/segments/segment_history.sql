-- One row a customer and month since their first order: score and segment at its end.
select
    customer_key,
    month_start,
    period_label,
    counted_until_on,
    days_since_last,
    occasions,
    net_amount,
    '{{ var("reporting_currency") }}' as currency,
    recency_score,
    frequency_score,
    money_score,
    segment,
    value_tier,
    is_active,
    is_closed as is_mature
from {{ ref('int_customer_month_ends') }}
