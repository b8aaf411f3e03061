-- Any breakdown of any kind of period has the customers and the money of all customers, and cohorts have that of
-- the flow.
with flow as (
    select
        period,
        dimension,
        period_start,
        sum(at_end) as customers,
        sum(net_amount) as net_amount
    from {{ ref('customer_flow_by') }}
    group by period, dimension, period_start
),

cohorts as (
    select
        period,
        dimension,
        activity_start as period_start,
        sum(active_customers) as customers,
        sum(net_amount) as net_amount
    from {{ ref('retention_cohorts_by') }}
    group by period, dimension, activity_start
),

compared as (
    select
        'flow' as what,
        flow.*,
        everybody.customers as expected_customers,
        everybody.net_amount as expected_net_amount
    from flow
    inner join flow as everybody
        on flow.period = everybody.period
        and flow.period_start = everybody.period_start
        and everybody.dimension = 'all'
    union all
    select
        'cohorts' as what,
        cohorts.*,
        everybody.customers as expected_customers,
        everybody.net_amount as expected_net_amount
    from cohorts
    inner join cohorts as everybody
        on cohorts.period = everybody.period
        and cohorts.period_start = everybody.period_start
        and everybody.dimension = 'all'
    union all
    select
        'money of cohorts and flow' as what,
        cohorts.period,
        cohorts.dimension,
        cohorts.period_start,
        flow.customers,
        cohorts.net_amount,
        flow.customers as expected_customers,
        flow.net_amount as expected_net_amount
    from cohorts
    left join flow
        on cohorts.period = flow.period
        and cohorts.dimension = flow.dimension
        and cohorts.period_start = flow.period_start
)

select *
from compared
where customers is distinct from expected_customers or net_amount is distinct from expected_net_amount
