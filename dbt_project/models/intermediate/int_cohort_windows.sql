{{ config(sql_header=groups_by_sorting()) }}

{% set windows = [0, 30, 60, 90, 180, 365] %}

-- One row a kind of period, breakdown, cohort and window of days since the first order: who has been observed for all
-- of it, who of them came back in it, and what they brought.
with occasions as (
    select
        occasions.*,
        days.week_index,
        days.month_index,
        days.quarter_index,
        days.year_index,
        {{ days_between('occasions.first_occasion_on', 'occasions.occasion_on') }} as age_days,
        -- the day of the first order is day 0, so day n is over once n + 1 days are
        {{ days_between('occasions.first_occasion_on', observed_until_on()) }} as observed_days
    from {{ ref('int_purchase_occasions') }} as occasions
    inner join {{ ref('util_days') }} as days on occasions.first_occasion_on = days.day
),

-- All who first came in one week of a month are in the same cohorts, so few rows are left of many occasions.
arrivals as (
    select
        week_index,
        month_index,
        quarter_index,
        year_index,
        first_channel,
        first_region,
        first_category,
        {% for days in windows %}
        count(*) filter (where occasion_number = 1 and observed_days > {{ days }}) as eligible_{{ days }},
        count(*) filter (where occasion_number = 2 and age_days <= {{ days }} and observed_days > {{ days }})
            as repurchased_{{ days }},
        sum(net_amount) filter (where age_days <= {{ days }} and observed_days > {{ days }}) as net_{{ days }},
        sum(margin_amount) filter (where age_days <= {{ days }} and observed_days > {{ days }}) as margin_{{ days }},
        sum(net_amount) filter (
            where age_days <= {{ days }} and observed_days > {{ days }} and margin_amount is not null
        ) as costed_net_{{ days }},
        {% endfor %}
        count(*) filter (where occasion_number = 1) as customers
    from occasions
    group by week_index, month_index, quarter_index, year_index, first_channel, first_region, first_category
),

members as (
    select
        arrivals.*,
        listed.period,
        listed.cohort_index
    from arrivals
    cross join lateral (
        values
        ('week', arrivals.week_index),
        ('month', arrivals.month_index),
        ('quarter', arrivals.quarter_index),
        ('year', arrivals.year_index)
    ) as listed (period, cohort_index)
),

cohorts as (
    select
        period,
        cohort_index,
        {{ breakdown() }},
        {% for days in windows %}
        sum(eligible_{{ days }})::bigint as eligible_{{ days }},
        sum(repurchased_{{ days }})::bigint as repurchased_{{ days }},
        sum(net_{{ days }}) as net_{{ days }},
        sum(margin_{{ days }}) as margin_{{ days }},
        sum(costed_net_{{ days }}) as costed_net_{{ days }},
        {% endfor %}
        sum(customers)::bigint as cohort_customers
    from members
    group by {{ breakdown_sets('period, cohort_index') }}
)

select
    cohorts.period,
    cohorts.dimension,
    cohorts.dimension_value,
    periods.period_start as cohort_start,
    periods.period_label as cohort_label,
    listed.within_days,
    cohorts.cohort_customers,
    listed.eligible_customers,
    listed.repurchased_customers,
    coalesce(listed.net_amount, 0)::numeric(18, 2) as net_amount,
    coalesce(listed.margin_amount, 0)::numeric(18, 2) as margin_amount,
    coalesce(listed.costed_net_amount, 0)::numeric(18, 2) as costed_net_amount,
    -- the last customer of the cohort may have come on its last day, whose day n is over n days after the cohort's end
    {{ add_days('periods.closes_on', 'listed.within_days') }} as matures_on
from cohorts
inner join {{ ref('util_periods') }} as periods
    on cohorts.period = periods.period and cohorts.cohort_index = periods.period_index
cross join lateral (
    values
    {%- for days in windows %}
    (
        {{ days }}, cohorts.eligible_{{ days }}, cohorts.repurchased_{{ days }},
        cohorts.net_{{ days }}, cohorts.margin_{{ days }}, cohorts.costed_net_{{ days }}
    ){{ ',' if not loop.last }}
    {%- endfor %}
) as listed (
    within_days, eligible_customers, repurchased_customers, net_amount, margin_amount, costed_net_amount
)
