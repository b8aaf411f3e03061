-- Who is one person: identities that share an identifier, directly or through others, get one customer_key.
with recursive edges as (
    select
        source_id,
        first_source_id as neighbour_id
    from {{ ref('int_identity_links') }}
    where not is_blocked and first_source_id <> source_id
    union
    select
        first_source_id as source_id,
        source_id as neighbour_id
    from {{ ref('int_identity_links') }}
    where not is_blocked and first_source_id <> source_id
),

-- The smallest identity of a component has only larger neighbours; walks start there and never go below their start.
starts as (
    select source_id
    from edges
    group by source_id
    having min(neighbour_id) > source_id
),

walks as (
    select
        source_id as start_id,
        source_id
    from starts
    union
    select
        walks.start_id,
        edges.neighbour_id as source_id
    from walks
    inner join edges on walks.source_id = edges.source_id
    where edges.neighbour_id > walks.start_id
),

components as (
    select
        source_id,
        min(start_id) as component_id
    from walks
    group by source_id
),

-- A guest whose every identifier is blocked cannot be told from other people.
anonymous_guests as (
    select links.source_id
    from {{ ref('int_identity_links') }} as links
    inner join {{ ref('int_identities') }} as identities on links.source_id = identities.source_id
    where identities.is_guest
    group by links.source_id
    having bool_and(links.is_blocked)
)

select
    identities.source_id,
    identities.source,
    identities.identity_reference,
    identities.customer_id,
    identities.is_on_record,
    identities.is_guest,
    identities.known_since_on,
    {{ entity_key('coalesce(components.component_id, identities.source_id)') }} as customer_key
from {{ ref('int_identities') }} as identities
left join components on identities.source_id = components.source_id
left join anonymous_guests on identities.source_id = anonymous_guests.source_id
where anonymous_guests.source_id is null
