-- One row a day, channel and origin: what a counter of visits says, added up; its own figures, and not the shop's.
select
    {{ entity_key("source || ':' || day_on || ':' || channel || ':' || origin") }} as traffic_key,
    source,
    day_on,
    channel,
    origin,
    sessions::bigint as sessions,
    engaged_sessions::bigint as engaged_sessions,
    {{ rate('engaged_sessions', 'sessions') }} as engaged_rate,
    users::bigint as users,
    purchases::bigint as purchases,
    revenue::numeric(18, 2) as revenue,
    currency,
    -- a counter puts its last days right for up to three days
    {{ days_between('day_on', as_of_on()) }} > 3 as is_settled
from {{ ref('stg_mapped__traffic') }}
where day_on <= {{ as_of_on() }}
