with {{ known_then('payments', ['payment_id'], [
    'payment_id', 'order_id', 'order_source', 'customer_id', 'customer_source', 'email', 'phone', 'loyalty_card',
    'kind', 'status', 'amount', 'currency', 'method', 'happened_at', 'changed_at', 'is_deleted'
]) }}

select
    payments.source,
    payments.payment_id,
    payments.source || ':' || payments.payment_id as source_id,
    nullif(trim(payments.order_id), '') as order_id,
    coalesce(nullif(trim(payments.order_source), ''), payments.source) as order_source,
    {{ named('payments', 'phones') }},

    lower(trim(payments.kind)) as kind,
    lower(trim(payments.status)) as status,
    nullif(trim(payments.method), '') as method,

    payments.amount,
    upper(trim(payments.currency)) as currency,

    payments.happened_at,
    payments.changed_at
from known_payments as payments
left join {{ ref('stg_mapped__phone_numbers') }} as phones on payments.phone = phones.phone
where not payments.is_deleted
