-- But where two people with different cards are in dispute, and it is not the card itself.
with customers_of_clusters as (
    select
        links.identifier,
        components.cluster_id,
        min(coalesce(trusted.trust, 0)) as trust,
        count(distinct components.root_id) as customers
    from {{ ref('int_identity_links') }} as links
    inner join {{ ref('int_identity_components') }} as components on links.source_id = components.source_id
    left join {{ trusted_rules() }} as trusted (rule, people_at_most, trust) on links.rule = trusted.rule
    where links.is_active and links.identities > 1
    group by links.identifier, components.cluster_id
),

owners_of_clusters as (
    select
        components.cluster_id,
        count(distinct components.root_id) as owners
    from {{ ref('int_identity_links') }} as links
    inner join {{ ref('int_identity_components') }} as components on links.source_id = components.source_id
    where links.is_active and links.rule in {{ rules_of('identity_one_per_person') }}
    group by components.cluster_id
)

select customers_of_clusters.*
from customers_of_clusters
left join owners_of_clusters on customers_of_clusters.cluster_id = owners_of_clusters.cluster_id
where
    customers_of_clusters.customers > 1
    and (
        coalesce(owners_of_clusters.owners, 0) < 2
        or customers_of_clusters.trust <= 1
    )
