{% set shares = [1, 5, 10, 20, 50, 100] %}

-- One row a breakdown and share of customers: what part of all value the most valuable 1, 5, 10, 20, 50 % hold.
with ranked as (
    select
        listed.dimension,
        listed.dimension_value,
        histories.net_amount,
        histories.margin_amount,
        row_number() over (
            partition by listed.dimension, listed.dimension_value
            order by histories.net_amount desc, histories.customer_key asc
        ) as place,
        count(*) over (partition by listed.dimension, listed.dimension_value) as customers
    from {{ ref('int_customer_histories') }} as histories
    cross join lateral (
        values
        ('all', 'all'),
        ('channel', histories.first_channel),
        ('region', histories.first_region),
        ('category', histories.first_category)
    ) as listed (dimension, dimension_value)
),

-- a share that is no whole number of customers is rounded up: the top 1 % of 50 is one customer
counted as (
    select
        dimension,
        dimension_value,
        max(customers) as customers,
        {% for share in shares %}
        count(*) filter (where place <= (customers * {{ share }} + 99) / 100) as customers_{{ share }},
        sum(net_amount) filter (where place <= (customers * {{ share }} + 99) / 100) as net_{{ share }},
        sum(margin_amount) filter (where place <= (customers * {{ share }} + 99) / 100) as margin_{{ share }},
        min(net_amount) filter (where place <= (customers * {{ share }} + 99) / 100) as least_{{ share }},
        {% endfor %}
        sum(net_amount) as all_net_amount
    from ranked
    group by dimension, dimension_value
)

select
    counted.dimension,
    counted.dimension_value,
    listed.top_percent,
    listed.top_customers,
    counted.customers,
    listed.net_amount::numeric(18, 2) as net_amount,
    counted.all_net_amount::numeric(18, 2) as all_net_amount,
    {{ rate('listed.net_amount', 'counted.all_net_amount', 12) }} as net_amount_share,
    listed.margin_amount::numeric(18, 2) as margin_amount,
    listed.least_net_amount::numeric(18, 2) as least_net_amount,
    '{{ var("reporting_currency") }}' as currency,
    {{ as_of_on() }} as as_of_on
from counted
cross join lateral (
    values
    {%- for share in shares %}
    (
        {{ share }}, counted.customers_{{ share }}, counted.net_{{ share }},
        counted.margin_{{ share }}, counted.least_{{ share }}
    ){{ ',' if not loop.last }}
    {%- endfor %}
) as listed (top_percent, top_customers, net_amount, margin_amount, least_net_amount)
