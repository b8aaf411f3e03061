with {{ known_then('experiment_assignments', ['experiment_id', 'customer_id'], [
    'experiment_id', 'customer_id', 'arm', 'treatment_share', 'assigned_at', 'starts_at', 'changed_at', 'is_deleted'
]) }}

select
    source,
    experiment_id,
    customer_id,
    arm,

    treatment_share,

    assigned_at,
    starts_at,
    changed_at
from known_experiment_assignments
where not is_deleted
