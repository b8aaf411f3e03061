-- One row an identity and identifier: what it gave, what it was merged into at its source, and what people decided.
with own_identifiers as (
    {{ given_identifiers(ref('int_identities')) }}
),

-- An account that gave neither e-mail nor phone is known by those on its orders; one without a card, by the only card
-- that its orders name.
accounts as (
    select
        source_id,
        source,
        identity_reference,
        loyalty_card is null as is_without_card,
        email is null and e164 is null as is_bare
    from {{ ref('int_identities') }}
    where not is_guest and (loyalty_card is null or (email is null and e164 is null))
),

orders_of_accounts as (
    select
        accounts.source_id,
        accounts.is_bare,
        accounts.is_without_card,
        orders.email,
        orders.e164,
        orders.loyalty_card
    from accounts
    inner join {{ ref('int_orders_dated') }} as orders
        on accounts.source = orders.source and accounts.identity_reference = orders.identity_reference
    where
        orders.ordered_on <= {{ as_of_on() }}
        and (
            (accounts.is_bare and coalesce(orders.email, orders.e164) is not null)
            or (accounts.is_without_card and orders.loyalty_card is not null)
        )
),

identifiers_on_orders as (
    select distinct
        source_id,
        'email' as rule,
        email as identifier_value
    from orders_of_accounts
    where is_bare and email is not null
    union all
    select distinct
        source_id,
        'phone' as rule,
        e164 as identifier_value
    from orders_of_accounts
    where is_bare and e164 is not null
    union all
    select
        source_id,
        'loyalty_card' as rule,
        min(loyalty_card) as identifier_value
    from orders_of_accounts
    where is_without_card
    group by source_id
    having min(loyalty_card) = max(loyalty_card)
),

links as (
    select
        source_id,
        rule,
        rule || ':' || identifier_value as identifier
    from own_identifiers
    union all
    select
        source_id,
        rule,
        rule || ':' || identifier_value as identifier
    from identifiers_on_orders
    where rule in {{ rules_of('identity_rules') }}
),

ranked as (
    select
        rule,
        people_at_most,
        trust
    from {{ trusted_rules() }} as listed (rule, people_at_most, trust)
),

holders as (
    select
        links.identifier,
        ranked.people_at_most,
        count(*) as identities
    from links
    inner join ranked on links.rule = ranked.rule
    group by links.identifier, ranked.people_at_most
),

-- Several identities may be one person's: they are counted once when their most trusted other identifier is the same,
-- and guests who gave nothing else are one.
faces as (
    select
        links.source_id,
        links.identifier,
        min(ranked.trust::text || others.identifier) as face
    from holders
    inner join links on holders.identifier = links.identifier
    left join links as others on links.source_id = others.source_id and links.rule <> others.rule
    left join ranked on others.rule = ranked.rule
    where holders.identities > holders.people_at_most
    group by links.source_id, links.identifier
),

crowds as (
    select
        faces.identifier,
        count(distinct coalesce(faces.face, case when not identities.is_guest then identities.source_id end, ''))
            as people
    from faces
    inner join {{ ref('int_identities') }} as identities on faces.source_id = identities.source_id
    group by faces.identifier
),

-- A guest is called by the first order: a decision that names a later one, or one that was the first before an earlier
-- order came, is about the same guest.
orders_decided as (
    select
        source_id,
        split_part(source_id, ':order:', 1) as source,
        substr(source_id, strpos(source_id, ':order:') + length(':order:')) as order_id
    from {{ source('people', 'identities_decided') }}
    where strpos(source_id, ':order:') > 0
),

guests_decided as (
    select distinct
        orders_decided.source_id,
        guests.source_id as guest_id
    from orders_decided
    inner join {{ ref('int_orders_dated') }} as orders
        on orders_decided.source = orders.source and orders_decided.order_id = orders.order_id
    inner join {{ ref('int_identities') }} as guests
        on orders.source = guests.source and orders.identity_reference = guests.identity_reference
    where guests.is_guest
),

decisions as (
    select distinct
        decided.decision_id,
        decided.decision,
        coalesce(guests_decided.guest_id, decided.source_id) as source_id
    from {{ source('people', 'identities_decided') }} as decided
    left join guests_decided on decided.source_id = guests_decided.source_id
),

split_off as (
    select
        source_id,
        max(decision_id) as decision_id
    from decisions
    where decision = 'split'
    group by source_id
),

-- A split ends what was joined before it.
by_hand as (
    select
        identities.source_id,
        'by_hand' as rule,
        'by_hand:' || decisions.decision_id as identifier
    from decisions
    inner join {{ ref('int_identities') }} as identities on decisions.source_id = identities.source_id
    left join split_off on decisions.source_id = split_off.source_id
    where decisions.decision_id >= coalesce(split_off.decision_id, 0)
),

-- Accounts that their source made one share the account that remains, also where nothing else is known of that one.
members_of_merges as (
    select
        source,
        customer_id,
        merged_into_id
    from {{ ref('stg_mapped__customer_merges') }}
    union
    select
        source,
        merged_into_id as customer_id,
        merged_into_id
    from {{ ref('stg_mapped__customer_merges') }}
),

merged as (
    select
        identities.source_id,
        'merged' as rule,
        'merged:' || members.source || ':' || members.merged_into_id as identifier,
        count(*) over (partition by members.source, members.merged_into_id) as identities
    from members_of_merges as members
    inner join {{ ref('int_identities') }} as identities
        on members.source = identities.source and members.customer_id = identities.customer_id
)

select
    links.source_id,
    links.rule,
    links.identifier,
    holders.identities::int as identities,
    coalesce(crowds.people, holders.identities)::int as people,
    holders.people_at_most,
    coalesce(crowds.people > holders.people_at_most, false) as is_blocked,
    split_off.source_id is not null as is_split_off,
    coalesce(crowds.people <= holders.people_at_most, true) and split_off.source_id is null as is_active
from links
inner join holders on links.identifier = holders.identifier
left join crowds on links.identifier = crowds.identifier
left join split_off on links.source_id = split_off.source_id
union all
select
    source_id,
    rule,
    identifier,
    count(*) over (partition by identifier)::int as identities,
    1 as people,
    null as people_at_most,
    false as is_blocked,
    false as is_split_off,
    true as is_active
from by_hand
union all
select
    merged.source_id,
    merged.rule,
    merged.identifier,
    merged.identities::int as identities,
    1 as people,
    null as people_at_most,
    false as is_blocked,
    split_off.source_id is not null as is_split_off,
    split_off.source_id is null as is_active
from merged
left join split_off on merged.source_id = split_off.source_id
