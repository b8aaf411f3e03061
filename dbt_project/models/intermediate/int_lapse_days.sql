{% set configured = (var('lapse_days') or 'null') ~ '::int' %}

-- After how many days without an order a customer counts as lapsed: one row a first category and day of effect, and one
-- for the shop. It is the 90th percentile of the gaps completed before that day; gaps are whole days, so they are
-- counted and not sorted.
with months as (
    select
        period_index as month_index,
        counted_until_on
    from {{ ref('util_periods') }}
    where period = 'month'
),

gaps as (
    select
        occasions.first_category,
        {{ days_between('occasions.occasion_on', 'occasions.next_occasion_on') }} as gap_days,
        days.month_index,
        count(*) as gaps
    from {{ ref('int_purchase_occasions') }} as occasions
    inner join {{ ref('util_days') }} as days on occasions.next_occasion_on = days.day
    group by occasions.first_category, gap_days, days.month_index
),

scoped_gaps as (
    select
        first_category,
        gap_days,
        month_index,
        gaps
    from gaps
    union all
    select
        null as first_category,
        gap_days,
        month_index,
        sum(gaps) as gaps
    from gaps
    group by gap_days, month_index
),

gaps_until as (
    select
        scoped_gaps.first_category,
        months.counted_until_on,
        scoped_gaps.gap_days,
        sum(scoped_gaps.gaps) as gaps
    from scoped_gaps
    inner join months on scoped_gaps.month_index <= months.month_index
    group by scoped_gaps.first_category, months.counted_until_on, scoped_gaps.gap_days
),

cumulated as (
    select
        *,
        sum(gaps) over (partition by first_category, counted_until_on order by gap_days) as gaps_up_to,
        sum(gaps) over (partition by first_category, counted_until_on) as all_gaps
    from gaps_until
),

percentiles as (
    select
        first_category,
        counted_until_on,
        max(all_gaps)::bigint as gaps,
        min(gap_days) filter (where gaps_up_to >= 0.9 * all_gaps) as lapse_days,
        min(gap_days) filter (where gaps_up_to >= 0.5 * all_gaps) as median_gap_days
    from cumulated
    group by first_category, counted_until_on
),

scopes as (
    select distinct first_category
    from {{ ref('int_purchase_occasions') }}
    union all
    select null as first_category
)

select
    scopes.first_category,
    months.counted_until_on as effective_on,
    coalesce(case when scopes.first_category is null then shop.gaps else own.gaps end, 0) as gaps,
    coalesce(
        {{ configured }},
        case when own.gaps >= 500 and scopes.first_category is not null then own.lapse_days end,
        shop.lapse_days,
        {{ var('active_days') }}
    ) as lapse_days,
    case
        when {{ configured }} is not null then 'configured'
        when own.gaps >= 500 and scopes.first_category is not null then 'first category'
        when shop.gaps > 0 then 'all customers'
        else 'active_days'
    end as basis,
    case
        when own.gaps >= 500 and scopes.first_category is not null then own.median_gap_days
        else shop.median_gap_days
    end as median_gap_days
from months
cross join scopes
left join percentiles as own
    on months.counted_until_on = own.counted_until_on and scopes.first_category = own.first_category
left join percentiles as shop
    on months.counted_until_on = shop.counted_until_on and shop.first_category is null
