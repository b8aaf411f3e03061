-- The months that have begun, from the first purchase occasion on. The running month is counted until the as-of day.
with first_day as (
    select min(occasion_on) as day
    from {{ ref('int_purchase_occasions') }}
),

months as (
    select distinct
        month_start,
        next_month_start,
        month_index,
        month_label
    from {{ ref('util_days') }}
    where month_start <= {{ as_of_on() }}
)

select
    months.month_start,
    months.next_month_start as closes_on,
    least(months.next_month_start, {{ add_days(as_of_on(), 1) }}) as counted_until_on,
    months.month_index,
    months.month_label,
    months.next_month_start <= {{ observed_until_on() }} as is_closed
from months
inner join first_day on months.next_month_start > first_day.day
