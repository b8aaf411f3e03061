-- One row a message to somebody, put together from all that its source tells of it, in whatever order that came.
with sends as (
    select
        records.*,
        {{ customer_found() }} as customer_key
    from {{ ref('stg_mapped__sends') }} as records
    {{ joins_to_customers('records') }}
    where {{ local_day('records.happened_at') }} <= {{ as_of_on() }}
),

messages as (
    select
        source,
        message_id,
        {{ the_same_customer('customer_key') }} as customer_key,
        min(channel) as channel,
        min(campaign) as campaign,
        min(happened_at) as sent_at,
        min({{ known_moment('delivered_at') }}) as delivered_at,
        min({{ known_moment('opened_at') }}) as opened_at,
        min({{ known_moment('clicked_at') }}) as clicked_at,
        min({{ known_moment('failed_at') }}) as failed_at,
        min({{ known_moment('unsubscribed_at') }}) as unsubscribed_at,
        min({{ known_moment('complained_at') }}) as complained_at
    from sends
    group by source, message_id
)

select
    {{ entity_key("source || ':' || message_id") }} as send_key,
    source,
    message_id,
    customer_key,
    customer_key is null as is_unattributed,
    channel,
    campaign,
    sent_at,
    {{ local_day('sent_at') }} as sent_on,
    delivered_at,
    opened_at,
    clicked_at,
    failed_at,
    unsubscribed_at,
    complained_at
from messages
