-- One row an entry of a loyalty ledger. What a member has is the sum of points where is_counted.
with entries as (
    select
        *,
        {{ local_day('entered_at') }} as entered_on
    from {{ ref('stg_mapped__loyalty_entries') }}
    where {{ local_day('entered_at') }} <= {{ as_of_on() }}
)

select
    {{ entity_key('entries.source_id') }} as loyalty_entry_key,
    entries.source,
    entries.entry_id,
    {{ customer_found() }} as customer_key,
    {{ customer_found() }} is null as is_unattributed,
    entries.kind,
    entries.status,
    entries.status = 'approved' as is_counted,
    entries.entered_at,
    entries.entered_on,
    entries.points
from entries
{{ joins_to_customers('entries') }}
