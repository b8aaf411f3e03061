-- One row an identity that was known on the as-of day: an account, or a guest (what orders without one give).
with recursive accounts_on_record as (
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

merged_away as (
    select
        pairs.source,
        pairs.customer_id,
        min(pairs.email) as email,
        min(phones.e164) as e164,
        min(pairs.loyalty_card) as loyalty_card,
        min({{ local_day('pairs.registered_at') }}) as registered_on,
        min(pairs.load_id) as load_id
    from {{ ref('stg_mapped__customer_merges') }} as pairs
    left join {{ ref('stg_mapped__phone_numbers') }} as phones on pairs.phone = phones.phone
    group by pairs.source, pairs.customer_id
),

accounts_in_use as (
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

-- One that was merged into an account in use, be it through others, is known by what it gave, and did things too.
accounts_behind as (
    select
        pairs.source,
        pairs.customer_id
    from {{ ref('stg_mapped__customer_merges') }} as pairs
    inner join accounts_in_use as winners
        on pairs.source = winners.source and pairs.merged_into_id = winners.customer_id
    union
    select
        pairs.source,
        pairs.customer_id
    from accounts_behind as winners
    inner join {{ ref('stg_mapped__customer_merges') }} as pairs
        on winners.source = pairs.source and winners.customer_id = pairs.merged_into_id
),

accounts as (
    select
        in_use.source,
        in_use.customer_id,
        coalesce(in_use.email, merged_away.email) as email,
        coalesce(in_use.e164, merged_away.e164) as e164,
        coalesce(in_use.loyalty_card, merged_away.loyalty_card) as loyalty_card,
        in_use.is_on_record,
        least(in_use.known_since_on, merged_away.registered_on) as known_since_on,
        in_use.load_id
    from accounts_in_use as in_use
    left join merged_away on in_use.source = merged_away.source and in_use.customer_id = merged_away.customer_id
    union all
    select
        behind.source,
        behind.customer_id,
        merged_away.email,
        merged_away.e164,
        merged_away.loyalty_card,
        false as is_on_record,
        merged_away.registered_on as known_since_on,
        merged_away.load_id
    from accounts_behind as behind
    inner join merged_away on behind.source = merged_away.source and behind.customer_id = merged_away.customer_id
    left join accounts_in_use as in_use on behind.source = in_use.source and behind.customer_id = in_use.customer_id
    where in_use.customer_id is null
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
