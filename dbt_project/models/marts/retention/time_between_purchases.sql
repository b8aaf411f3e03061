-- One row a breakdown and step (0: all steps together): the days between an occasion and the next, of those who have
-- come back. Gaps are whole days, so they are counted and not sorted.
with steps as (
    select
        dimension,
        dimension_value,
        from_occasion,
        day,
        event_customers as gaps,
        censored_customers as censored
    from {{ ref('int_occasion_gaps') }}
    where from_occasion <= 10
    union all
    select
        dimension,
        dimension_value,
        0 as from_occasion,
        day,
        sum(event_customers) as gaps,
        sum(censored_customers) as censored
    from {{ ref('int_occasion_gaps') }}
    group by dimension, dimension_value, day
),

cumulated as (
    select
        *,
        sum(gaps) over (partition by dimension, dimension_value, from_occasion order by day) as gaps_up_to,
        sum(gaps) over (partition by dimension, dimension_value, from_occasion) as all_gaps
    from steps
)

select
    dimension,
    dimension_value,
    from_occasion,
    max(all_gaps)::bigint as gaps,
    sum(censored)::bigint as censored_customers,
    (sum(gaps * day) / nullif(max(all_gaps), 0))::numeric(12, 2) as mean_days,
    min(day) filter (where gaps > 0 and gaps_up_to >= 0.25 * all_gaps) as lower_quartile_days,
    min(day) filter (where gaps > 0 and gaps_up_to >= 0.5 * all_gaps) as median_days,
    min(day) filter (where gaps > 0 and gaps_up_to >= 0.75 * all_gaps) as upper_quartile_days,
    min(day) filter (where gaps > 0 and gaps_up_to >= 0.9 * all_gaps) as percentile_90_days
from cumulated
group by dimension, dimension_value, from_occasion
