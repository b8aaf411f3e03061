-- One row a month: who was active at its start, who came, came back, fell silent, and who is active at its end.
-- A customer is active at day t with an occasion in the active_days days before t.
with months as (
    select *
    from {{ ref('util_months') }}
),

running_month as (
    select max(month_index) as month_index
    from months
),

-- The last occasion of a month alone decides at which month ends its customer is still active: from the end of that
-- month to the last month start that is at most active_days later.
spans as (
    select
        occasions.customer_key,
        months.month_index,
        occasions.cohort_month = occasions.occasion_month as is_first_month,
        case
            when {{ add_days('occasions.occasion_on', var('active_days')) }} > {{ as_of_on() }}
                then running_month.month_index + 1
            else expiry.month_index
        end as active_until_index
    from {{ ref('int_purchase_occasions') }} as occasions
    inner join months on occasions.occasion_month = months.month_start
    inner join {{ ref('util_days') }} as expiry
        on {{ add_days('occasions.occasion_on', var('active_days')) }} = expiry.day
    cross join running_month
    where
        occasions.is_last_in_month
        and {{ add_days('occasions.occasion_on', var('active_days')) }} >= months.counted_until_on
),

neighbours as (
    select
        *,
        lag(active_until_index) over customer as previous_active_until_index,
        lead(month_index) over customer as next_month_index
    from spans
    window customer as (partition by customer_key order by month_index)
),

comings as (
    select
        month_index,
        count(*) filter (where is_first_month) as new_customers,
        count(*) filter (where not is_first_month) as reactivated_customers
    from neighbours
    where coalesce(previous_active_until_index < month_index, true)
    group by month_index
),

-- Active at the start of month active_until_index, and not at its end.
goings as (
    select
        neighbours.active_until_index as month_index,
        count(*) as churned_customers
    from neighbours
    cross join running_month
    where
        coalesce(neighbours.next_month_index > neighbours.active_until_index, true)
        and neighbours.active_until_index <= running_month.month_index
    group by neighbours.active_until_index
),

purchases as (
    select
        occasion_month,
        count(*) filter (where occasion_number = 1) as first_time_buyers,
        count(*) filter (where is_first_in_month) as buyers,
        sum(net_amount) as net_amount
    from {{ ref('int_purchase_occasions') }}
    group by occasion_month
),

changes as (
    select
        months.month_start,
        months.month_label,
        months.closes_on,
        months.counted_until_on,
        months.is_closed,
        months.month_index,
        coalesce(comings.new_customers, 0) as new_customers,
        coalesce(comings.reactivated_customers, 0) as reactivated_customers,
        coalesce(goings.churned_customers, 0) as churned_customers,
        coalesce(purchases.first_time_buyers, 0) as first_time_buyers,
        coalesce(purchases.buyers, 0) as buyers,
        coalesce(purchases.net_amount, 0) as net_amount
    from months
    left join comings on months.month_index = comings.month_index
    left join goings on months.month_index = goings.month_index
    left join purchases on months.month_start = purchases.occasion_month
),

stocks as (
    select
        *,
        (sum(new_customers + reactivated_customers - churned_customers) over (order by month_index))::bigint as at_end
    from changes
),

flow as (
    select
        *,
        at_end - new_customers - reactivated_customers + churned_customers as at_start
    from stocks
)

select
    month_start as period_start,
    at_start,
    new_customers,
    reactivated_customers,
    churned_customers,
    at_end,
    {{ rate('(at_end - new_customers)', 'at_start', 12) }} as retention_rate_stock,
    {{ rate('(at_start - churned_customers)', 'at_start') }} as retention_rate_strict,
    (1 - {{ rate('(at_start - churned_customers)', 'at_start') }})::numeric(7, 6) as churn_rate,
    is_closed as is_mature,
    closes_on as matures_on,
    counted_until_on,
    month_label as period_label,
    first_time_buyers,
    buyers,
    net_amount::numeric(18, 2) as net_amount,
    '{{ var("reporting_currency") }}' as currency,
    {{ var('active_days') }} as active_days
from flow
