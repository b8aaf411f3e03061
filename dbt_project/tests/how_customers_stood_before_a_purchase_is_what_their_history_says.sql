-- The standing before a month with a purchase is worked out twice: from the purchases alone, and month by month.
select
    standings.customer_key,
    standings.month_start
from {{ ref('int_month_standings') }} as standings
left join {{ ref('int_customer_month_ends') }} as months
    on standings.customer_key = months.customer_key and standings.month_start = months.month_start
where
    (standings.segment_then, standings.value_tier_then, standings.tier_then)
    is distinct from (months.segment_at_start, months.value_tier_at_start, months.tier_at_start)
