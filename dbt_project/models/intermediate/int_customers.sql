-- One row a resolved customer, those who never ordered included. Nothing personal leaves this model.
with identities as (
    select
        identities.customer_key,
        identities.source_id,
        identities.is_guest,
        identities.is_erased,
        identities.known_since_on,
        customers.country,
        customers.region,
        customers.tier,
        customers.accepts_marketing,
        case
            when {{ local_day('customers.registered_at') }} <= {{ as_of_on() }}
                then {{ local_day('customers.registered_at') }}
        end as registered_on,
        -- closing after the as-of day is not known yet; a closing without a date has always been known
        customers.is_closed
        and ({{ local_day('customers.closed_at') }} <= {{ as_of_on() }} or customers.closed_at is null) as is_closed,
        contacts.agrees and (contacts.has_own_email or contacts.has_own_phone) as is_contactable,
        -- the record that changed last speaks first
        row_number() over (
            partition by identities.customer_key
            order by customers.changed_at desc nulls last, {{ byte_order('identities.source_id') }}
        ) as preference
    from {{ ref('int_customer_identities') }} as identities
    left join {{ ref('stg_mapped__customers') }} as customers
        on identities.source = customers.source and identities.customer_id = customers.customer_id
    left join {{ ref('int_contacts') }} as contacts on identities.source_id = contacts.source_id
),

preferred as (
    select
        customer_key,
        min(preference) filter (where country is not null) as country_preference,
        min(preference) filter (where region is not null) as region_preference,
        min(preference) filter (where tier is not null) as tier_preference
    from identities
    group by customer_key
)

select
    identities.customer_key,
    {{ sorted_list('identities.source_id') }} as source_ids,
    count(*)::int as identities,
    bool_and(identities.is_guest) as is_guest_only,
    bool_or(identities.is_erased) as is_erased,
    max(identities.country) filter (where identities.preference = preferred.country_preference) as country,
    max(identities.region) filter (where identities.preference = preferred.region_preference) as region,
    max(identities.tier) filter (where identities.preference = preferred.tier_preference) as tier,
    -- one refusal on any account is a refusal of the person; null when no account says anything
    bool_and(identities.accepts_marketing) as accepts_marketing,
    -- who can be written to: no account refuses, and one that agrees has an address or a number of its own
    coalesce(bool_and(identities.accepts_marketing) and bool_or(identities.is_contactable), false) as is_contactable,
    -- closed when no account is left open of which that is known; a guest has no account to close
    coalesce(bool_and(identities.is_closed) filter (where not identities.is_guest), false) as is_closed,
    min(identities.registered_on) as registered_on,
    min(identities.known_since_on) as known_since_on
from identities
inner join preferred on identities.customer_key = preferred.customer_key
group by identities.customer_key
