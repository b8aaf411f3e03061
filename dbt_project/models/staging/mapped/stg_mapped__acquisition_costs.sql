select
    source,
    trim(channel) as channel,
    upper(trim(currency)) as currency,

    amount,

    month_on,
    changed_at
from {{ source('raw', 'acquisition_costs') }}
where not is_deleted
