-- One row a ticket. What was solved after the as-of day was open on it.
with tickets as (
    select
        *,
        {{ local_day('opened_at') }} as opened_on,
        {{ known_moment('first_replied_at') }} as known_first_replied_at,
        {{ known_moment('solved_at') }} as known_solved_at
    from {{ ref('stg_mapped__tickets') }}
    where {{ local_day('opened_at') }} <= {{ as_of_on() }}
),

dated as (
    select
        *,
        case
            when merged_into_id is not null then 'merged'
            when status in ('solved', 'closed') and solved_at is not null and known_solved_at is null then 'open'
            else status
        end as known_status
    from tickets
)

select
    {{ entity_key('dated.source_id') }} as ticket_key,
    dated.source,
    dated.ticket_id,
    {{ customer_found() }} as customer_key,
    {{ customer_found() }} is null as is_unattributed,
    dated.known_status as status,
    dated.known_status = 'merged' as is_merged,
    dated.known_status not in ('solved', 'closed', 'merged') as is_open,
    {{ entity_key("dated.source || ':' || dated.merged_into_id") }} as merged_into_ticket_key,
    dated.opened_at,
    dated.opened_on,
    dated.known_first_replied_at as first_replied_at,
    dated.known_solved_at as solved_at,
    {{ hours_between('dated.opened_at', 'dated.known_first_replied_at') }} as hours_to_first_reply,
    {{ hours_between('dated.opened_at', 'dated.known_solved_at') }} as hours_to_solution,
    dated.channel,
    dated.topic,
    dated.priority
from dated
{{ joins_to_customers('dated') }}
