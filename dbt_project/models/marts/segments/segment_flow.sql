-- One row a month, dimension and segment, value tier or loyalty tier that customers had at its start: how many were
-- active, who came back and who fell silent. Who was no customer yet at the start is in `new`.
with standings as (
    select
        month_start,
        is_first_month,
        was_active,
        is_active,
        segment_at_start,
        value_tier_at_start,
        tier_at_start,
        count(*) as customers
    from {{ ref('int_customer_month_ends') }}
    group by
        month_start, is_first_month, was_active, is_active, segment_at_start, value_tier_at_start, tier_at_start
),

counted as (
    select
        month_start,
        case
            when grouping(segment_at_start) = 0 then 'segment'
            when grouping(value_tier_at_start) = 0 then 'value tier'
            else 'tier'
        end as dimension,
        coalesce(segment_at_start, value_tier_at_start, tier_at_start) as dimension_value,
        {%- for column, condition in {
            'at_start': 'was_active',
            'new_customers': 'is_first_month and is_active',
            'reactivated_customers': 'is_active and not was_active and not is_first_month',
            'churned_customers': 'was_active and not is_active',
            'at_end': 'is_active',
            'retained_customers': 'was_active and is_active'
        }.items() %}
        coalesce(sum(customers) filter (where {{ condition }}), 0)::bigint as {{ column }},
        {%- endfor %}
        sum(customers)::bigint as customers
    from standings
    group by grouping sets (
        (month_start, segment_at_start), (month_start, value_tier_at_start), (month_start, tier_at_start)
    )
)

select
    counted.month_start,
    months.period_label,
    counted.dimension,
    counted.dimension_value,
    counted.customers,
    counted.at_start,
    counted.new_customers,
    counted.reactivated_customers,
    counted.churned_customers,
    counted.at_end,
    counted.retained_customers,
    {{ rate('(counted.at_end - counted.new_customers)', 'counted.at_start', 12) }} as retention_rate_stock,
    {{ rate('counted.retained_customers', 'counted.at_start') }} as retention_rate_strict,
    (1 - {{ rate('counted.retained_customers', 'counted.at_start') }})::numeric(7, 6) as churn_rate,
    months.is_closed as is_mature,
    months.closes_on as matures_on,
    months.counted_until_on
from counted
inner join {{ ref('util_periods') }} as months
    on months.period = 'month' and counted.month_start = months.period_start
