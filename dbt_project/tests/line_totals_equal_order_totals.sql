-- Wherever a source's lines add up to its order, every amount of the lines adds up to the order's, to the cent. They
-- are read in the order of the index: sums of every order at once would take the memory of all of them.
with line_totals as (
    select
        order_key,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(returns_amount) as returns_amount,
        sum(net_amount) as net_amount
    from (
        select *
        from {{ ref('fct_order_items') }}
        order by order_key
    ) as items
    group by order_key
)

select
    orders.order_key,
    orders.net_amount,
    line_totals.net_amount as lines_net_amount
from {{ ref('fct_orders') }} as orders
left join line_totals on orders.order_key = line_totals.order_key
where
    orders.has_matching_lines
    and not orders.is_without_rate
    and (
        orders.gross_amount is distinct from line_totals.gross_amount
        or orders.discount_amount is distinct from line_totals.discount_amount
        or orders.returns_amount is distinct from line_totals.returns_amount
        or orders.net_amount is distinct from line_totals.net_amount
    )
