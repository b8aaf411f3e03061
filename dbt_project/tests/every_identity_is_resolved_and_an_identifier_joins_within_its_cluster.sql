select
    identities.source_id,
    'not resolved' as problem
from {{ ref('int_identities') }} as identities
left join {{ ref('int_identity_components') }} as components on identities.source_id = components.source_id
where components.source_id is null
union all
select
    links.identifier as source_id,
    'in several clusters' as problem
from {{ ref('int_identity_links') }} as links
inner join {{ ref('int_identity_components') }} as components on links.source_id = components.source_id
where links.is_active and links.identities > 1
group by links.identifier
having min(components.cluster_id) <> max(components.cluster_id)
