-- One row a resolved customer, those who never ordered included.
select
    customers.customer_key,
    customers.source_ids,
    customers.country,
    customers.region,
    customers.tier,
    customers.accepts_marketing,
    customers.is_closed,
    customers.is_guest_only,
    customers.identities,
    customers.registered_on,
    histories.first_occasion_on,
    histories.last_occasion_on,
    histories.cohort_month,
    coalesce(histories.occasions, 0) as occasions,
    coalesce(histories.orders, 0) as orders,
    coalesce(histories.net_amount, 0)::numeric(18, 2) as net_amount,
    '{{ var("reporting_currency") }}' as currency,
    histories.first_channel,
    histories.first_region,
    histories.first_category,
    {{ as_of_on() }} as as_of_on
from {{ ref('int_customers') }} as customers
left join {{ ref('int_customer_histories') }} as histories on customers.customer_key = histories.customer_key
