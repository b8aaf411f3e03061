-- gross - discounts - returns = net, net - cost = margin: every rung is the same amount whether it is added up over
-- lines, orders, days, cohorts or customers. Lines are compared where they make up their order, and margin where the
-- cost of the whole of a customer's day is known.
with attributed as (
    select *
    from {{ ref('fct_orders') }}
    where is_valid and not is_unattributed
),

whole_orders as (
    select *
    from attributed
    where has_matching_lines and cost_amount is not null
),

days_of_unknown_cost as (
    select distinct
        customer_key,
        ordered_on
    from attributed
    where cost_amount is null
),

totals as (
    select
        'orders' as grain,
        'orders' as compared_with,
        coalesce(sum(attributed.gross_amount), 0) as gross_amount,
        coalesce(sum(attributed.discount_amount), 0) as discount_amount,
        coalesce(sum(attributed.returns_amount), 0) as returns_amount,
        coalesce(sum(attributed.net_amount), 0) as net_amount,
        coalesce(sum(attributed.margin_amount) filter (where unknown.ordered_on is null), 0) as margin_amount
    from attributed
    left join days_of_unknown_cost as unknown
        on attributed.customer_key = unknown.customer_key and attributed.ordered_on = unknown.ordered_on
    union all
    select
        'days' as grain,
        'orders' as compared_with,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(discount_amount), 0) as discount_amount,
        coalesce(sum(returns_amount), 0) as returns_amount,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(margin_amount), 0) as margin_amount
    from {{ ref('int_purchase_occasions') }}
    union all
    select
        period || 's by ' || dimension as grain,
        'orders' as compared_with,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(discount_amount), 0) as discount_amount,
        coalesce(sum(returns_amount), 0) as returns_amount,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(margin_amount), 0) as margin_amount
    from {{ ref('retention_cohorts_by') }}
    group by period, dimension
    union all
    select
        'customers' as grain,
        'orders' as compared_with,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(discount_amount), 0) as discount_amount,
        coalesce(sum(returns_amount), 0) as returns_amount,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(margin_amount), 0) as margin_amount
    from {{ ref('int_customer_histories') }}
    union all
    select
        'orders made up of their lines' as grain,
        'orders made up of their lines' as compared_with,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(discount_amount), 0) as discount_amount,
        coalesce(sum(returns_amount), 0) as returns_amount,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(margin_amount), 0) as margin_amount
    from whole_orders
    union all
    select
        'lines' as grain,
        'orders made up of their lines' as compared_with,
        coalesce(sum(items.gross_amount), 0) as gross_amount,
        coalesce(sum(items.discount_amount), 0) as discount_amount,
        coalesce(sum(items.returns_amount), 0) as returns_amount,
        coalesce(sum(items.net_amount), 0) as net_amount,
        coalesce(sum(items.margin_amount), 0) as margin_amount
    from {{ ref('fct_order_items') }} as items
    inner join whole_orders on items.order_key = whole_orders.order_key
)

select totals.*
from totals
inner join totals as expected on totals.compared_with = expected.grain
where
    totals.gross_amount <> expected.gross_amount
    or totals.discount_amount <> expected.discount_amount
    or totals.returns_amount <> expected.returns_amount
    or totals.net_amount <> expected.net_amount
    or totals.margin_amount <> expected.margin_amount
    or totals.net_amount <> totals.gross_amount - totals.discount_amount - totals.returns_amount
