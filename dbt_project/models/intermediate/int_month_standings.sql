-- One row a customer and month in which they bought: how they stood when it began, whatever they bought in it.
with months as (
    select
        periods.customer_key,
        months.period_start,
        periods.period_index = periods.cohort_index as is_first_month,
        {{ days_between('lag(periods.last_occasion_on) over customer', add_days('months.period_start', -1)) }}
            as days_since_last,
        sum(periods.occasions) over customer - periods.occasions as occasions,
        sum(periods.net_amount) over customer - periods.net_amount as net_amount
    from {{ ref('int_customer_periods') }} as periods
    inner join {{ ref('util_periods') }} as months
        on periods.period = months.period and periods.period_index = months.period_index
    where periods.period = 'month'
    window customer as (partition by periods.customer_key order by periods.period_index)
),

scored as (
    select
        months.*,
        tiers.tier,
        {{ falling_score('months.days_since_last', var('rfm_recency_days')) }} as recency_score,
        {{ score('months.occasions', var('rfm_occasions')) }} as frequency_score,
        {{ score('months.net_amount', var('rfm_net_amount')) }} as money_score
    from months
    left join {{ ref('int_customer_tiers') }} as tiers
        on months.customer_key = tiers.customer_key
        and months.period_start > tiers.from_on
        and coalesce(months.period_start <= tiers.until_on, true)
)

select
    customer_key,
    period_start as month_start,
    case
        when is_first_month then 'new'
        else {{ segment('recency_score', 'frequency_score', 'money_score') }}
    end as segment_then,
    case when is_first_month then 'new' else {{ value_tier('net_amount') }} end as value_tier_then,
    case when is_first_month then 'new' else coalesce(tier, 'none') end as tier_then
from scored
