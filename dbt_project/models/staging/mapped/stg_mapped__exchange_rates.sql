select
    source,
    upper(trim(currency)) as currency,

    rate,

    rate_on,
    changed_at
from {{ source('raw', 'exchange_rates') }}
where not is_deleted
