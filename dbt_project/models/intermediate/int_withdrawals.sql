-- One row a customer, an e-mail or a number that somebody unsubscribed or complained by, and when they last did. Every
-- yes of before is void.
with withdrawals as (
    select
        source,
        message_id,
        customer_source,
        customer_id,
        email,
        e164,
        loyalty_card,
        coalesce(customer_id, email, e164, loyalty_card) is not null as names_somebody,
        greatest({{ known_moment('unsubscribed_at') }}, {{ known_moment('complained_at') }}) as withdrawn_at
    from {{ ref('stg_mapped__sends') }}
    where {{ local_day('unsubscribed_at') }} <= {{ as_of_on() }} or {{ local_day('complained_at') }} <= {{ as_of_on() }}
),

-- an event that names nobody is of whom the other records of its message name
named as (
    select
        customer_source,
        customer_id,
        email,
        e164,
        loyalty_card,
        withdrawn_at
    from withdrawals
    where names_somebody
    union all
    select
        records.customer_source,
        records.customer_id,
        records.email,
        records.e164,
        records.loyalty_card,
        withdrawals.withdrawn_at
    from withdrawals
    inner join {{ ref('stg_mapped__sends') }} as records
        on withdrawals.source = records.source and withdrawals.message_id = records.message_id
    where not withdrawals.names_somebody
),

found as (
    select
        named.email,
        named.e164,
        named.loyalty_card,
        named.withdrawn_at,
        identities.customer_key,
        customers.email as account_email,
        phones.e164 as account_e164
    from named
    left join {{ ref('int_customer_identities') }} as identities
        on named.customer_source = identities.source and named.customer_id = identities.customer_id
    left join {{ ref('stg_mapped__customers') }} as customers
        on named.customer_source = customers.source and named.customer_id = customers.customer_id
    left join {{ ref('stg_mapped__phone_numbers') }} as phones on customers.phone = phones.phone
),

given as (
    select
        'email:' || email as identifier,
        customer_key is null as is_all_that_names_them,
        withdrawn_at
    from found
    where email is not null
    union all
    select
        'phone:' || e164 as identifier,
        customer_key is null as is_all_that_names_them,
        withdrawn_at
    from found
    where e164 is not null
    union all
    select
        'loyalty_card:' || loyalty_card as identifier,
        customer_key is null as is_all_that_names_them,
        withdrawn_at
    from found
    where loyalty_card is not null
),

identifiers as (
    select
        source_id,
        identifier
    from {{ ref('int_identity_links') }}
    where not is_blocked
    union all
    select
        source_id,
        identifier
    from {{ ref('int_unasked_identifiers') }}
    where not is_shared
),

told as (
    select
        customer_key,
        null as identifier,
        withdrawn_at
    from found
    where customer_key is not null
    union all
    -- of several customers who gave it any may be the one
    select
        identities.customer_key,
        null as identifier,
        given.withdrawn_at
    from given
    inner join identifiers on given.identifier = identifiers.identifier
    inner join {{ ref('int_customer_identities') }} as identities on identifiers.source_id = identities.source_id
    where given.is_all_that_names_them
    union all
    select
        null as customer_key,
        identifier,
        withdrawn_at
    from given
    union all
    select
        null as customer_key,
        'email:' || account_email as identifier,
        withdrawn_at
    from found
    where account_email is not null
    union all
    select
        null as customer_key,
        'phone:' || account_e164 as identifier,
        withdrawn_at
    from found
    where account_e164 is not null
)

select
    customer_key,
    identifier,
    max(withdrawn_at) as withdrawn_at
from told
group by customer_key, identifier
