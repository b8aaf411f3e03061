-- One row a cohort and month since. A month in which nobody came back is a row with 0.
with occasions as (
    select
        cohort_month,
        occasion_month,
        is_first_in_month,
        orders,
        net_amount,
        margin_amount
    from {{ ref('int_purchase_occasions') }}  -- one row a customer and day, the one place where orders are sorted
),

months as (
    select
        month_start,
        month_index,
        is_closed,
        closes_on
    from {{ ref('util_months') }}
),

activity as (
    select
        cohort_month,
        occasion_month,
        count(*) filter (where is_first_in_month) as active_customers,  -- so no distinct is needed
        count(*) as occasions,
        sum(orders) as orders,
        sum(net_amount) as net_amount,
        sum(margin_amount) as margin_amount,
        sum(net_amount) filter (where margin_amount is not null) as costed_net_amount
    from occasions
    group by cohort_month, occasion_month
),

cohorts as (
    select
        activity.cohort_month,
        months.month_index,
        activity.active_customers as cohort_customers
    from activity
    inner join months on activity.cohort_month = months.month_start
    where activity.occasion_month = activity.cohort_month
)

select
    cohorts.cohort_month,
    months.month_start as activity_month,
    months.month_index - cohorts.month_index as months_since_first,
    cohorts.cohort_customers,
    coalesce(activity.active_customers, 0) as active_customers,
    {{ rate('coalesce(activity.active_customers, 0)', 'cohorts.cohort_customers') }} as active_rate,
    coalesce(activity.net_amount, 0)::numeric(18, 2) as net_amount,
    months.is_closed as is_mature,
    months.closes_on as matures_on,
    coalesce(activity.occasions, 0) as occasions,
    coalesce(activity.orders, 0)::bigint as orders,
    coalesce(activity.margin_amount, 0)::numeric(18, 2) as margin_amount,
    coalesce(activity.costed_net_amount, 0)::numeric(18, 2) as costed_net_amount,
    '{{ var("reporting_currency") }}' as currency
from cohorts
inner join months on cohorts.cohort_month <= months.month_start
left join activity
    on cohorts.cohort_month = activity.cohort_month
    and months.month_start = activity.occasion_month
