with months as (
    select count(*) as months
    from {{ ref('customer_flow') }}
),

first_months as (
    select
        period_start,
        row_number() over (order by period_start) as month_number
    from {{ ref('customer_flow') }}
),

cohorts as (
    select
        cohort_month,
        count(*) as activity_months,
        max(months_since_first) as last_month
    from {{ ref('retention_cohorts') }}
    group by cohort_month
)

select cohorts.*
from cohorts
cross join months
inner join first_months on cohorts.cohort_month = first_months.period_start
where
    cohorts.activity_months <> months.months - first_months.month_number + 1
    or cohorts.last_month <> cohorts.activity_months - 1
