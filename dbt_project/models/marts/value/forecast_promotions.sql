{{ config(tags=['forecast']) }}

-- One row a decision: whether a new fit took the place of the one in use, and why.
select
    role,
    as_of_on,
    version,
    model,
    is_promoted,
    reason,
    in_use_version,
    judged_from,
    judged_until,
    customers,
    gain,
    standard_error
from {{ source('forecast', 'promotions') }}
where as_of_on <= {{ as_of_on() }}
