{% set ages = [365, 180, 90, 60, 30, 0] %}

-- One row a customer: score, segment and tier on the as-of day, who is loyal, and who resembles the loyal at their age.
with lapse_days as (
    select
        first_category,
        lapse_days
    from {{ ref('int_lapse_days') }}
    where effective_on = {{ add_days(as_of_on(), 1) }}
),

values_at_age as (
    select
        {% for days in ages %}
        sum(net_amount) filter (where {{ days_between('first_occasion_on', 'occasion_on') }} <= {{ days }})
            as net_{{ days }},
        {% endfor %}
        customer_key
    from {{ ref('int_purchase_occasions') }}
    group by customer_key
),

customers as (
    select
        standing.*,
        histories.first_occasion_on,
        histories.last_occasion_on,
        histories.first_channel,
        histories.first_region,
        histories.first_category,
        standing.days_since_last >= lapse_days.lapse_days as is_lapsed,
        standing.occasions >= 3 and standing.days_since_last < lapse_days.lapse_days as is_loyal,
        {% for days in ages %}
        values_at_age.net_{{ days }},
        {% endfor %}
        {{ days_between('histories.first_occasion_on', as_of_on()) }} as age_days
    from {{ ref('int_customer_month_ends') }} as standing
    inner join {{ ref('int_customer_histories') }} as histories on standing.customer_key = histories.customer_key
    inner join values_at_age on standing.customer_key = values_at_age.customer_key
    inner join lapse_days on histories.first_category = lapse_days.first_category
    where standing.counted_until_on = {{ add_days(as_of_on(), 1) }}
),

-- What half of today's loyal customers had brought by each age that they have reached.
loyal as (
    select
        {% for days in ages %}
        percentile_disc(0.5) within group (order by net_{{ days }}) filter (
            where is_loyal and age_days >= {{ days }}
        ) as net_{{ days }},
        {% endfor %}
        count(*) filter (where is_loyal) as customers
    from customers
),

compared as (
    select
        customers.*,
        case
            {% for days in ages %}
            when customers.age_days >= {{ days }} then {{ days }}
            {% endfor %}
        end as compared_age_days,
        case
            {% for days in ages %}
            when customers.age_days >= {{ days }} then customers.net_{{ days }}
            {% endfor %}
        end as net_amount_at_age,
        case
            {% for days in ages %}
            when customers.age_days >= {{ days }} then loyal.net_{{ days }}
            {% endfor %}
        end as loyal_net_amount_at_age
    from customers
    cross join loyal
)

select
    customer_key,
    {{ as_of_on() }} as as_of_on,
    days_since_last,
    occasions,
    net_amount,
    '{{ var("reporting_currency") }}' as currency,
    recency_score,
    frequency_score,
    money_score,
    segment,
    value_tier,
    is_lapsed,
    is_loyal,
    coalesce(not is_loyal and not is_lapsed and net_amount_at_age >= loyal_net_amount_at_age, false)
        as is_high_potential,
    compared_age_days,
    net_amount_at_age::numeric(18, 2) as net_amount_at_age,
    loyal_net_amount_at_age::numeric(18, 2) as loyal_net_amount_at_age,
    first_occasion_on,
    last_occasion_on,
    first_channel,
    first_region,
    first_category
from compared
