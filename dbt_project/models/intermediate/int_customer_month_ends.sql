{{ config(materialized='view') }}

-- One row a customer and month since their first order: how they stood at its start and its end. From one month with an
-- order to the next nothing changes but the silence, so each such month is carried forward. A view, because each of its
-- readers wants another part of many rows.
with bought as (
    select
        periods.customer_key,
        periods.period_index as month_index,
        periods.cohort_index as cohort_month_index,
        periods.last_occasion_on,
        occasions.next_occasion_on,
        sum(periods.occasions) over so_far as occasions,
        sum(periods.net_amount) over so_far as net_amount,
        periods.occasions as month_occasions,
        periods.net_amount as month_net_amount,
        lag(periods.last_occasion_on) over so_far as previous_occasion_on,
        lead(periods.period_index) over so_far as next_month_index
    from {{ ref('int_customer_periods') }} as periods
    left join {{ ref('int_purchase_occasions') }} as occasions
        on periods.customer_key = occasions.customer_key and periods.last_occasion_on = occasions.occasion_on
    where periods.period = 'month'
    window so_far as (partition by periods.customer_key order by periods.period_index)
),

months as (
    select *
    from {{ ref('util_periods') }}
    where period = 'month'
),

running_month as (
    select max(period_index) as month_index
    from months
),

month_ends as (
    select
        bought.*,
        months.period_start,
        months.period_label,
        months.is_closed,
        months.counted_until_on,
        months.period_index = bought.cohort_month_index as is_first_month,
        tiers.tier,
        coalesce(earlier_tiers.tier, 'none') as tier_at_start,
        {{ days_between('bought.last_occasion_on', add_days('months.counted_until_on', -1)) }} as days_since_last,
        case
            when months.period_index > bought.month_index
                then {{ days_between('bought.last_occasion_on', add_days('months.period_start', -1)) }}
            else {{ days_between('bought.previous_occasion_on', add_days('months.period_start', -1)) }}
        end as days_since_last_at_start,
        case
            when months.period_index > bought.month_index then bought.occasions
            else bought.occasions - bought.month_occasions
        end as occasions_at_start,
        case
            when months.period_index > bought.month_index then bought.net_amount
            else bought.net_amount - bought.month_net_amount
        end as net_amount_at_start
    from bought
    cross join running_month
    inner join months
        on bought.month_index <= months.period_index
        and months.period_index < coalesce(bought.next_month_index, running_month.month_index + 1)
    left join {{ ref('int_customer_tiers') }} as tiers
        on bought.customer_key = tiers.customer_key
        and months.counted_until_on > tiers.from_on
        and coalesce(months.counted_until_on <= tiers.until_on, true)
    left join {{ ref('int_customer_tiers') }} as earlier_tiers
        on bought.customer_key = earlier_tiers.customer_key
        and months.period_start > earlier_tiers.from_on
        and coalesce(months.period_start <= earlier_tiers.until_on, true)
),

scored as (
    select
        *,
        {{ falling_score('days_since_last', var('rfm_recency_days')) }} as recency_score,
        {{ score('occasions', var('rfm_occasions')) }} as frequency_score,
        {{ score('net_amount', var('rfm_net_amount')) }} as money_score,
        {{ falling_score('days_since_last_at_start', var('rfm_recency_days')) }} as recency_score_at_start,
        {{ score('occasions_at_start', var('rfm_occasions')) }} as frequency_score_at_start,
        {{ score('net_amount_at_start', var('rfm_net_amount')) }} as money_score_at_start
    from month_ends
)

select
    customer_key,
    period_start as month_start,
    period_label,
    counted_until_on,
    is_closed,
    is_first_month,
    days_since_last,
    occasions::int as occasions,
    net_amount::numeric(18, 2) as net_amount,
    recency_score,
    frequency_score,
    money_score,
    {{ segment('recency_score', 'frequency_score', 'money_score') }} as segment,
    {{ value_tier('net_amount') }} as value_tier,
    tier,
    days_since_last < {{ var('active_days') }} as is_active,
    case
        when is_first_month then 'new'
        else {{ segment('recency_score_at_start', 'frequency_score_at_start', 'money_score_at_start') }}
    end as segment_at_start,
    case when is_first_month then 'new' else {{ value_tier('net_amount_at_start') }} end as value_tier_at_start,
    case when is_first_month then 'new' else tier_at_start end as tier_at_start,
    coalesce(days_since_last_at_start < {{ var('active_days') }}, false) as was_active,
    next_occasion_on
from scored
