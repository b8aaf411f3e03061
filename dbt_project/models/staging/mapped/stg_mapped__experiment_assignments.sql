select
    source,
    experiment_id,
    customer_id,
    arm,

    treatment_share,

    assigned_at,
    starts_at,
    changed_at
from {{ source('raw', 'experiment_assignments') }}
where not is_deleted
