-- One row an identity that was known on the as-of day: an account, or a guest (what orders without one give).
with accounts_on_record as (
    select
        customers.source,
        customers.customer_id,
        customers.email,
        phones.e164,
        customers.loyalty_card,
        customers.load_id,
        {{ local_day('customers.registered_at') }} as registered_on
    from {{ ref('stg_mapped__customers') }} as customers
    left join {{ ref('stg_mapped__phone_numbers') }} as phones on customers.phone = phones.phone
),

accounts_on_orders as (
    select
        source,
        customer_id,
        min(ordered_on) as first_ordered_on,
        min(load_id) as load_id
    from {{ ref('int_orders_dated') }}
    where customer_id is not null
    group by source, customer_id
),

accounts as (
    select
        coalesce(accounts_on_record.source, accounts_on_orders.source) as source,
        coalesce(accounts_on_record.customer_id, accounts_on_orders.customer_id) as customer_id,
        accounts_on_record.email,
        accounts_on_record.e164,
        accounts_on_record.loyalty_card,
        accounts_on_record.customer_id is not null as is_on_record,
        least(accounts_on_record.registered_on, accounts_on_orders.first_ordered_on) as known_since_on,
        coalesce(accounts_on_record.load_id, accounts_on_orders.load_id) as load_id
    from accounts_on_record
    full outer join accounts_on_orders
        on accounts_on_record.source = accounts_on_orders.source
        and accounts_on_record.customer_id = accounts_on_orders.customer_id
),

guest_orders as (
    select
        source,
        identity_reference,
        order_id,
        email,
        e164,
        loyalty_card,
        ordered_on,
        load_id,
        row_number() over (partition by source, identity_reference order by ordered_at, order_id) as guest_order_number
    from {{ ref('int_orders_dated') }}
    where customer_id is null and identity_reference is not null and ordered_on <= {{ as_of_on() }}
)

select
    {{ byte_order("source || ':' || customer_id") }} as source_id,
    source,
    'account:' || customer_id as identity_reference,
    customer_id,
    email,
    e164,
    loyalty_card,
    is_on_record,
    false as is_guest,
    known_since_on,
    load_id
from accounts
where known_since_on is null or known_since_on <= {{ as_of_on() }}
union all
select
    {{ byte_order("source || ':order:' || order_id") }} as source_id,
    source,
    identity_reference,
    null as customer_id,
    email,
    e164,
    loyalty_card,
    false as is_on_record,
    true as is_guest,
    ordered_on as known_since_on,
    load_id
from guest_orders
where guest_order_number = 1
