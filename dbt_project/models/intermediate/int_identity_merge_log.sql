{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail'
) }}

-- Append-only: which identifier joined whom with whom and in which build, and when that ended. Looks only at the
-- clusters that were put together anew since it last wrote.
with resolved as (
    select
        components.source_id,
        components.root_id,
        components.groups,
        components.resolved_at,
        identities.known_since_on,
        identities.load_id
    from {{ ref('int_identity_components') }} as components
    inner join {{ ref('int_identities') }} as identities on components.source_id = identities.source_id
    {% if is_incremental() %}
    where components.resolved_at > (select coalesce(max(known.logged_at), '-infinity') from {{ this }} as known)
    {% endif %}
),

-- A group joins by the identity that was known first; the rule finds the groups as the rules before it left them.
holders as (
    select
        links.rule,
        links.identifier,
        links.source_id,
        coalesce(erased.customer_key, {{ entity_key('resolved.root_id') }}) as customer_key,
        resolved.load_id,
        resolved.groups ->> coalesce(trusted.trust, 0) as group_before,
        resolved.groups ->> (coalesce(trusted.trust, 0) + 1) as group_after,
        resolved.known_since_on
    from {{ ref('int_identity_links') }} as links
    inner join resolved on links.source_id = resolved.source_id
    left join {{ source('people', 'erased_identities') }} as erased on resolved.root_id = erased.source_id
    left join {{ trusted_rules() }} as trusted (rule, people_at_most, trust) on links.rule = trusted.rule
    where links.is_active and links.identities > 1
),

placed as (
    select
        *,
        row_number() over (
            partition by identifier, group_after, group_before order by known_since_on nulls last, source_id
        ) as place_in_group,
        first_value(group_before) over oldest_first as oldest_group,
        first_value(source_id) over oldest_first as oldest_source_id,
        first_value(load_id) over oldest_first as oldest_load_id
    from holders
    window oldest_first as (partition by identifier, group_after order by known_since_on nulls last, source_id)
),

joined_now as (
    select
        rule,
        {{ entity_key('identifier') }} as identifier_hash,
        {{ masked('rule', "substr(identifier, length(rule) + 2)") }} as identifier_masked,
        source_id,
        oldest_source_id as joined_to_source_id,
        customer_key,
        greatest(load_id, oldest_load_id) as load_id
    from placed
    where place_in_group = 1 and group_before <> oldest_group
),

known as (
    {% if is_incremental() %}
    select
        rule,
        identifier_hash,
        identifier_masked,
        source_id,
        joined_to_source_id,
        min(customer_key::text)::uuid as customer_key
    from {{ this }}
    group by rule, identifier_hash, identifier_masked, source_id, joined_to_source_id
    having sum(case when event = 'joined' then 1 else -1 end) > 0
    {% else %}
    select
        rule,
        identifier_hash,
        identifier_masked,
        source_id,
        joined_to_source_id,
        customer_key
    from joined_now
    where false
    {% endif %}
),

events as (
    select
        'joined' as event,
        joined_now.*
    from joined_now
    left join known
        on joined_now.rule = known.rule
        and joined_now.identifier_hash = known.identifier_hash
        and joined_now.source_id = known.source_id
        and joined_now.joined_to_source_id = known.joined_to_source_id
    where known.rule is null
    union all
    select
        'parted' as event,
        known.rule,
        known.identifier_hash,
        known.identifier_masked,
        known.source_id,
        known.joined_to_source_id,
        known.customer_key,
        resolved.load_id
    from known
    left join resolved on known.source_id = resolved.source_id
    left join {{ ref('int_identity_components') }} as components on known.source_id = components.source_id
    left join joined_now
        on known.rule = joined_now.rule
        and known.identifier_hash = joined_now.identifier_hash
        and known.source_id = joined_now.source_id
        and known.joined_to_source_id = joined_now.joined_to_source_id
    where joined_now.rule is null and (resolved.source_id is not null or components.source_id is null)
)

select
    event,
    rule,
    identifier_hash,
    identifier_masked,
    source_id,
    joined_to_source_id,
    customer_key,
    load_id,
    {{ as_of_on() }} as as_of_on,
    {{ build_started_at() }} as logged_at,
    {{ build_id() }} as build_id
from events
