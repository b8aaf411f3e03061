-- One row a record that was held back by a check when the as-of day ended, where others are in doubt by it: what an
-- order cost while a line of it is held, and in which arm somebody was while another assignment of theirs is.
with {{ last_load() }},

known_sources as (
    select distinct
        loads.source,
        loads.entity
    from {{ source('ops', 'loads') }} as loads
    inner join last_load on loads.load_id <= last_load.load_id
    where loads.status = 'published'
)

select
    quarantine.source,
    quarantine.entity,
    -- a line without a number of its own has only the number of its order
    coalesce(quarantine.key_values[1], quarantine.record_key) as first_key,
    quarantine.key_values[2] as second_key
from {{ source('ops', 'quarantine') }} as quarantine
cross join last_load
left join known_sources
    on quarantine.source = known_sources.source and quarantine.entity = known_sources.entity
where
    quarantine.entity in ('order_items', 'experiment_assignments')
    and case
        when known_sources.source is not null
            then
                quarantine.load_id <= last_load.load_id
                and (
                    quarantine.status = 'open'
                    or quarantine.closed_by_load_id > last_load.load_id
                    -- what a person discards ends without a load
                    or (
                        quarantine.closed_by_load_id is null
                        and {{ local_day('quarantine.closed_at') }} > {{ as_of_on() }}
                    )
                )
        else quarantine.status = 'open'
    end
