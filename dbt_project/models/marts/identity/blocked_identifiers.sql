-- One row an identifier that joins nobody, or not everybody who holds it, and why.
with blocked as (
    select
        links.identifier,
        links.rule,
        min(links.identities) as identities,
        min(links.people) as people,
        min(links.people_at_most) as people_at_most,
        bool_or(links.is_blocked) as has_too_many_people,
        count(distinct components.root_id)::int as customers,
        min(links.source_id) as example_source_id
    from {{ ref('int_identity_links') }} as links
    inner join {{ ref('int_identity_components') }} as components on links.source_id = components.source_id
    where links.identities > 1 and not links.is_split_off and links.rule not in ('by_hand', 'merged')
    group by links.identifier, links.rule
)

select
    rule,
    {{ masked('rule', "substr(identifier, length(rule) + 2)") }} as identifier_masked,
    example_source_id,
    case when has_too_many_people then 'too many people' else 'different cards' end as reason,
    identities,
    people,
    people_at_most,
    customers,
    {{ as_of_on() }} as as_of_on
from blocked
where has_too_many_people or customers > 1
