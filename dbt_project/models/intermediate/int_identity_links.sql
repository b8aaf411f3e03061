-- One row an identity and identifier (e-mail or phone). An identifier that more than ten identities hold joins nobody:
-- it is a till's tablet or a shop's own address, not a person's.
with own_identifiers as (
    select
        source_id,
        'email:' || email as identifier
    from {{ ref('int_identities') }}
    where email is not null
    union all
    select
        source_id,
        'phone:' || e164 as identifier
    from {{ ref('int_identities') }}
    where e164 is not null
),

-- An account that gave neither e-mail nor phone is known by those on its orders.
orders_of_bare_accounts as (
    select
        identities.source_id,
        orders.email,
        orders.e164
    from {{ ref('int_identities') }} as identities
    inner join {{ ref('int_orders_dated') }} as orders
        on identities.source = orders.source
        and identities.identity_reference = orders.identity_reference
        and orders.ordered_on <= {{ as_of_on() }}
    where identities.email is null and identities.e164 is null and not identities.is_guest
),

links as (
    select
        source_id,
        identifier
    from own_identifiers
    union
    select
        source_id,
        'email:' || email as identifier
    from orders_of_bare_accounts
    where email is not null
    union
    select
        source_id,
        'phone:' || e164 as identifier
    from orders_of_bare_accounts
    where e164 is not null
),

holders as (
    select
        identifier,
        count(*) as identities,
        min(source_id) as first_source_id
    from links
    group by identifier
)

select
    links.source_id,
    links.identifier,
    holders.first_source_id,
    holders.identities::int as identities,
    holders.identities > 10 as is_blocked
from links
inner join holders on links.identifier = holders.identifier
