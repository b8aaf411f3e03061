{{ config(tags=['forecast']) }}

-- One row a customer with a purchase occasion: the silence so far, the forecast, and what is at risk.
with lapse_days as (
    select
        first_category,
        lapse_days,
        median_gap_days
    from {{ ref('int_lapse_days') }}
    where effective_on = {{ add_days(as_of_on(), 1) }}
),

forecast as (
    select max(as_of_on) as as_of_on
    from {{ ref('int_current_predictions') }}
),

customers as (
    select
        histories.customer_key,
        customers.is_closed,
        histories.occasions,
        histories.first_occasion_on,
        histories.last_occasion_on,
        {{ days_between('histories.last_occasion_on', as_of_on()) }} as days_since_last,
        {{ days_between('histories.first_occasion_on', 'histories.last_occasion_on') }} as days_first_to_last,
        lapse_days.lapse_days,
        lapse_days.median_gap_days,
        {{ days_between('histories.last_occasion_on', as_of_on()) }} >= lapse_days.lapse_days as is_lapsed,
        -- the customer's own rhythm once there are two gaps to take it from, the usual one until then
        case
            when histories.occasions >= 3
                then
                    {{ days_between('histories.first_occasion_on', 'histories.last_occasion_on') }}::numeric
                    / (histories.occasions - 1)
            else lapse_days.median_gap_days
        end as usual_gap_days
    from {{ ref('int_customer_histories') }} as histories
    inner join {{ ref('int_customers') }} as customers on histories.customer_key = customers.customer_key
    inner join lapse_days on histories.first_category = lapse_days.first_category
),

scored as (
    select
        customers.*,
        predictions.model,
        predictions.version,
        forecast.as_of_on as predicted_as_of_on,
        predictions.expected_occasions_30,
        predictions.expected_occasions_90,
        predictions.expected_occasions_365,
        predictions.expected_spend,
        predictions.predicted_value_30,
        predictions.predicted_value_90,
        predictions.predicted_value_365,
        predictions.predicted_value_365_low,
        predictions.predicted_value_365_high,
        predictions.predicted_value_30_low,
        predictions.predicted_value_30_high,
        predictions.predicted_value_90_low,
        predictions.predicted_value_90_high,
        predictions.discounted_value_30,
        predictions.discounted_value_90,
        predictions.discounted_value_365,
        predictions.p_alive,
        predictions.p_no_order_30,
        predictions.p_no_order_90,
        predictions.p_no_order_180,
        predictions.risk_model,
        predictions.driver_1,
        predictions.driver_2,
        predictions.driver_3,
        coalesce(predictions.is_predictable, false) as is_predictable,
        case
            when forecast.as_of_on is null then 'no forecast has been made yet'
            when predictions.customer_key is null
                then 'not in the forecast of ' || forecast.as_of_on || ': the customer was not known to it'
            else predictions.not_predictable_reason
        end as not_predictable_reason,
        -- One usual gap is added to the span: the rate of somebody seen twice in a week is not twice a week.
        -- More than once a week is not taken for a habit. A one-time buyer has no habit yet.
        case
            when customers.occasions >= 2
                then
                    least(
                        52,
                        365.0 * (customers.occasions - 1) / (customers.days_first_to_last + customers.median_gap_days)
                    )
        end as usual_occasions_365
    from customers
    cross join forecast
    left join {{ ref('int_current_predictions') }} as predictions on customers.customer_key = predictions.customer_key
),

valued as (
    select
        *,
        case
            when is_closed and p_no_order_90 is not null then 0
            else p_no_order_90 * coalesce(usual_occasions_365 * expected_spend, predicted_value_365)
        end as value_at_risk,
        {{ add_days('last_occasion_on', 'round(usual_gap_days)') }} as expected_next_order_on
    from scored
)

select
    customer_key,
    is_closed,
    occasions,
    days_since_last::int as days_since_last,
    lapse_days::int as lapse_days,
    is_lapsed,
    model,
    version,
    predicted_as_of_on,
    expected_occasions_30,
    expected_occasions_90,
    expected_occasions_365,
    expected_spend,
    predicted_value_30,
    predicted_value_90,
    predicted_value_365,
    predicted_value_365_low,
    predicted_value_365_high,
    predicted_value_30_low,
    predicted_value_30_high,
    predicted_value_90_low,
    predicted_value_90_high,
    discounted_value_30,
    discounted_value_90,
    discounted_value_365,
    p_alive,
    p_no_order_30,
    p_no_order_90,
    p_no_order_180,
    risk_model,
    driver_1,
    driver_2,
    driver_3,
    is_predictable,
    not_predictable_reason,
    usual_occasions_365::numeric(12, 6) as usual_occasions_365,
    expected_next_order_on,
    greatest(0, {{ days_between('expected_next_order_on', as_of_on()) }})::int as days_overdue,
    value_at_risk::numeric(18, 2) as value_at_risk,
    {{ risk_band('is_closed', 'is_lapsed', 'p_no_order_90') }} as risk_band
from valued
