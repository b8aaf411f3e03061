-- One row an order some of whose lines were held back by a check when the as-of day ended: what it cost is not known.
with {{ last_load() }},

known_sources as {{ sources_known_then('order_items') }}

select
    source,
    -- a line without a number of its own has only the number of its order
    coalesce(key_values[1], record_key) as order_id,
    count(*)::int as held_lines
from {{ source('ops', 'quarantine') }}
where
    entity = 'order_items'
    and coalesce(key_values[1], record_key) <> ''
    and case
        when source in (select known_sources.source from known_sources)
            then
                load_id <= (select last_load.load_id from last_load)
                and (
                    status = 'open'
                    or closed_by_load_id > (select last_load.load_id from last_load)
                    -- what a person discards ends without a load
                    or (closed_by_load_id is null and {{ local_day('closed_at') }} > {{ as_of_on() }})
                )
        else status = 'open'
    end
group by source, coalesce(key_values[1], record_key)
