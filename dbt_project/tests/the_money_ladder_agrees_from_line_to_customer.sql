-- gross - discounts - returns = net, net - cost = margin: every rung is the same amount whether it is added up over
-- lines, orders, days, cohorts or customers. Lines are compared where they make up their order, and margin where the
-- cost of the whole of a customer's day is known.
with attributed as (
    select
        order_key,
        customer_key,
        ordered_on,
        has_matching_lines,
        cost_amount,
        {{ ladder_rungs() | join(',\n        ') }}
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

comparable as (
    select
        attributed.*,
        unknown.ordered_on is null as is_margin_known
    from attributed
    left join days_of_unknown_cost as unknown
        on attributed.customer_key = unknown.customer_key and attributed.ordered_on = unknown.ordered_on
),

totals as (
    select
        'orders' as grain,
        'orders' as compared_with,
        {{ ladder_sums('comparable', margin_only='comparable.is_margin_known') }}
    from comparable
    union all
    select
        'days' as grain,
        'orders' as compared_with,
        {{ ladder_sums('days') }}
    from {{ ref('int_purchase_occasions') }} as days
    union all
    select
        cohorts.period || 's by ' || cohorts.dimension as grain,
        'orders' as compared_with,
        {{ ladder_sums('cohorts') }}
    from {{ ref('retention_cohorts_by') }} as cohorts
    group by cohorts.period, cohorts.dimension
    union all
    select
        'customers' as grain,
        'orders' as compared_with,
        {{ ladder_sums('customers') }}
    from {{ ref('int_customer_histories') }} as customers
    union all
    select
        'orders made up of their lines' as grain,
        'orders made up of their lines' as compared_with,
        {{ ladder_sums('whole_orders') }}
    from whole_orders
    union all
    select
        'lines' as grain,
        'orders made up of their lines' as compared_with,
        {{ ladder_sums('items') }}
    from {{ ref('fct_order_items') }} as items
    inner join whole_orders on items.order_key = whole_orders.order_key
)

select totals.*
from totals
inner join totals as expected on totals.compared_with = expected.grain
where
    totals.net_amount <> totals.gross_amount - totals.discount_amount - totals.returns_amount
    {% for rung in ladder_rungs() %}
    or totals.{{ rung }} <> expected.{{ rung }}
    {% endfor %}
