{{ config(tags=['forecast']) }}

-- One row a customer: what they have been worth, and what the newest forecast expects.
select
    histories.customer_key,
    customers.source_ids,
    {{ as_of_on() }} as as_of_on,
    histories.occasions,
    histories.net_amount as observed_net_amount,
    scores.expected_occasions_30,
    scores.expected_occasions_90,
    scores.expected_occasions_365,
    scores.expected_spend,
    scores.predicted_value_365,
    scores.predicted_value_365_low,
    scores.predicted_value_365_high,
    scores.is_predictable,
    scores.not_predictable_reason,
    scores.predicted_value_30,
    scores.predicted_value_90,
    scores.discounted_value_365,
    (histories.net_amount + scores.predicted_value_365)::numeric(18, 2) as total_value,
    histories.orders,
    histories.gross_amount as observed_gross_amount,
    histories.discount_amount as observed_discount_amount,
    histories.returns_amount as observed_returns_amount,
    histories.margin_amount as observed_margin_amount,
    histories.costed_net_amount as observed_costed_net_amount,
    '{{ var("reporting_currency") }}' as currency,
    histories.first_occasion_on,
    histories.last_occasion_on,
    histories.cohort_month,
    histories.first_channel,
    histories.first_region,
    histories.first_category,
    scores.predicted_as_of_on,
    scores.model,
    scores.version
from {{ ref('int_customer_histories') }} as histories
inner join {{ ref('int_customers') }} as customers on histories.customer_key = customers.customer_key
inner join {{ ref('int_customer_scores') }} as scores on histories.customer_key = scores.customer_key
