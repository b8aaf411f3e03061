select
    links.identifier,
    count(distinct identities.customer_key) as customers
from {{ ref('int_identity_links') }} as links
inner join {{ ref('int_customer_identities') }} as identities on links.source_id = identities.source_id
where links.identities between 2 and 10
group by links.identifier
having count(distinct identities.customer_key) > 1
