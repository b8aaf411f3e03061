-- One row an experiment and customer that was assigned before it began. Two accounts of one person are one customer;
-- where they were put into both arms, nothing that the customer did tells the arms apart.
with assignments as (
    select
        assignments.source,
        assignments.experiment_id,
        assignments.arm,
        assignments.treatment_share,
        {{ local_day('assignments.starts_at') }} as starts_on,
        -- who is not known on the as-of day was assigned all the same
        coalesce(
            identities.customer_key, {{ entity_key("assignments.source || ':' || assignments.customer_id") }}
        ) as customer_key
    from {{ ref('stg_mapped__experiment_assignments') }} as assignments
    left join {{ ref('int_customer_identities') }} as identities
        on assignments.source = identities.source and assignments.customer_id = identities.customer_id
    where {{ local_day('assignments.assigned_at') }} <= {{ as_of_on() }}
)

select
    source,
    experiment_id,
    customer_key,
    min(arm) as arm,
    min(arm) <> max(arm) as is_in_both_arms,
    min(treatment_share) as treatment_share,
    min(starts_on) as starts_on
from assignments
group by source, experiment_id, customer_key
