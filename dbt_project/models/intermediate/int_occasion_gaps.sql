-- One row a breakdown, step and number of days: how many customers came back exactly so many days after occasion j, and
-- how many are observed for exactly so many and have not. Censored at the end of the last full day.
with last_full_day as (
    select {{ add_days(observed_until_on(), -1) }} as day
),

durations as (
    select
        least(occasions.occasion_number, 11) as from_occasion,
        occasions.first_channel,
        occasions.first_region,
        occasions.first_category,
        standings.segment_then,
        standings.value_tier_then,
        standings.tier_then,
        coalesce(occasions.next_occasion_on <= last_full_day.day, false) as is_event,
        {{ days_between('occasions.occasion_on', 'least(occasions.next_occasion_on, last_full_day.day)') }} as day
    from {{ ref('int_purchase_occasions') }} as occasions
    inner join {{ ref('util_days') }} as days on occasions.occasion_on = days.day
    inner join {{ ref('int_month_standings') }} as standings
        on occasions.customer_key = standings.customer_key and days.month_start = standings.month_start
    cross join last_full_day
    where occasions.occasion_on <= last_full_day.day
)

select
    from_occasion,
    day,
    {{ breakdown(standings_then()) }},
    count(*) filter (where is_event) as event_customers,
    count(*) filter (where not is_event) as censored_customers
from durations
group by {{ breakdown_sets('from_occasion, day', standings_then()) }}
