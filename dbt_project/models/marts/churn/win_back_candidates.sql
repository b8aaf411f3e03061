{{ config(tags=['forecast']) }}

-- One row a customer worth winning back who agreed to be written to, and can be. Without contact data: that is
-- outreach.win_back.
with usual_purchase as (
    select (percentile_cont(0.5) within group (order by net_amount / occasions))::numeric(18, 2) as net_amount
    from {{ ref('int_customer_histories') }}
),

valued as (
    select
        scores.customer_key,
        customers.region,
        histories.last_occasion_on,
        scores.days_since_last,
        scores.lapse_days,
        scores.is_lapsed,
        scores.occasions,
        scores.days_overdue,
        scores.risk_band,
        scores.p_no_order_90,
        histories.net_amount,
        -- without a forecast, a year of the customer's own habit
        coalesce(
            scores.value_at_risk,
            (scores.usual_occasions_365 * histories.net_amount / histories.occasions)::numeric(18, 2)
        ) as value_at_stake,
        scores.value_at_risk is not null as is_forecast
    from {{ ref('int_customer_scores') }} as scores
    inner join {{ ref('int_customers') }} as customers on scores.customer_key = customers.customer_key
    inner join {{ ref('int_customer_histories') }} as histories on scores.customer_key = histories.customer_key
    where
        (scores.is_lapsed or scores.risk_band = 'high')
        and not customers.is_closed
        and not customers.is_erased
        and customers.is_contactable
        and scores.days_since_last <= {{ var('win_back_lapses') }} * scores.lapse_days
)

select
    valued.customer_key,
    valued.region,
    valued.last_occasion_on,
    valued.days_since_last,
    valued.lapse_days,
    valued.is_lapsed,
    valued.risk_band,
    valued.p_no_order_90,
    valued.occasions,
    valued.net_amount,
    valued.value_at_stake,
    valued.is_forecast,
    case
        when valued.is_lapsed and valued.occasions >= 3
            then
                'was loyal: ' || valued.occasions || ' purchases, then ' || valued.days_since_last || ' days of silence'
        when valued.is_lapsed
            then
                'silent for ' || valued.days_since_last || ' days; most who come back do so within '
                || valued.lapse_days
        when valued.days_overdue > 0 then 'a purchase has been overdue for ' || valued.days_overdue || ' days'
        else 'likely to stay away for the next 90 days'
    end as suggested_reason,
    row_number() over (order by valued.value_at_stake desc, valued.customer_key asc)::int as place,
    '{{ var("reporting_currency") }}' as currency,
    {{ as_of_on() }} as as_of_on
from valued
cross join usual_purchase
where valued.value_at_stake >= usual_purchase.net_amount
