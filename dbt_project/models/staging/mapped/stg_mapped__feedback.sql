with {{ known_then('feedback', ['feedback_id'], [
    'feedback_id', 'customer_id', 'customer_source', 'email', 'phone', 'loyalty_card', 'kind', 'survey',
    'ticket_id', 'channel', 'score', 'lowest_score', 'highest_score', 'answered_at', 'changed_at', 'is_deleted'
]) }}

select
    feedback.source,
    feedback.feedback_id,
    feedback.source || ':' || feedback.feedback_id as source_id,
    nullif(trim(feedback.customer_id), '') as customer_id,
    coalesce(nullif(trim(feedback.customer_source), ''), feedback.source) as customer_source,
    {{ normal_email('feedback.email') }} as email,
    phones.e164,
    {{ normal_card('feedback.loyalty_card') }} as loyalty_card,
    nullif(trim(feedback.ticket_id), '') as ticket_id,

    lower(trim(feedback.kind)) as kind,
    nullif(trim(feedback.survey), '') as survey,
    nullif(trim(feedback.channel), '') as channel,

    feedback.score,
    feedback.lowest_score,
    feedback.highest_score,

    feedback.answered_at,
    feedback.changed_at
from known_feedback as feedback
left join {{ ref('stg_mapped__phone_numbers') }} as phones on feedback.phone = phones.phone
where not feedback.is_deleted
