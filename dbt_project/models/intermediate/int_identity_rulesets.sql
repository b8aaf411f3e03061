{{ config(sql_header=little_memory_a_step()) }}

-- Who would be one person under stricter and looser rules than those in use.
with recursive identities as (
    select source_id
    from {{ ref('int_identities') }}
),

strict_links as (
    select
        source_id,
        rule,
        identifier
    from {{ ref('int_identity_links') }}
    where not is_blocked and rule in ('merged', 'loyalty_card', 'email')
),

{{ resolve('identities', 'strict_links') }},

loose_shared as (
    select distinct
        source_id as group_id,
        case when rule = 'email' then {{ without_dots('identifier') }} else identifier end as identifier
    from {{ ref('int_identity_links') }}
    where rule <> 'by_hand'
),

{{ components('loose', 'loose_shared') }}

as_told as (
    select source_id
    from {{ ref('int_customer_identities') }}
)

select
    'strict' as ruleset,
    resolved.source_id,
    resolved.group_id
from resolved
inner join as_told on resolved.source_id = as_told.source_id
union all
select
    'loose' as ruleset,
    identities.source_id,
    coalesce(loose_found.component, identities.source_id) as group_id
from identities
left join loose_found on identities.source_id = loose_found.group_id
