-- One row an experiment, window of days and arm: customers whose days have ended, and what they did in them, treated or
-- not: by the arm that they were put into, whatever reached them.
with outcomes as (
    select
        units.source,
        units.experiment_id,
        listed.window_days,
        units.arm,
        units.customer_key,
        units.starts_on,
        count(occasions.occasion_on) > 0 as is_buyer,
        coalesce(sum(occasions.net_amount), 0) as net_amount
    from {{ ref('int_experiment_units') }} as units
    cross join (values (30), (90)) as listed (window_days)
    left join {{ ref('int_purchase_occasions') }} as occasions
        on units.customer_key = occasions.customer_key
        and units.starts_on <= occasions.occasion_on
        and {{ add_days('units.starts_on', 'listed.window_days') }} > occasions.occasion_on
    where not units.is_in_both_arms
    group by
        units.source, units.experiment_id, listed.window_days, units.arm, units.customer_key, units.starts_on
),

matured as (
    select
        *,
        {{ add_days('starts_on', 'window_days') }} <= {{ observed_until_on() }} as is_mature
    from outcomes
)

select
    source,
    experiment_id,
    window_days,
    arm,
    count(*) as assigned_customers,
    count(*) filter (where is_mature) as customers,
    count(*) filter (where is_mature and is_buyer) as buyers,
    coalesce(sum(net_amount) filter (where is_mature), 0)::numeric(18, 2) as net_amount,
    (var_samp(net_amount) filter (where is_mature))::numeric(30, 10) as net_variance,
    min(starts_on) as starts_on,
    {{ add_days('max(starts_on)', 'window_days') }} as matures_on
from matured
group by source, experiment_id, window_days, arm
