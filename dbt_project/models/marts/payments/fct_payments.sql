-- One row a payment, refund or chargeback. What an order has brought is the sum of received_amount.
select
    payment_key,
    source,
    payment_id,
    order_key,
    order_source,
    order_id,
    order_key is not null as is_order_known,
    customer_key,
    customer_key is null as is_unattributed,
    kind,
    status,
    status = 'succeeded' as is_counted,
    method,
    happened_at,
    happened_on,
    currency,
    amount,
    received_amount
from {{ ref('int_payments') }}
