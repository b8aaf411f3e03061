select
    source,
    change_id,
    kind,
    nullif(trim(title), '') as title,
    touched,
    touched_value,

    changed_on,
    changed_at
from {{ source('raw', 'business_changes') }}
where not is_deleted
