-- As many rows a month as there were customers by its end, and as many customers in their first month as came in it.
with counted as (
    select
        month_start,
        count(*) as rows_of_history
    from {{ ref('segment_history') }}
    group by month_start
),

arrivals as (
    select
        cohort_month,
        count(*) as customers
    from {{ ref('int_customer_histories') }}
    group by cohort_month
),

months as (
    select
        months.period_start,
        sum(coalesce(arrivals.customers, 0)) over (order by months.period_start) as customers
    from {{ ref('util_periods') }} as months
    left join arrivals on months.period_start = arrivals.cohort_month
    where months.period = 'month'
)

select
    months.*,
    counted.rows_of_history
from months
full join counted on months.period_start = counted.month_start
where counted.rows_of_history is distinct from months.customers
