with {{ known_then('traffic', ['day_on', 'channel', 'origin'], [
    'day_on', 'channel', 'origin', 'sessions', 'engaged_sessions', 'users', 'purchases', 'revenue', 'currency',
    'changed_at', 'is_deleted'
]) }}

select
    source,
    day_on,
    trim(channel) as channel,
    trim(origin) as origin,

    sessions,
    engaged_sessions,
    users,
    purchases,

    revenue,
    upper(trim(currency)) as currency,

    changed_at
from known_traffic
where not is_deleted
