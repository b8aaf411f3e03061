-- One row an answer, with its score on a scale from 0 to 1, so that questions of different scales can be compared.
with feedback as (
    select
        *,
        {{ local_day('answered_at') }} as answered_on,
        row_number() over (
            partition by source, kind, coalesce('ticket ' || ticket_id, feedback_id)
            order by answered_at desc, feedback_id desc
        ) = 1 as is_last_answer,
        ((score - lowest_score) / (highest_score - lowest_score))::numeric(7, 6) as score_share
    from {{ ref('stg_mapped__feedback') }}
    where {{ local_day('answered_at') }} <= {{ as_of_on() }}
)

select
    {{ entity_key('feedback.source_id') }} as feedback_key,
    feedback.source,
    feedback.feedback_id,
    {{ customer_found() }} as customer_key,
    {{ customer_found() }} is null as is_unattributed,
    {{ entity_key('tickets.source_id') }} as ticket_key,
    feedback.kind,
    feedback.survey,
    feedback.channel,
    feedback.answered_at,
    feedback.answered_on,
    feedback.score,
    feedback.lowest_score,
    feedback.highest_score,
    feedback.score_share,
    feedback.is_last_answer,
    case when feedback.kind = 'csat' then feedback.score_share >= 0.75 end as is_satisfied,
    case
        when feedback.kind <> 'nps' then null
        when feedback.score >= 9 then 'promoter'
        when feedback.score >= 7 then 'passive'
        else 'detractor'
    end as nps_group
from feedback
left join {{ ref('stg_mapped__tickets') }} as tickets
    on feedback.source = tickets.source
    and feedback.ticket_id = tickets.ticket_id
    and {{ local_day('tickets.opened_at') }} <= {{ as_of_on() }}
{{ joins_to_customers('feedback') }}
