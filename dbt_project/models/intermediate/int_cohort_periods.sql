-- One row a kind of period, breakdown, cohort and period since. A period in which nobody came back is a row with 0.
with periods as (
    select *
    from {{ ref('util_periods') }}
),

activity as (
    select
        period,
        cohort_index,
        period_index,
        {{ breakdown() }},
        count(*) as active_customers,
        sum(occasions) as occasions,
        sum(orders) as orders,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(returns_amount) as returns_amount,
        sum(net_amount) as net_amount,
        sum(margin_amount) as margin_amount,
        sum(costed_net_amount) as costed_net_amount
    from {{ ref('int_customer_periods') }}
    group by {{ breakdown_sets('cohort_index, period_index, period') }}
),

cohorts as (
    select
        activity.period,
        activity.dimension,
        activity.dimension_value,
        activity.cohort_index,
        periods.period_start as cohort_start,
        periods.period_label as cohort_label,
        activity.active_customers as cohort_customers
    from activity
    inner join periods on activity.period = periods.period and activity.cohort_index = periods.period_index
    where activity.period_index = activity.cohort_index
)

select
    cohorts.period,
    cohorts.dimension,
    cohorts.dimension_value,
    cohorts.cohort_start,
    cohorts.cohort_label,
    periods.period_start as activity_start,
    (periods.period_index - cohorts.cohort_index)::int as periods_since_first,
    cohorts.cohort_customers,
    coalesce(activity.active_customers, 0) as active_customers,
    coalesce(activity.occasions, 0)::bigint as occasions,
    coalesce(activity.orders, 0)::bigint as orders,
    coalesce(activity.gross_amount, 0)::numeric(18, 2) as gross_amount,
    coalesce(activity.discount_amount, 0)::numeric(18, 2) as discount_amount,
    coalesce(activity.returns_amount, 0)::numeric(18, 2) as returns_amount,
    coalesce(activity.net_amount, 0)::numeric(18, 2) as net_amount,
    coalesce(activity.margin_amount, 0)::numeric(18, 2) as margin_amount,
    coalesce(activity.costed_net_amount, 0)::numeric(18, 2) as costed_net_amount,
    periods.is_closed as is_mature,
    periods.closes_on as matures_on
from cohorts
inner join periods on cohorts.period = periods.period and cohorts.cohort_index <= periods.period_index
left join activity
    on cohorts.period = activity.period
    and cohorts.dimension = activity.dimension
    and cohorts.dimension_value = activity.dimension_value
    and cohorts.cohort_index = activity.cohort_index
    and periods.period_index = activity.period_index
