-- One row a month of first orders, channel and window of days: what it cost to acquire a customer, what margin each had
-- brought since, and after how many days the one had covered the other.
with costs as (
    select
        days.month_start as cohort_start,
        costs.channel,
        sum(
            round(
                costs.amount
                * case when costs.currency = '{{ var("reporting_currency") }}' then 1 else rates.rate end, 2
            )
        ) as cost_amount
    from {{ ref('stg_mapped__acquisition_costs') }} as costs
    inner join {{ ref('util_days') }} as days on costs.month_on = days.day
    left join {{ ref('int_daily_rates') }} as rates
        on costs.currency = rates.currency and costs.month_on = rates.day
    where costs.month_on <= {{ as_of_on() }}
    group by days.month_start, costs.channel
),

-- Costs begin before the first order does, so these are not the months of util_periods.
months as (
    select distinct
        month_start as period_start,
        next_month_start as closes_on,
        month_label as period_label
    from {{ ref('util_days') }}
),

windows as (
    select *
    from {{ ref('int_cohort_windows') }}
    where period = 'month' and dimension = 'channel'
),

-- A month that cost something and brought nobody is a row too.
cohorts as (
    select
        cohort_start,
        dimension_value as channel
    from windows
    union
    select
        cohort_start,
        channel
    from costs
),

margins as (
    select
        cohort_month as cohort_start,
        first_channel as channel,
        {{ days_between('first_occasion_on', 'occasion_on') }} as age_days,
        sum(margin_amount) as margin_amount,
        count(margin_amount) as costed_occasions
    from {{ ref('int_purchase_occasions') }}
    group by cohort_month, first_channel, {{ days_between('first_occasion_on', 'occasion_on') }}
),

known_margins as (
    select
        cohort_start,
        channel
    from margins
    group by cohort_start, channel
    having sum(costed_occasions) > 0
),

margins_to_date as (
    select
        cohort_start,
        channel,
        age_days,
        sum(margin_amount) over (partition by cohort_start, channel order by age_days) as margin_amount
    from margins
),

-- Only ages that everybody in the cohort has reached, so that the day does not move when the young grow up.
paid_back as (
    select
        margins.cohort_start,
        margins.channel,
        min(margins.age_days) as payback_days
    from margins_to_date as margins
    inner join costs on margins.cohort_start = costs.cohort_start and margins.channel = costs.channel
    inner join months on margins.cohort_start = months.period_start
    where
        margins.margin_amount >= costs.cost_amount
        and {{ add_days('months.closes_on', 'margins.age_days') }} <= {{ observed_until_on() }}
    group by margins.cohort_start, margins.channel
),

joined as (
    select
        cohorts.cohort_start,
        months.period_label as cohort_label,
        cohorts.channel,
        listed.within_days,
        coalesce(windows.cohort_customers, 0) as cohort_customers,
        coalesce(windows.eligible_customers, 0) as eligible_customers,
        costs.cost_amount,
        coalesce(windows.margin_amount, 0) as margin_amount,
        coalesce(windows.costed_net_amount, 0) as costed_net_amount,
        paid_back.payback_days,
        windows.cohort_customers > 0 and known_margins.cohort_start is null as is_margin_unknown,
        {{ add_days('months.closes_on', 'listed.within_days') }} as matures_on
    from cohorts
    inner join months on cohorts.cohort_start = months.period_start
    cross join (values (0), (30), (60), (90), (180), (365)) as listed (within_days)
    left join windows
        on cohorts.cohort_start = windows.cohort_start
        and cohorts.channel = windows.dimension_value
        and listed.within_days = windows.within_days
    left join costs on cohorts.cohort_start = costs.cohort_start and cohorts.channel = costs.channel
    left join known_margins
        on cohorts.cohort_start = known_margins.cohort_start and cohorts.channel = known_margins.channel
    left join paid_back on cohorts.cohort_start = paid_back.cohort_start and cohorts.channel = paid_back.channel
)

select
    cohort_start,
    cohort_label,
    channel,
    within_days,
    cohort_customers,
    eligible_customers,
    cost_amount::numeric(18, 2) as cost_amount,
    (cost_amount / nullif(cohort_customers, 0))::numeric(18, 2) as cost_per_customer,
    margin_amount::numeric(18, 2) as margin_amount,
    costed_net_amount::numeric(18, 2) as costed_net_amount,
    (margin_amount / nullif(eligible_customers, 0))::numeric(18, 2) as margin_per_customer,
    case
        when cost_amount is not null and is_margin_unknown is not true and matures_on <= {{ observed_until_on() }}
            then coalesce(payback_days <= within_days, false)
    end as is_paid_back,
    payback_days::int as payback_days,
    case
        when payback_days is not null then null
        when cost_amount is null then 'no acquisition cost is given for the channel and month'
        when cohort_customers = 0 then 'nobody was acquired'
        when is_margin_unknown then 'no margin of who was acquired is known'
        else 'not paid back by the age that all of the cohort have reached'
    end as not_paid_back_because,
    '{{ var("reporting_currency") }}' as currency,
    matures_on <= {{ observed_until_on() }} as is_mature,
    matures_on
from joined
