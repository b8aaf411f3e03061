-- A count from the definition, for the last month and every sixth before it: customer_flow gets there by intervals.
with checked_months as (
    select
        period_start,
        counted_until_on,
        at_end
    from (
        select
            *,
            row_number() over (order by period_start desc) as recency
        from {{ ref('customer_flow') }}
    ) as months
    where recency % 6 = 1
),

counted as (
    select
        checked_months.period_start,
        count(distinct occasions.customer_key) as customers
    from checked_months
    inner join {{ ref('int_purchase_occasions') }} as occasions
        on checked_months.counted_until_on > occasions.occasion_on
        and {{ add_days('checked_months.counted_until_on', '-' ~ var('active_days')) }} <= occasions.occasion_on
    group by checked_months.period_start
)

select
    checked_months.period_start,
    checked_months.at_end,
    counted.customers
from checked_months
left join counted on checked_months.period_start = counted.period_start
where checked_months.at_end <> coalesce(counted.customers, 0)
