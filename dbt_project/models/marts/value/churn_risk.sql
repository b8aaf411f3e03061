{{ config(tags=['forecast']) }}

-- One row a customer: the silence so far, the chance that it goes on, and the value that would be lost.
select
    scores.customer_key,
    customers.source_ids,
    {{ as_of_on() }} as as_of_on,
    scores.days_since_last,
    scores.lapse_days,
    scores.is_lapsed,
    scores.p_alive,
    scores.p_no_order_30,
    scores.p_no_order_90,
    scores.expected_next_order_on,
    scores.value_at_risk,
    scores.risk_band,
    scores.is_closed,
    scores.days_overdue,
    scores.usual_occasions_365,
    '{{ var("reporting_currency") }}' as currency,
    scores.occasions,
    histories.last_occasion_on,
    histories.first_channel,
    histories.first_region,
    histories.first_category,
    scores.is_predictable,
    scores.not_predictable_reason,
    scores.predicted_as_of_on,
    scores.model,
    scores.version,
    scores.p_no_order_180,
    scores.risk_model,
    scores.driver_1,
    scores.driver_2,
    scores.driver_3
from {{ ref('int_customer_scores') }} as scores
inner join {{ ref('int_customers') }} as customers on scores.customer_key = customers.customer_key
inner join {{ ref('int_customer_histories') }} as histories on scores.customer_key = histories.customer_key
