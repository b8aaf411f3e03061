{{ config(tags=['forecast']) }}

-- One row a customer in the newest published forecast that is not later than the as-of day, horizons side by side.
with published as (
    select
        models.model,
        models.version,
        models.as_of_on,
        row_number() over (
            order by models.as_of_on desc, models.fitted_at desc, {{ byte_order('models.model') }}, models.version
        ) as preference
    from {{ source('forecast', 'models') }} as models
    where
        models.purpose = 'current'
        and models.as_of_on <= {{ as_of_on() }}
        -- a fit that published nothing (a distribution of spend, a comparison) is no forecast
        and exists (
            select 1
            from {{ source('forecast', 'predictions') }} as predictions
            where
                predictions.as_of_on = models.as_of_on
                and predictions.version = models.version
                and predictions.model = models.model
        )
),

predictions as (
    select
        predictions.*,
        reasons.driver_1,
        reasons.driver_2,
        reasons.driver_3
    from {{ source('forecast', 'predictions') }} as predictions
    inner join published
        on predictions.as_of_on = published.as_of_on
        and predictions.version = published.version
        and predictions.model = published.model
    left join {{ source('forecast', 'reasons') }} as reasons
        on predictions.as_of_on = reasons.as_of_on
        and predictions.version = reasons.version
        and predictions.customer_key = reasons.customer_key
        and predictions.horizon_days = 90  -- the horizon that reasons are given for
    where published.preference = 1
)

select
    customer_key,
    as_of_on,
    model,
    version,
    max(expected_occasions) filter (where horizon_days = 30)::numeric(12, 6) as expected_occasions_30,
    max(expected_occasions) filter (where horizon_days = 90)::numeric(12, 6) as expected_occasions_90,
    max(expected_occasions) filter (where horizon_days = 365)::numeric(12, 6) as expected_occasions_365,
    max(expected_spend) filter (where horizon_days = 365)::numeric(18, 4) as expected_spend,
    max(predicted_value) filter (where horizon_days = 30)::numeric(18, 2) as predicted_value_30,
    max(predicted_value) filter (where horizon_days = 90)::numeric(18, 2) as predicted_value_90,
    max(predicted_value) filter (where horizon_days = 365)::numeric(18, 2) as predicted_value_365,
    max(predicted_value_low) filter (where horizon_days = 365)::numeric(18, 2) as predicted_value_365_low,
    max(predicted_value_high) filter (where horizon_days = 365)::numeric(18, 2) as predicted_value_365_high,
    max(predicted_value_low) filter (where horizon_days = 30)::numeric(18, 2) as predicted_value_30_low,
    max(predicted_value_high) filter (where horizon_days = 30)::numeric(18, 2) as predicted_value_30_high,
    max(predicted_value_low) filter (where horizon_days = 90)::numeric(18, 2) as predicted_value_90_low,
    max(predicted_value_high) filter (where horizon_days = 90)::numeric(18, 2) as predicted_value_90_high,
    max(discounted_value) filter (where horizon_days = 30)::numeric(18, 2) as discounted_value_30,
    max(discounted_value) filter (where horizon_days = 90)::numeric(18, 2) as discounted_value_90,
    max(discounted_value) filter (where horizon_days = 365)::numeric(18, 2) as discounted_value_365,
    max(p_alive) filter (where horizon_days = 365)::numeric(7, 6) as p_alive,
    max(p_no_order) filter (where horizon_days = 30)::numeric(7, 6) as p_no_order_30,
    max(p_no_order) filter (where horizon_days = 90)::numeric(7, 6) as p_no_order_90,
    max(p_no_order) filter (where horizon_days = 180)::numeric(7, 6) as p_no_order_180,
    max(risk_model) filter (where horizon_days = 90) as risk_model,
    max(driver_1) as driver_1,
    max(driver_2) as driver_2,
    max(driver_3) as driver_3,
    bool_and(is_predictable) as is_predictable,
    max(not_predictable_reason) as not_predictable_reason
from predictions
group by customer_key, as_of_on, model, version
