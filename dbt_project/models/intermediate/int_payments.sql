-- One row a payment, refund or chargeback known on the as-of day, with the order that it names, where there is one.
with payments as (
    select
        *,
        {{ local_day('happened_at') }} as happened_on
    from {{ ref('stg_mapped__payments') }}
    where {{ local_day('happened_at') }} <= {{ as_of_on() }}
)

select
    {{ entity_key('payments.source_id') }} as payment_key,
    payments.source,
    payments.payment_id,
    payments.order_source,
    payments.order_id,
    orders.order_key,
    coalesce(orders.customer_key, {{ customer_found() }}) as customer_key,
    payments.kind,
    payments.status,
    payments.method,
    payments.happened_at,
    payments.happened_on,
    payments.currency,
    payments.amount,
    (
        payments.amount
        * case when payments.status <> 'succeeded' then 0 when payments.kind = 'payment' then 1 else -1 end
    )::numeric(18, 4) as received_amount
from payments
left join {{ ref('int_orders') }} as orders
    on payments.order_source = orders.source and payments.order_id = orders.order_id
{{ joins_to_customers('payments') }}
