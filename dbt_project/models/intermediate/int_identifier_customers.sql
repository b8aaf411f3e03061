-- One row an e-mail, phone or card that a ticket, an answer, an entry, a payment, a message or a visit gives, with the
-- one customer who has it. What joins nobody, and what several customers have, is nobody's here either.
with named as (
    {%- for entity in ['tickets', 'feedback', 'loyalty_entries', 'payments', 'sends', 'visits'] %}
    {{ 'union all' if not loop.first }}
    select
        email,
        e164,
        loyalty_card
    from {{ ref('stg_mapped__' ~ entity) }}
    {%- endfor %}
),

identifiers as (
    select 'email:' || email as identifier
    from named
    where email is not null
    union
    select 'phone:' || e164 as identifier
    from named
    where e164 is not null
    union
    select 'loyalty_card:' || loyalty_card as identifier
    from named
    where loyalty_card is not null
)

select
    links.identifier,
    {{ the_same_customer('identities.customer_key') }} as customer_key
from identifiers
inner join {{ ref('int_identity_links') }} as links on identifiers.identifier = links.identifier
inner join {{ ref('int_customer_identities') }} as identities on links.source_id = identities.source_id
where not links.is_blocked
group by links.identifier
having min(identities.customer_key::text) = max(identities.customer_key::text)
