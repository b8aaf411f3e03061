{% set labels = {
    'week': period_day_label('week_start'), 'month': 'month_label', 'quarter': quarter_label('quarter_index'),
    'year': 'cast(year_index as text)'
} %}

-- The weeks, months, quarters and years that have begun, from the first purchase occasion on. The running one is
-- counted until the as-of day.
with first_day as (
    select min(occasion_on) as day
    from {{ ref('int_purchase_occasions') }}
),

periods as (
    {% for period in ['week', 'month', 'quarter', 'year'] %}
    select distinct
        '{{ period }}' as period,
        {{ period }}_start as period_start,
        next_{{ period }}_start as next_period_start,
        {{ period }}_index as period_index,
        {{ labels[period] }} as period_label
    from {{ ref('util_days') }}
    where {{ period }}_start <= {{ as_of_on() }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    periods.period,
    periods.period_start,
    periods.next_period_start as closes_on,
    least(periods.next_period_start, {{ add_days(as_of_on(), 1) }}) as counted_until_on,
    periods.period_index,
    periods.period_label,
    periods.next_period_start <= {{ observed_until_on() }} as is_closed
from periods
inner join first_day on periods.next_period_start > first_day.day
