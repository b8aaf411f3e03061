{% set windows = [30, 60, 90, 180, 365] %}

-- One row a month, dimension, segment or tier that customers had at its start, and window of days: how many of them
-- bought in it.
with standings as (
    select
        counted_until_on,
        segment,
        value_tier,
        coalesce(tier, 'none') as tier,
        {% for days in windows %}
        count(*) filter (where next_occasion_on < {{ add_days('counted_until_on', days) }}) as repurchased_{{ days }},
        {% endfor %}
        count(*) as customers
    from {{ ref('int_customer_month_ends') }}
    where is_closed
    group by counted_until_on, segment, value_tier, coalesce(tier, 'none')
),

counted as (
    select
        counted_until_on as month_start,
        case
            when grouping(segment) = 0 then 'segment'
            when grouping(value_tier) = 0 then 'value tier'
            else 'tier'
        end as dimension,
        coalesce(segment, value_tier, tier) as dimension_value,
        {% for days in windows %}
        sum(repurchased_{{ days }})::bigint as repurchased_{{ days }},
        {% endfor %}
        sum(customers)::bigint as customers
    from standings
    group by grouping sets ((counted_until_on, segment), (counted_until_on, value_tier), (counted_until_on, tier))
)

select
    counted.month_start,
    months.period_label,
    counted.dimension,
    counted.dimension_value,
    listed.within_days,
    counted.customers,
    case when listed.matures_on <= {{ observed_until_on() }} then counted.customers else 0 end as eligible_customers,
    case when listed.matures_on <= {{ observed_until_on() }} then listed.repurchased_customers else 0 end
        as repurchased_customers,
    (
        case
            when listed.matures_on <= {{ observed_until_on() }}
                then {{ rate('listed.repurchased_customers', 'counted.customers') }}
        end
    )::numeric(7, 6) as repurchased_rate,
    listed.matures_on <= {{ observed_until_on() }} as is_mature,
    listed.matures_on
from counted
inner join {{ ref('util_periods') }} as months
    on months.period = 'month' and counted.month_start = months.period_start
cross join lateral (
    values
    {%- for days in windows %}
    (
        {{ days }}, counted.repurchased_{{ days }}, {{ add_days('counted.month_start', days) }}
    ){{ ',' if not loop.last }}
    {%- endfor %}
) as listed (within_days, repurchased_customers, matures_on)
