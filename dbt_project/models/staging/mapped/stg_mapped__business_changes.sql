with {{ known_then('business_changes', ['change_id', 'touched', 'touched_value'], [
    'change_id', 'touched', 'touched_value', 'kind', 'title', 'changed_on', 'changed_at', 'is_deleted'
]) }}

select
    source,
    change_id,
    kind,
    nullif(trim(title), '') as title,
    touched,
    touched_value,

    changed_on,
    changed_at
from known_business_changes
where not is_deleted
