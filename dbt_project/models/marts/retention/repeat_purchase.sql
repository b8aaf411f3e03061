-- One row a cohort and window: of its customers observed for that many full days, how many came back in time.
with windows as (
    select within_days
    from (values (30), (60), (90), (180), (365)) as listed (within_days)
),

customers as (
    select
        cohort_month,
        first_occasion_on,
        {{ days_between('first_occasion_on', 'second_occasion_on') }} as days_to_second,
        {{ days_between('first_occasion_on', observed_until_on()) }} as observed_days
    from {{ ref('int_customer_histories') }}
),

counted as (
    select
        customers.cohort_month,
        windows.within_days,
        count(*) as cohort_customers,
        -- the day of the first order is day 0, so day n is over once n + 1 days are
        count(*) filter (where customers.observed_days > windows.within_days) as eligible_customers,
        count(*) filter (
            where customers.observed_days > windows.within_days and customers.days_to_second <= windows.within_days
        ) as repurchased_customers
    from customers
    cross join windows
    group by customers.cohort_month, windows.within_days
)

select
    counted.cohort_month,
    counted.within_days,
    counted.cohort_customers,
    counted.eligible_customers,
    counted.repurchased_customers,
    {{ rate('counted.repurchased_customers', 'counted.eligible_customers') }} as repurchased_rate,
    {{ add_days('months.closes_on', 'counted.within_days') }} <= {{ observed_until_on() }} as is_mature,
    {{ add_days('months.closes_on', 'counted.within_days') }} as matures_on
from counted
inner join {{ ref('util_months') }} as months on counted.cohort_month = months.month_start
