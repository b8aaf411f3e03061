-- One row a customer and week, month, quarter or year in which they bought: cohorts and flow are plain aggregates of
-- it.
with occasions as (
    select
        occasions.customer_key,
        occasions.occasion_on,
        occasions.orders,
        occasions.gross_amount,
        occasions.discount_amount,
        occasions.returns_amount,
        occasions.net_amount,
        occasions.margin_amount,
        occasions.first_channel,
        occasions.first_region,
        occasions.first_category,
        days.week_index,
        days.month_index,
        days.quarter_index,
        days.year_index,
        first_days.week_index as cohort_week_index,
        first_days.month_index as cohort_month_index,
        first_days.quarter_index as cohort_quarter_index,
        first_days.year_index as cohort_year_index
    from {{ ref('int_purchase_occasions') }} as occasions
    inner join {{ ref('util_days') }} as days on occasions.occasion_on = days.day
    inner join {{ ref('util_days') }} as first_days on occasions.first_occasion_on = first_days.day
)

{% for period in ['week', 'month', 'quarter', 'year'] %}
select
    customer_key,
    '{{ period }}' as period,
    min(cohort_{{ period }}_index) as cohort_index,
    {{ period }}_index as period_index,
    max(occasion_on) as last_occasion_on,
    count(*)::int as occasions,
    sum(orders)::int as orders,
    sum(gross_amount)::numeric(18, 2) as gross_amount,
    sum(discount_amount)::numeric(18, 2) as discount_amount,
    sum(returns_amount)::numeric(18, 2) as returns_amount,
    sum(net_amount)::numeric(18, 2) as net_amount,
    sum(margin_amount)::numeric(18, 2) as margin_amount,
    sum(net_amount) filter (where margin_amount is not null)::numeric(18, 2) as costed_net_amount,
    min(first_channel) as first_channel,
    min(first_region) as first_region,
    min(first_category) as first_category
from occasions
group by customer_key, {{ period }}_index
{% if not loop.last %}union all{% endif %}
{% endfor %}
