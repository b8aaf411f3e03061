-- One row a channel of the first order: how many customers it brought, how many it kept, what they are worth.
with customers as (
    select
        histories.*,
        {{ days_between('histories.first_occasion_on', 'histories.second_occasion_on') }} as days_to_second,
        {{ days_between('histories.first_occasion_on', observed_until_on()) }} as observed_days,
        {{ days_between('histories.last_occasion_on', as_of_on()) }} as days_since_last,
        lapse_days.lapse_days
    from {{ ref('int_customer_histories') }} as histories
    inner join {{ ref('int_lapse_days') }} as lapse_days
        on histories.first_category = lapse_days.first_category
        and lapse_days.effective_on = {{ add_days(as_of_on(), 1) }}
),

counted as (
    select
        first_channel as channel,
        count(*) as customers,
        sum(orders)::bigint as orders,
        sum(occasions)::bigint as occasions,
        sum(net_amount)::numeric(18, 2) as net_amount,
        sum(margin_amount)::numeric(18, 2) as margin_amount,
        sum(costed_net_amount)::numeric(18, 2) as costed_net_amount,
        count(*) filter (where occasions >= 2) as repeat_customers,
        count(*) filter (where observed_days > 90) as eligible_90_customers,
        count(*) filter (where observed_days > 90 and days_to_second <= 90) as repurchased_within_90_customers,
        count(*) filter (where days_since_last < {{ var('active_days') }}) as active_customers,
        count(*) filter (where days_since_last >= lapse_days) as lapsed_customers
    from customers
    group by first_channel
)

select
    channel,
    customers,
    orders,
    occasions,
    net_amount,
    margin_amount,
    costed_net_amount,
    '{{ var("reporting_currency") }}' as currency,
    repeat_customers,
    {{ rate('repeat_customers', 'customers') }} as repeat_rate,
    eligible_90_customers,
    repurchased_within_90_customers,
    {{ rate('repurchased_within_90_customers', 'eligible_90_customers') }} as repurchased_within_90_rate,
    active_customers,
    {{ rate('active_customers', 'customers') }} as active_rate,
    lapsed_customers,
    {{ rate('lapsed_customers', 'customers') }} as lapsed_rate,
    (net_amount / nullif(orders, 0))::numeric(18, 2) as average_order_value,
    (net_amount / nullif(customers, 0))::numeric(18, 2) as net_amount_per_customer,
    {{ as_of_on() }} as as_of_on
from counted
