-- One row an identity and e-mail, number or card of which no rule of identity.rules asks. It joins nobody, but people
-- are written to by it, and messages name them by it. What more customers gave than its limit is everybody's.
with given as (
    {%- for rule in ['email', 'phone', 'loyalty_card'] %}
    {{ 'union all' if not loop.first }}
    select
        source_id,
        '{{ rule }}' as rule,
        {{ people_limit(rule) }} as people_at_most,
        '{{ rule }}:' || {{ 'e164' if rule == 'phone' else rule }} as identifier
    from {{ ref('int_identities') }}
    where
        {{ 'e164' if rule == 'phone' else rule }} is not null
        and '{{ rule }}' not in {{ rules_of('identity_rules') }}
    {%- endfor %}
),

shared as (
    select given.identifier
    from given
    inner join {{ ref('int_customer_identities') }} as identities on given.source_id = identities.source_id
    group by given.identifier
    having count(distinct identities.customer_key) > min(given.people_at_most)
)

select
    given.source_id,
    given.rule,
    given.identifier,
    shared.identifier is not null as is_shared
from given
left join shared on given.identifier = shared.identifier
