-- One row a kind of period, breakdown and period: who was active at its start, who came, came back, fell silent, and
-- who is active at its end. A customer is active at day t with an occasion in the active_days days before t.
with periods as (
    select *
    from {{ ref('util_periods') }}
),

running as (
    select
        period,
        max(period_index) as period_index
    from periods
    group by period
),

-- In the order in which they lie, so nothing is sorted.
neighbours as (
    select
        period,
        period_index,
        customer_key,
        cohort_index = period_index as is_first_period,
        last_occasion_on,
        net_amount,
        first_channel,
        first_region,
        first_category,
        lag(last_occasion_on) over customer as previous_last_occasion_on,
        lead(last_occasion_on) over customer as next_last_occasion_on,
        lead(period_index) over customer as next_period_index
    from {{ ref('int_customer_periods') }}
    window customer as (partition by period, customer_key order by period_index)
),

-- The last occasion of a period alone decides at which period ends its customer is still active: from the end of that
-- period to the last period start that is at most active_days later.
bought as (
    select
        neighbours.*,
        {{ add_days('neighbours.last_occasion_on', var('active_days')) }} >= periods.counted_until_on
            as is_active_at_end,
        coalesce(
            {{ add_days('neighbours.previous_last_occasion_on', var('active_days')) }} < periods.period_start, true
        ) as was_silent_at_start,
        case
            when {{ add_days('neighbours.last_occasion_on', var('active_days')) }} > {{ as_of_on() }}
                then running.period_index + 1
            when neighbours.period = 'week' then expiry.week_index
            when neighbours.period = 'month' then expiry.month_index
            when neighbours.period = 'quarter' then expiry.quarter_index
            else expiry.year_index
        end as active_until_index,
        running.period_index as running_index
    from neighbours
    inner join periods on neighbours.period = periods.period and neighbours.period_index = periods.period_index
    inner join running on neighbours.period = running.period
    inner join {{ ref('util_days') }} as expiry
        on {{ add_days('neighbours.last_occasion_on', var('active_days')) }} = expiry.day
),

-- Active at the start of period active_until_index, and not at its end: no purchase until then, or one in that very
-- period which does not reach its end either.
churned as (
    select
        bought.*,
        case
            when bought.next_period_index = bought.active_until_index then bought.next_last_occasion_on
            else bought.last_occasion_on
        end as final_occasion_on
    from bought
    inner join periods on bought.period = periods.period and bought.active_until_index = periods.period_index
    where
        bought.is_active_at_end
        and bought.active_until_index <= bought.running_index
        and coalesce(
            bought.next_period_index > bought.active_until_index
            or (
                bought.next_period_index = bought.active_until_index
                and {{ add_days('bought.next_last_occasion_on', var('active_days')) }} < periods.counted_until_on
            ),
            true
        )
),

-- few rows are left of many before they are counted once for each breakdown
movements as (
    select
        period,
        period_index,
        first_channel,
        first_region,
        first_category,
        count(*) filter (where is_arrival and is_first_period) as new_customers,
        count(*) filter (where is_arrival and not is_first_period) as reactivated_customers,
        0 as churned_customers,
        count(*) filter (where is_first_period) as first_time_buyers,
        count(*) as buyers,
        sum(net_amount) as net_amount,
        coalesce(sum(net_amount) filter (where is_arrival and not is_first_period), 0) as reactivated_net_amount,
        0 as churned_net_amount
    from (
        select
            *,
            is_active_at_end and was_silent_at_start as is_arrival
        from bought
    ) as arrivals
    group by period, period_index, first_channel, first_region, first_category
    union all
    select
        churned.period,
        churned.active_until_index as period_index,
        churned.first_channel,
        churned.first_region,
        churned.first_category,
        0 as new_customers,
        0 as reactivated_customers,
        count(*) as churned_customers,
        0 as first_time_buyers,
        0 as buyers,
        0 as net_amount,
        0 as reactivated_net_amount,
        sum(occasions.active_net_amount) as churned_net_amount
    from churned
    inner join {{ ref('int_purchase_occasions') }} as occasions
        on churned.customer_key = occasions.customer_key and churned.final_occasion_on = occasions.occasion_on
    group by
        churned.period, churned.active_until_index, churned.first_channel, churned.first_region,
        churned.first_category
),

counted as (
    select
        period,
        period_index,
        {{ breakdown() }},
        sum(new_customers) as new_customers,
        sum(reactivated_customers) as reactivated_customers,
        sum(churned_customers) as churned_customers,
        sum(first_time_buyers) as first_time_buyers,
        sum(buyers) as buyers,
        sum(net_amount) as net_amount,
        sum(reactivated_net_amount) as reactivated_net_amount,
        sum(churned_net_amount) as churned_net_amount
    from movements
    group by {{ breakdown_sets('period, period_index') }}
),

breakdowns as (
    select distinct
        dimension,
        dimension_value
    from counted
),

changes as (
    select
        periods.*,
        breakdowns.dimension,
        breakdowns.dimension_value,
        coalesce(counted.new_customers, 0) as new_customers,
        coalesce(counted.reactivated_customers, 0) as reactivated_customers,
        coalesce(counted.churned_customers, 0) as churned_customers,
        coalesce(counted.first_time_buyers, 0) as first_time_buyers,
        coalesce(counted.buyers, 0) as buyers,
        coalesce(counted.net_amount, 0) as net_amount,
        coalesce(counted.reactivated_net_amount, 0) as reactivated_net_amount,
        coalesce(counted.churned_net_amount, 0) as churned_net_amount
    from periods
    cross join breakdowns
    left join counted
        on periods.period = counted.period
        and periods.period_index = counted.period_index
        and breakdowns.dimension = counted.dimension
        and breakdowns.dimension_value = counted.dimension_value
),

stocks as (
    select
        *,
        sum(new_customers + reactivated_customers - churned_customers) over (
            partition by period, dimension, dimension_value order by period_index
        )::bigint as at_end
    from changes
),

flow as (
    select
        *,
        (at_end - new_customers - reactivated_customers + churned_customers)::bigint as at_start
    from stocks
)

select
    period,
    dimension,
    dimension_value,
    period_start,
    period_label,
    at_start,
    new_customers::bigint as new_customers,
    reactivated_customers::bigint as reactivated_customers,
    churned_customers::bigint as churned_customers,
    at_end,
    (at_start - churned_customers)::bigint as retained_customers,
    {{ rate('(at_end - new_customers)', 'at_start', 12) }} as retention_rate_stock,
    {{ rate('(at_start - churned_customers)', 'at_start') }} as retention_rate_strict,
    (1 - {{ rate('(at_start - churned_customers)', 'at_start') }})::numeric(7, 6) as churn_rate,
    first_time_buyers::bigint as first_time_buyers,
    buyers::bigint as buyers,
    net_amount::numeric(18, 2) as net_amount,
    reactivated_net_amount::numeric(18, 2) as reactivated_net_amount,
    churned_net_amount::numeric(18, 2) as churned_net_amount,
    is_closed as is_mature,
    closes_on as matures_on,
    counted_until_on
from flow
