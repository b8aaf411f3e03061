-- One row a month and rule: customers who had lapsed at its start, who lapsed and who was won back in it, and the money
-- of both, under the derived number of days and under 60, 90 and 120.
with derived as (
    select
        first_category,
        lapse_days
    from {{ ref('int_lapse_days') }}
    where effective_on = {{ add_days(as_of_on(), 1) }}
),

occasions as (
    select
        occasions.occasion_on,
        occasions.next_occasion_on,
        derived.lapse_days as derived_days,
        sum(occasions.net_amount) over (
            partition by occasions.customer_key
            order by occasions.occasion_on
            range between interval '364 days' preceding and current row
        ) as net_amount_365,
        lead(occasions.net_amount) over (
            partition by occasions.customer_key order by occasions.occasion_on
        ) as next_net_amount
    from {{ ref('int_purchase_occasions') }} as occasions
    inner join derived on occasions.first_category = derived.first_category
),

-- Lapsed on the day on which the silence is lapse_days long, unless that very day brings an order.
silences as (
    select
        listed.rule,
        {{ add_days('occasions.occasion_on', 'listed.lapse_days') }} as lapsed_on,
        occasions.next_occasion_on as won_back_on,
        occasions.net_amount_365,
        occasions.next_net_amount
    from occasions
    cross join lateral (
        values
        ('derived', occasions.derived_days),
        ('60 days', 60),
        ('90 days', 90),
        ('120 days', 120)
    ) as listed (rule, lapse_days)
),

lapses as (
    select *
    from silences
    where lapsed_on <= {{ as_of_on() }} and coalesce(won_back_on > lapsed_on, true)
),

events as (
    select
        rule,
        lapsed_on as day,
        1 as lapsed_customers,
        0 as won_back_customers,
        net_amount_365 as lapsed_net_amount,
        0.00 as won_back_net_amount
    from lapses
    union all
    select
        rule,
        won_back_on as day,
        0 as lapsed_customers,
        1 as won_back_customers,
        0.00 as lapsed_net_amount,
        next_net_amount as won_back_net_amount
    from lapses
    where won_back_on is not null
),

counted as (
    select
        events.rule,
        days.month_start,
        sum(events.lapsed_customers) as lapsed_customers,
        sum(events.won_back_customers) as won_back_customers,
        sum(events.lapsed_net_amount) as lapsed_net_amount,
        sum(events.won_back_net_amount) as won_back_net_amount
    from events
    inner join {{ ref('util_days') }} as days on events.day = days.day
    group by events.rule, days.month_start
),

rules as (
    select rule
    from (values ('derived'), ('60 days'), ('90 days'), ('120 days')) as listed (rule)
),

arrivals as (
    select
        cohort_month,
        count(*) as customers
    from {{ ref('int_customer_histories') }}
    group by cohort_month
),

months as (
    select
        months.*,
        (sum(coalesce(arrivals.customers, 0)) over (order by months.period_start))::bigint as customers
    from {{ ref('util_periods') }} as months
    left join arrivals on months.period_start = arrivals.cohort_month
    where months.period = 'month'
),

stocks as (
    select
        rules.rule,
        months.period_start as month_start,
        months.period_label,
        months.customers,
        coalesce(counted.lapsed_customers, 0) as lapsed_customers,
        coalesce(counted.won_back_customers, 0) as won_back_customers,
        coalesce(counted.lapsed_net_amount, 0) as lapsed_net_amount,
        coalesce(counted.won_back_net_amount, 0) as won_back_net_amount,
        (sum(coalesce(counted.lapsed_customers - counted.won_back_customers, 0)) over (
            partition by rules.rule order by months.period_start
        ))::bigint as lapsed_at_end,
        months.is_closed as is_mature,
        months.closes_on as matures_on,
        months.counted_until_on
    from months
    cross join rules
    left join counted on months.period_start = counted.month_start and rules.rule = counted.rule
)

select
    rule,
    month_start,
    period_label,
    customers,
    (lapsed_at_end - lapsed_customers + won_back_customers)::bigint as lapsed_at_start,
    lapsed_customers::bigint as lapsed_customers,
    won_back_customers::bigint as won_back_customers,
    lapsed_at_end,
    {{ rate('lapsed_at_end', 'customers') }} as lapsed_rate,
    lapsed_net_amount::numeric(18, 2) as lapsed_net_amount,
    won_back_net_amount::numeric(18, 2) as won_back_net_amount,
    '{{ var("reporting_currency") }}' as currency,
    is_mature,
    matures_on,
    counted_until_on
from stocks
