-- One row a source, entity and month: what was sent, and where each record of it is.
select
    days.source,
    days.entity,
    calendar.month_start,
    calendar.month_label as period_label,
    sum(days.source_records)::bigint as source_records,
    sum(days.raw_records)::bigint as raw_records,
    sum(days.quarantined_records)::bigint as quarantined_records,
    sum(days.discarded_records)::bigint as discarded_records,
    sum(days.difference)::bigint as difference,
    sum(abs(days.difference))::bigint as unexplained_records
from {{ source('ops', 'reconciliation') }} as days
left join {{ source('ops', 'calendar_days') }} as calendar on days.day = calendar.day
group by days.source, days.entity, calendar.month_start, calendar.month_label
