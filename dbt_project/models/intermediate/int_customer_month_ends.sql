-- One row a customer and month since their first order: how they stood at its start and its end. From one month in
-- which something changed to the next there is but the silence, so each such month is carried forward.
with changed as (
    select
        customer_key,
        month_index,
        min(month_index) over customer as cohort_month_index,
        max(last_occasion_on) over so_far as last_occasion_on,
        sum(occasions) over so_far as occasions,
        sum(net_amount) over so_far as net_amount,
        sum(occasions) over so_far - occasions as earlier_occasions,
        sum(net_amount) over so_far - net_amount as earlier_net_amount
    from {{ ref('int_customer_month_changes') }}
    window
        customer as (partition by customer_key),
        so_far as (partition by customer_key order by month_index)
),

-- what a month without a change cannot change is scored once a month with one
rated as (
    select
        changed.*,
        occasions.next_occasion_on,
        lag(changed.last_occasion_on) over so_far as previous_occasion_on,
        lead(changed.month_index) over so_far as next_month_index,
        {{ score('changed.occasions', var('rfm_occasions')) }} as frequency_score,
        {{ score('changed.net_amount', var('rfm_net_amount')) }} as money_score,
        {{ value_tier('changed.net_amount') }} as value_tier,
        {{ score('changed.earlier_occasions', var('rfm_occasions')) }} as earlier_frequency_score,
        {{ score('changed.earlier_net_amount', var('rfm_net_amount')) }} as earlier_money_score,
        {{ value_tier('changed.earlier_net_amount') }} as earlier_value_tier
    from changed
    left join {{ ref('int_purchase_occasions') }} as occasions
        on changed.customer_key = occasions.customer_key and changed.last_occasion_on = occasions.occasion_on
    window so_far as (partition by changed.customer_key order by changed.month_index)
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
        rated.*,
        months.period_start,
        months.period_label,
        months.is_closed,
        months.counted_until_on,
        months.period_index = rated.cohort_month_index as is_first_month,
        months.period_index > rated.month_index as is_carried,
        tiers.tier,
        coalesce(earlier_tiers.tier, 'none') as tier_at_start,
        {{ days_between('rated.last_occasion_on', add_days('months.counted_until_on', -1)) }} as days_since_last,
        case
            when months.period_index > rated.month_index
                then {{ days_between('rated.last_occasion_on', add_days('months.period_start', -1)) }}
            else {{ days_between('rated.previous_occasion_on', add_days('months.period_start', -1)) }}
        end as days_since_last_at_start
    from rated
    cross join running_month
    cross join lateral {{
        whole_numbers('rated.month_index', 'coalesce(rated.next_month_index, running_month.month_index + 1) - 1')
    }} as carried (month_index)
    inner join months on carried.month_index = months.period_index
    left join {{ ref('int_customer_tiers') }} as tiers
        on rated.customer_key = tiers.customer_key
        and months.counted_until_on > tiers.from_on
        and coalesce(months.counted_until_on <= tiers.until_on, true)
    left join {{ ref('int_customer_tiers') }} as earlier_tiers
        on rated.customer_key = earlier_tiers.customer_key
        and months.period_start > earlier_tiers.from_on
        and coalesce(months.period_start <= earlier_tiers.until_on, true)
),

scored as (
    select
        *,
        {{ falling_score('days_since_last', var('rfm_recency_days')) }} as recency_score,
        {{ falling_score('days_since_last_at_start', var('rfm_recency_days')) }} as recency_score_at_start,
        case when is_carried then frequency_score else earlier_frequency_score end as frequency_score_at_start,
        case when is_carried then money_score else earlier_money_score end as money_score_at_start,
        case when is_carried then value_tier else earlier_value_tier end as value_tier_at_start
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
    value_tier,
    tier,
    days_since_last < {{ var('active_days') }} as is_active,
    case
        when is_first_month then 'new'
        else {{ segment('recency_score_at_start', 'frequency_score_at_start', 'money_score_at_start') }}
    end as segment_at_start,
    case when is_first_month then 'new' else value_tier_at_start end as value_tier_at_start,
    case when is_first_month then 'new' else tier_at_start end as tier_at_start,
    coalesce(days_since_last_at_start < {{ var('active_days') }}, false) as was_active,
    next_occasion_on
from scored
