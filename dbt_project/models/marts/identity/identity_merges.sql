-- Append-only: which identifier joined whom with whom, when, and when that ended. No identifier is readable.
select
    event,
    rule,
    identifier_masked,
    source_id,
    joined_to_source_id,
    customer_key,
    load_id,
    as_of_on,
    logged_at,
    build_id
from {{ ref('int_identity_merge_log') }}
