-- One row an experiment and customer that was assigned before it began. Two accounts of one person are one customer;
-- where they were put into both arms, nothing that the customer did tells the arms apart. Nor does it while another
-- assignment of theirs is held back, so that it is all the same which of the two came first.
with held_assignments as (
    select distinct
        source,
        first_key as experiment_id,
        second_key as customer_id
    from {{ ref('int_held_records') }}
    where entity = 'experiment_assignments'
),

assignments as (
    select
        assignments.source,
        assignments.experiment_id,
        assignments.arm,
        assignments.treatment_share,
        {{ local_day('assignments.starts_at') }} as starts_on,
        held.customer_id is not null as has_held_assignment,
        -- who is not known on the as-of day was assigned all the same
        coalesce(
            identities.customer_key, {{ entity_key("assignments.source || ':' || assignments.customer_id") }}
        ) as customer_key
    from {{ ref('stg_mapped__experiment_assignments') }} as assignments
    left join {{ ref('int_customer_identities') }} as identities
        on assignments.source = identities.source and assignments.customer_id = identities.customer_id
    left join held_assignments as held
        on assignments.source = held.source
        and assignments.experiment_id = held.experiment_id
        and assignments.customer_id = held.customer_id
    where {{ local_day('assignments.assigned_at') }} <= {{ as_of_on() }}
)

select
    source,
    experiment_id,
    customer_key,
    min(arm) as arm,
    min(arm) <> max(arm) or bool_or(has_held_assignment) as is_in_both_arms,
    min(treatment_share) as treatment_share,
    min(starts_on) as starts_on
from assignments
group by source, experiment_id, customer_key
