-- One row a return. Sum by returned_on for what finance closes, by ordered_on for what a cohort earned.
select
    returns.return_key,
    returns.order_key,
    orders.customer_key,
    returns.source,
    returns.return_id,
    returns.order_id,
    returns.line_id,
    returns.order_key is not null as is_order_known,
    coalesce(orders.is_valid, false) as is_order_valid,
    returns.returned_at,
    returns.returned_on,
    returns.ordered_on,
    {{ days_between('returns.ordered_on', 'returns.returned_on') }} as days_after_order,
    returns.reason,
    returns.quantity,
    '{{ var("reporting_currency") }}' as currency,
    returns.reporting_amount as returns_amount,
    returns.currency as original_currency,
    returns.amount as original_returns_amount
from {{ ref('int_returns') }} as returns
left join {{ ref('int_orders') }} as orders on returns.order_key = orders.order_key
