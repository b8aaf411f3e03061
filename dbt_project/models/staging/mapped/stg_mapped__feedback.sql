with {{ known_then('feedback', ['feedback_id'], [
    'feedback_id', 'customer_id', 'customer_source', 'email', 'phone', 'loyalty_card', 'kind', 'survey',
    'ticket_id', 'channel', 'score', 'lowest_score', 'highest_score', 'answered_at', 'changed_at', 'is_deleted'
]) }}

select
    feedback.source,
    feedback.feedback_id,
    feedback.source || ':' || feedback.feedback_id as source_id,
    {{ named('feedback', 'phones') }},
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
