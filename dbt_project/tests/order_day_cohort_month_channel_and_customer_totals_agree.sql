-- The same money and the same customers, whichever way they are added up.
with totals as (
    select
        'orders' as grain,
        count(distinct customer_key) as customers,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('fct_orders') }}
    where is_valid and not is_unattributed
    union all
    select
        'days' as grain,
        count(*) filter (where occasion_number = 1) as customers,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('int_purchase_occasions') }}
    union all
    select
        'cohorts' as grain,
        coalesce(sum(cohort_customers) filter (where months_since_first = 0), 0) as customers,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('retention_cohorts') }}
    union all
    select
        'months' as grain,
        coalesce(sum(first_time_buyers), 0) as customers,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('customer_flow') }}
    union all
    select
        'channels' as grain,
        coalesce(sum(customers), 0) as customers,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('channels') }}
    union all
    select
        'customers' as grain,
        count(*) filter (where occasions > 0) as customers,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('dim_customers') }}
)

select
    totals.*,
    orders.customers as expected_customers,
    orders.net_amount as expected_net_amount
from totals
inner join totals as orders on orders.grain = 'orders'
where totals.customers <> orders.customers or totals.net_amount <> orders.net_amount
