select
    source,
    return_id,
    source || ':' || return_id as source_id,
    order_id,
    nullif(trim(line_id), '') as line_id,

    nullif(trim(reason), '') as reason,

    amount,
    quantity,

    returned_at,
    changed_at
from {{ source('raw', 'returns') }}
where not is_deleted
