-- The holders of an identifier of which a person has one were one group when its rule had spoken.
select
    links.rule,
    components.root_id
from {{ ref('int_identity_links') }} as links
inner join {{ ref('int_identity_components') }} as components on links.source_id = components.source_id
inner join {{ trusted_rules() }} as trusted (rule, people_at_most, trust) on links.rule = trusted.rule
where links.is_active and links.rule in {{ rules_of('identity_one_per_person') }}
group by links.rule, components.root_id
having count(distinct components.groups ->> (trusted.trust + 1)) > 1
