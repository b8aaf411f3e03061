with {{ known_then('loyalty_entries', ['entry_id'], [
    'entry_id', 'customer_id', 'customer_source', 'email', 'phone', 'loyalty_card', 'kind', 'status', 'points',
    'entered_at', 'changed_at', 'is_deleted'
]) }}

select
    loyalty_entries.source,
    loyalty_entries.entry_id,
    loyalty_entries.source || ':' || loyalty_entries.entry_id as source_id,
    {{ named('loyalty_entries', 'phones') }},

    lower(trim(loyalty_entries.kind)) as kind,
    lower(trim(loyalty_entries.status)) as status,

    loyalty_entries.points::bigint as points,

    loyalty_entries.entered_at,
    loyalty_entries.changed_at
from known_loyalty_entries as loyalty_entries
left join {{ ref('stg_mapped__phone_numbers') }} as phones on loyalty_entries.phone = phones.phone
where not loyalty_entries.is_deleted
