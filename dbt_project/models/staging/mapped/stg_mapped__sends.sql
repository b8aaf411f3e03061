with {{ known_then('sends', ['send_id'], [
    'send_id', 'customer_id', 'customer_source', 'email', 'phone', 'loyalty_card', 'message_id', 'channel',
    'campaign', 'happened_at', 'delivered_at', 'opened_at', 'clicked_at', 'failed_at', 'unsubscribed_at',
    'complained_at', 'changed_at', 'is_deleted'
]) }}

select
    sends.source,
    sends.send_id,
    coalesce(nullif(trim(sends.message_id), ''), sends.send_id) as message_id,
    nullif(trim(sends.customer_id), '') as customer_id,
    coalesce(nullif(trim(sends.customer_source), ''), sends.source) as customer_source,
    {{ normal_email('sends.email') }} as email,
    phones.e164,
    {{ normal_card('sends.loyalty_card') }} as loyalty_card,

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
