-- Returns known on the as-of day. Both bookings use the rate of the order's day, so that they add up to the same total.
with returns as (
    select
        *,
        {{ local_day('returned_at') }} as returned_on
    from {{ ref('stg_mapped__returns') }}
)

select
    {{ entity_key('returns.source_id') }} as return_key,
    orders.order_key,
    items.order_item_key,
    returns.source,
    returns.return_id,
    returns.order_id,
    returns.line_id,
    returns.reason,
    returns.quantity,
    orders.currency,
    returns.amount,
    -- what an order gives back is rounded once: a return is the difference that it makes
    (
        round(sum(returns.amount) over so_far * orders.exchange_rate, 2)
        - round((sum(returns.amount) over so_far - returns.amount) * orders.exchange_rate, 2)
    )::numeric(18, 2) as reporting_amount,
    orders.ordered_on,
    returns.returned_at,
    returns.returned_on
from returns
left join {{ ref('int_orders_dated') }} as orders
    on returns.source = orders.source
    and returns.order_id = orders.order_id
    and orders.ordered_on <= {{ as_of_on() }}
left join {{ ref('int_order_items_priced') }} as items
    on orders.order_key = items.order_key and returns.line_id = items.line_id
where returns.returned_on <= {{ as_of_on() }}
window so_far as (
    partition by orders.order_key
    order by returns.returned_at, {{ byte_order('returns.return_id') }}
    rows unbounded preceding
)
