{{ config(indexes=[{'columns': ['order_key'], 'unique': true}]) }}

-- Every order with its business day, the exchange rate of that day, and the identity it was placed under.
with orders as (
    select
        *,
        {{ local_day('ordered_at') }} as ordered_on
    from {{ ref('stg_mapped__orders') }}
)

select
    {{ entity_key('orders.source_id') }} as order_key,
    orders.source,
    orders.order_id,
    orders.source_id,

    orders.customer_id,
    orders.email,
    phones.e164,
    orders.loyalty_card,
    -- an account where one is named; else what a guest left (e-mail, phone, card); null when there is nothing to go by
    case
        when orders.customer_id is not null then 'account:' || orders.customer_id
        when coalesce(orders.email, phones.e164, orders.loyalty_card) is not null
            then
                'guest:' || coalesce(orders.email, '') || '|' || coalesce(phones.e164, '')
                || coalesce('|' || orders.loyalty_card, '')
    end as identity_reference,

    orders.status,
    orders.channel,
    orders.store,
    orders.region,

    orders.currency,
    case
        when orders.currency = '{{ var("reporting_currency") }}' then 1::numeric(18, 8)
        else rates.rate
    end as exchange_rate,
    orders.gross_amount,
    orders.discount_amount,
    orders.tax_amount,
    orders.shipping_amount,

    orders.is_test,

    orders.ordered_at,
    orders.ordered_on,
    orders.load_id
from orders
left join {{ ref('stg_mapped__phone_numbers') }} as phones on orders.phone = phones.phone
left join {{ ref('int_daily_rates') }} as rates
    on orders.currency = rates.currency and orders.ordered_on = rates.day
order by order_key
