{{ config(indexes=[{'columns': ['customer_key', 'occasion_on'], 'unique': true}]) }}

-- One row a customer and business day with a valid order. The one place where orders are sorted by customer.
with valid_orders as (
    select
        orders.customer_key,
        orders.ordered_on,
        days.month_start,
        orders.channel,
        orders.region,
        orders.main_category,
        orders.reporting_gross_amount,
        orders.reporting_discount_amount,
        orders.reporting_returns_amount,
        orders.reporting_net_amount,
        orders.reporting_margin_amount,
        -- by day, then by instant: days are put together, and days of a customer numbered, in the same order
        row_number() over (
            partition by orders.customer_key
            order by
                orders.ordered_on, orders.ordered_at, {{ byte_order('orders.source') }},
                {{ byte_order('orders.order_id') }}
        ) as order_number
    from {{ ref('int_orders') }} as orders
    inner join {{ ref('util_days') }} as days on orders.ordered_on = days.day
    where orders.is_valid and orders.customer_key is not null
),

customer_days as (
    select
        customer_key,
        ordered_on as occasion_on,
        min(month_start) as month_start,
        count(*) as orders,
        sum(reporting_gross_amount) as gross_amount,
        sum(reporting_discount_amount) as discount_amount,
        sum(reporting_returns_amount) as returns_amount,
        sum(reporting_net_amount) as net_amount,
        case when count(*) = count(reporting_margin_amount) then sum(reporting_margin_amount) end as margin_amount,
        max(channel) filter (where order_number = 1) as first_channel,
        max(region) filter (where order_number = 1) as first_region,
        max(main_category) filter (where order_number = 1) as first_category
    from valid_orders
    group by customer_key, ordered_on
),

occasions as (
    select
        customer_days.*,
        row_number() over customer as occasion_number,
        lag(customer_days.occasion_on) over customer as previous_occasion_on,
        lead(customer_days.occasion_on) over customer as next_occasion_on,
        -- what is lost when no other follows
        sum(customer_days.net_amount) over (
            customer range between interval '{{ (var("active_days") | int) - 1 }} days' preceding and current row
        ) as active_net_amount,
        first_value(customer_days.occasion_on) over customer as first_occasion_on,
        first_value(customer_days.month_start) over customer as cohort_month,
        coalesce(first_value(customer_days.first_channel) over customer, 'unknown') as channel_of_first_order,
        coalesce(first_value(customer_days.first_region) over customer, 'unknown') as region_of_first_order,
        coalesce(first_value(customer_days.first_category) over customer, 'unknown') as category_of_first_order
    from customer_days
    window customer as (partition by customer_days.customer_key order by customer_days.occasion_on)
)

select
    customer_key,
    occasion_on,
    occasion_number::int as occasion_number,
    previous_occasion_on,
    next_occasion_on,
    first_occasion_on,
    cohort_month,
    orders::int as orders,
    gross_amount::numeric(18, 2) as gross_amount,
    discount_amount::numeric(18, 2) as discount_amount,
    returns_amount::numeric(18, 2) as returns_amount,
    net_amount::numeric(18, 2) as net_amount,
    margin_amount::numeric(18, 2) as margin_amount,
    active_net_amount::numeric(18, 2) as active_net_amount,
    channel_of_first_order as first_channel,
    region_of_first_order as first_region,
    category_of_first_order as first_category
from occasions
