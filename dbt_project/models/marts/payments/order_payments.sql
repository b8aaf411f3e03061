-- One row an order of a shop whose payments are known: what it came to beside what was received for it.
with paid as (
    select
        order_source,
        order_id,
        min(currency) as currency,
        min(currency) = max(currency) as is_of_one_currency,
        coalesce(sum(amount) filter (where kind = 'payment' and status = 'succeeded'), 0) as paid_amount,
        -- what went back, by the provider's or the bank's hand
        coalesce(sum(amount) filter (where kind <> 'payment' and status = 'succeeded'), 0) as refunded_amount,
        count(*) as payments,
        min(customer_key::text)::uuid as customer_key
    from {{ ref('int_payments') }}
    where order_id is not null
    group by order_source, order_id
),

-- An order from before a provider was connected was paid where nobody looks.
shops as (
    select
        order_source as source,
        min(happened_on) as first_payment_on
    from {{ ref('int_payments') }}
    where order_key is not null
    group by order_source
),

orders as (
    select
        orders.order_key,
        orders.source,
        orders.order_id,
        orders.customer_key,
        orders.ordered_on,
        orders.status,
        orders.currency,
        orders.gross_amount - orders.discount_amount + orders.tax_amount + orders.shipping_amount as order_amount,
        orders.returns_amount,
        orders.is_cancelled or orders.is_voided or orders.is_fraud or orders.is_unpaid or orders.status = 'refunded'
            as is_nothing_due,
        shops.first_payment_on
    from {{ ref('int_orders') }} as orders
    inner join shops on orders.source = shops.source
),

compared as (
    select
        orders.order_key,
        coalesce(orders.source, paid.order_source) as source,
        coalesce(orders.order_id, paid.order_id) as order_id,
        coalesce(orders.customer_key, paid.customer_key) as customer_key,
        orders.ordered_on,
        orders.status as order_status,
        coalesce(orders.currency, case when paid.is_of_one_currency then paid.currency end) as currency,
        orders.order_amount,
        orders.returns_amount,
        case when orders.is_nothing_due then 0 else orders.order_amount - orders.returns_amount end as expected_amount,
        case
            when orders.order_key is null then paid.is_of_one_currency
            else coalesce(paid.is_of_one_currency and paid.currency = orders.currency, true)
        end as is_comparable,
        coalesce(paid.paid_amount, 0) as paid_amount,
        coalesce(paid.refunded_amount, 0) as refunded_amount,
        coalesce(paid.payments, 0) as payments
    from orders
    full outer join paid on orders.source = paid.order_source and orders.order_id = paid.order_id
    where paid.order_id is not null or orders.ordered_on >= orders.first_payment_on
),

measured as (
    select
        *,
        case when is_comparable then paid_amount - refunded_amount end as received_amount,
        case when is_comparable then paid_amount - refunded_amount - expected_amount end as difference_amount
    from compared
)

select
    {{ entity_key("source || ':' || order_id") }} as order_payment_key,
    order_key,
    source,
    order_id,
    order_key is not null as is_order_known,
    customer_key,
    ordered_on,
    order_status,
    case
        when order_key is null then 'order unknown'
        when not is_comparable then 'other currency'
        when abs(difference_amount) <= 0.01 then 'settled'
        when payments = 0 then 'no payment'
        when difference_amount < 0 then 'paid short'
        else 'paid over'
    end as payment_state,
    payments::int as payments,
    currency,
    order_amount::numeric(18, 4) as order_amount,
    returns_amount::numeric(18, 4) as returns_amount,
    expected_amount::numeric(18, 4) as expected_amount,
    case when is_comparable then paid_amount end::numeric(18, 4) as paid_amount,
    case when is_comparable then refunded_amount end::numeric(18, 4) as refunded_amount,
    received_amount::numeric(18, 4) as received_amount,
    difference_amount::numeric(18, 4) as difference_amount
from measured
