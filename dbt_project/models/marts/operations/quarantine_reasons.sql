-- One row a source, entity and rule: the rows that it holds back, and what became of those it held back before.
select
    quarantine.source,
    quarantine.entity,
    rules.rule,
    count(*) filter (where quarantine.status = 'open') as open_rows,
    count(*) filter (where quarantine.status = 'open' and quarantine.waits_for_reference) as waiting_rows,
    min(quarantine.opened_at) filter (where quarantine.status = 'open') as oldest_open_at,
    count(*) filter (where quarantine.status = 'closed') as closed_rows,
    count(*) filter (where quarantine.status = 'released') as released_rows,
    count(*) filter (where quarantine.status = 'discarded') as discarded_rows
from {{ source('ops', 'quarantine') }} as quarantine
cross join lateral unnest(quarantine.rules) as rules (rule)
group by quarantine.source, quarantine.entity, rules.rule
