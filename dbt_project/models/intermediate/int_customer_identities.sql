-- One row an identity with the customer it belongs to. A guest whose every identifier is blocked cannot be told from
-- other people, and is nobody's.
with anonymous_guests as (
    select links.source_id
    from {{ ref('int_identity_links') }} as links
    inner join {{ ref('int_identities') }} as identities on links.source_id = identities.source_id
    where identities.is_guest
    group by links.source_id
    having bool_and(links.is_blocked)
),

-- Who was erased has a random key: one made of an identity would be the key of before.
erased as (
    select
        components.root_id,
        min(erased_identities.customer_key::text)::uuid as customer_key
    from {{ source('people', 'erased_identities') }} as erased_identities
    inner join {{ ref('int_identity_components') }} as components
        on erased_identities.source_id = components.source_id
    group by components.root_id
)

select
    identities.source_id,
    identities.source,
    identities.identity_reference,
    identities.customer_id,
    identities.is_on_record,
    identities.is_guest,
    identities.known_since_on,
    coalesce(erased.customer_key, {{ entity_key('components.root_id') }}) as customer_key,
    erased.root_id is not null as is_erased
from {{ ref('int_identities') }} as identities
inner join {{ ref('int_identity_components') }} as components on identities.source_id = components.source_id
left join erased on components.root_id = erased.root_id
left join anonymous_guests on identities.source_id = anonymous_guests.source_id
where anonymous_guests.source_id is null
