with {{ known_then('returns', ['return_id'], [
    'return_id', 'order_id', 'line_id', 'reason', 'amount', 'quantity', 'returned_at', 'changed_at',
    'is_deleted'
]) }}

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
from known_returns
where not is_deleted
