{{ config(
    indexes=[{'columns': ['period', 'customer_key', 'period_index'], 'unique': true}], sql_header=groups_by_sorting()
) }}

-- One row a customer and week, month, quarter or year in which they bought: cohorts and flow are plain aggregates of
-- it.
{% for period in ['week', 'month', 'quarter', 'year'] %}
select
    occasions.customer_key,
    '{{ period }}' as period,
    min(first_days.{{ period }}_index) as cohort_index,
    days.{{ period }}_index as period_index,
    max(occasions.occasion_on) as last_occasion_on,
    count(*)::int as occasions,
    sum(occasions.orders)::int as orders,
    sum(occasions.gross_amount)::numeric(18, 2) as gross_amount,
    sum(occasions.discount_amount)::numeric(18, 2) as discount_amount,
    sum(occasions.returns_amount)::numeric(18, 2) as returns_amount,
    sum(occasions.net_amount)::numeric(18, 2) as net_amount,
    sum(occasions.margin_amount)::numeric(18, 2) as margin_amount,
    sum(occasions.net_amount) filter (where margin_amount is not null)::numeric(18, 2) as costed_net_amount,
    min(occasions.first_channel) as first_channel,
    min(occasions.first_region) as first_region,
    min(occasions.first_category) as first_category
from {{ ref('int_purchase_occasions') }} as occasions
inner join {{ ref('util_days') }} as days on occasions.occasion_on = days.day
inner join {{ ref('util_days') }} as first_days on occasions.first_occasion_on = first_days.day
group by occasions.customer_key, days.{{ period }}_index
{% if not loop.last %}union all{% endif %}
{% endfor %}
