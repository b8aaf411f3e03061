-- One row a load that began in the last 400 days, whatever became of it.
select
    load_id,
    source,
    entity,
    kind,
    status,
    {{ local_day('started_at') }} as started_on,
    started_at,
    coalesce(published_at, validated_at, landed_at) as ended_at,
    date_part('epoch', coalesce(published_at, validated_at, landed_at) - started_at)::numeric(12, 3) as seconds,
    rows_sent,
    rows_accepted,
    rows_quarantined,
    rows_changed,
    is_late,
    message
from {{ source('ops', 'loads') }}
where started_at >= ({{ as_of_on() }} - 400)::timestamp at time zone '{{ var("business_timezone") }}'
