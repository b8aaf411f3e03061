with {{ known_then('tickets', ['ticket_id'], [
    'ticket_id', 'customer_id', 'customer_source', 'email', 'phone', 'loyalty_card', 'status',
    'merged_into_id', 'channel', 'topic', 'priority', 'opened_at', 'first_replied_at', 'solved_at',
    'changed_at', 'is_deleted'
]) }}

select
    tickets.source,
    tickets.ticket_id,
    tickets.source || ':' || tickets.ticket_id as source_id,
    {{ named('tickets', 'phones') }},
    nullif(trim(tickets.merged_into_id), '') as merged_into_id,

    lower(trim(tickets.status)) as status,
    nullif(trim(tickets.channel), '') as channel,
    nullif(trim(tickets.topic), '') as topic,
    nullif(trim(tickets.priority), '') as priority,

    tickets.opened_at,
    tickets.first_replied_at,
    tickets.solved_at,
    tickets.changed_at
from known_tickets as tickets
left join {{ ref('stg_mapped__phone_numbers') }} as phones on tickets.phone = phones.phone
where not tickets.is_deleted
