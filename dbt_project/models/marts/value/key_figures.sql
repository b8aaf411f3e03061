{{ config(tags=['forecast']) }}

-- One row: the figures of the shop on the as-of day.
with orders as (
    select
        count(*) filter (where is_valid) as orders,
        coalesce(sum(reporting_net_amount) filter (where is_valid), 0) as net_amount,
        count(*) filter (where is_valid and is_unattributed) as unattributed_orders,
        coalesce(sum(reporting_net_amount) filter (where is_valid and is_unattributed), 0) as unattributed_net_amount,
        count(*) filter (where not is_valid) as excluded_orders
    from {{ ref('int_orders') }}
),

histories as (
    select
        *,
        {{ days_between('first_occasion_on', 'second_occasion_on') }} as days_to_second,
        {{ days_between('first_occasion_on', observed_until_on()) }} as observed_days
    from {{ ref('int_customer_histories') }}
),

customers as (
    select
        count(*) as customers,
        coalesce(sum(occasions), 0)::bigint as occasions,
        count(*) filter (where occasions >= 2) as repeat_customers,
        count(*) filter (where observed_days > 90) as eligible_90_customers,
        count(*) filter (where observed_days > 90 and days_to_second <= 90) as repurchased_within_90_customers
    from histories
),

trailing_year as (
    select
        count(*) filter (where is_last) as customers,
        count(*) filter (where is_last and not is_only) as repeat_customers
    from (
        select
            next_occasion_on is null as is_last,
            coalesce(previous_occasion_on <= {{ add_days(as_of_on(), -365) }}, true) as is_only
        from {{ ref('int_purchase_occasions') }}
        where occasion_on > {{ add_days(as_of_on(), -365) }}
    ) as occasions
),

scores as (
    select
        count(*) filter (where days_since_last < {{ var('active_days') }}) as active_customers,
        count(*) filter (where is_lapsed) as lapsed_customers,
        count(*) filter (where is_closed) as closed_customers,
        count(*) filter (where risk_band = 'high') as high_risk_customers,
        count(*) filter (where is_predictable) as predictable_customers,
        sum(value_at_risk) as value_at_risk,
        sum(predicted_value_365) as predicted_value_365,
        max(predicted_as_of_on) as predicted_as_of_on
    from {{ ref('int_customer_scores') }}
),

lapse_days as (
    select
        max(lapse_days) as lapse_days,
        max(median_gap_days) as median_gap_days
    from {{ ref('int_lapse_days') }}
    where first_category is null and effective_on = {{ add_days(as_of_on(), 1) }}
)

select
    {{ as_of_on() }} as as_of_on,
    {{ observed_until_on() }} as observed_until_on,
    '{{ var("reporting_currency") }}' as currency,
    customers.customers,
    orders.orders,
    orders.net_amount::numeric(18, 2) as net_amount,
    (orders.net_amount / nullif(orders.orders, 0))::numeric(18, 2) as average_order_value,
    orders.unattributed_orders,
    orders.unattributed_net_amount::numeric(18, 2) as unattributed_net_amount,
    orders.excluded_orders,
    customers.occasions,
    scores.active_customers,
    {{ var('active_days') }} as active_days,
    customers.repeat_customers,
    {{ rate('customers.repeat_customers', 'customers.customers') }} as repeat_rate,
    trailing_year.customers as customers_last_365,
    trailing_year.repeat_customers as repeat_customers_last_365,
    {{ rate('trailing_year.repeat_customers', 'trailing_year.customers') }} as repeat_rate_last_365,
    customers.eligible_90_customers,
    customers.repurchased_within_90_customers,
    {{ rate('customers.repurchased_within_90_customers', 'customers.eligible_90_customers') }}
        as repurchased_within_90_rate,
    lapse_days.lapse_days::int as lapse_days,
    lapse_days.median_gap_days::int as median_gap_days,
    scores.lapsed_customers,
    scores.closed_customers,
    scores.high_risk_customers,
    scores.value_at_risk::numeric(18, 2) as value_at_risk,
    scores.predicted_value_365::numeric(18, 2) as predicted_value_365,
    scores.predictable_customers,
    scores.predicted_as_of_on
from orders
cross join customers
cross join trailing_year
cross join scores
cross join lapse_days
