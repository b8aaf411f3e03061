-- One row a customer with at least one purchase occasion: what they have done until the as-of day.
select
    customer_key,
    first_occasion_on,
    max(next_occasion_on) filter (where occasion_number = 1) as second_occasion_on,
    max(occasion_on) as last_occasion_on,
    cohort_month,
    count(*)::int as occasions,
    sum(orders)::int as orders,
    sum(gross_amount)::numeric(18, 2) as gross_amount,
    sum(discount_amount)::numeric(18, 2) as discount_amount,
    sum(returns_amount)::numeric(18, 2) as returns_amount,
    sum(net_amount)::numeric(18, 2) as net_amount,
    coalesce(sum(margin_amount), 0)::numeric(18, 2) as margin_amount,
    coalesce(sum(net_amount) filter (where margin_amount is not null), 0)::numeric(18, 2) as costed_net_amount,
    first_channel,
    first_region,
    first_category
from {{ ref('int_purchase_occasions') }}
group by customer_key, first_occasion_on, cohort_month, first_channel, first_region, first_category
