with {{ known_then('sends', ['send_id'], [
    'send_id', 'customer_id', 'customer_source', 'email', 'phone', 'loyalty_card', 'message_id', 'channel',
    'campaign', 'happened_at', 'delivered_at', 'opened_at', 'clicked_at', 'failed_at', 'unsubscribed_at',
    'complained_at', 'changed_at', 'is_deleted'
]) }}

select
    sends.source,
    sends.send_id,
    coalesce(nullif(trim(sends.message_id), ''), sends.send_id) as message_id,
    {{ named('sends', 'phones') }},

    lower(trim(sends.channel)) as channel,
    nullif(trim(sends.campaign), '') as campaign,

    sends.happened_at,
    sends.delivered_at,
    sends.opened_at,
    sends.clicked_at,
    sends.failed_at,
    sends.unsubscribed_at,
    sends.complained_at,
    sends.changed_at
from known_sends as sends
left join {{ ref('stg_mapped__phone_numbers') }} as phones on sends.phone = phones.phone
where not sends.is_deleted
