-- One row a customer and month in which they bought: how they stood when it began, whatever they bought in it.
with changed as (
    select
        customer_key,
        month_index,
        occasions > 0 as has_bought,
        month_index = min(month_index) over customer as is_first_month,
        max(last_occasion_on) over earlier as last_occasion_on,
        sum(occasions) over earlier as occasions,
        sum(net_amount) over earlier as net_amount
    from {{ ref('int_customer_month_changes') }}
    window
        customer as (partition by customer_key),
        earlier as (
            partition by customer_key order by month_index rows between unbounded preceding and 1 preceding
        )
),

months as (
    select
        changed.customer_key,
        months.period_start,
        changed.is_first_month,
        {{ days_between('changed.last_occasion_on', add_days('months.period_start', -1)) }} as days_since_last,
        changed.occasions,
        changed.net_amount
    from changed
    inner join {{ ref('util_periods') }} as months on changed.month_index = months.period_index
    where months.period = 'month' and changed.has_bought
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
