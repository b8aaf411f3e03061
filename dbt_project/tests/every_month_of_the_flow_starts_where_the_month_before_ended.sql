with flow as (
    select
        period_start,
        at_start,
        lag(at_end, 1, 0::bigint) over (order by period_start) as previous_at_end,
        lag(matures_on) over (order by period_start) as previous_matures_on
    from {{ ref('customer_flow') }}
)

select *
from flow
where at_start <> previous_at_end or period_start <> previous_matures_on
