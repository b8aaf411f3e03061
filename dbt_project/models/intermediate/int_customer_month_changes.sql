-- One row a customer and month in which they bought or gave back: what changed in it. What is given back changes the
-- month in which it is, not the one of its order: how somebody stood is not changed by what they do later.
with bought as (
    select
        customer_key,
        period_index as month_index,
        last_occasion_on,
        occasions,
        gross_amount - discount_amount as net_amount
    from {{ ref('int_customer_periods') }}
    where period = 'month'
),

given_back as (
    select
        orders.customer_key,
        days.month_index,
        null::date as last_occasion_on,
        0 as occasions,
        -returns.reporting_amount as net_amount
    from {{ ref('int_returns') }} as returns
    inner join {{ ref('int_orders') }} as orders on returns.order_key = orders.order_key
    inner join {{ ref('util_days') }} as days on greatest(returns.returned_on, orders.ordered_on) = days.day
    where orders.is_valid and orders.customer_key is not null
),

changes as (
    select *
    from bought
    union all
    select *
    from given_back
)

select
    customer_key,
    month_index,
    max(last_occasion_on) as last_occasion_on,
    sum(occasions)::int as occasions,
    sum(net_amount)::numeric(18, 2) as net_amount
from changes
group by customer_key, month_index
