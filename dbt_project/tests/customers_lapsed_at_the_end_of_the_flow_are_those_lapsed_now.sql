-- The last month of lapse_flow ends with the customers whom the segments call lapsed.
with last_month as (
    select lapsed_at_end
    from {{ ref('lapse_flow') }}
    where rule = 'derived' and counted_until_on = {{ add_days(as_of_on(), 1) }}
),

lapsed as (
    select count(*) filter (where is_lapsed) as customers
    from {{ ref('customer_segments') }}
)

select
    last_month.lapsed_at_end,
    lapsed.customers
from lapsed
left join last_month on true
where lapsed.customers > 0 and last_month.lapsed_at_end is distinct from lapsed.customers
