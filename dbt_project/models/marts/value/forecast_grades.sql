{{ config(tags=['forecast']) }}

-- One row a closed horizon, version, model and band: what was said, beside what it was. Band 0 is everybody.
with fits as (
    select
        as_of_on,
        version,
        max(fitted_at) as fitted_at
    from {{ source('forecast', 'models') }}
    group by as_of_on, version
),

ranked as (
    select
        grades.*,
        -- A past day may be forecast again, with data that came since.
        -- What was published then goes before what was made later.
        dense_rank() over (
            partition by grades.as_of_on, grades.horizon_days
            order by
                case grades.purpose when 'current' then 0 else 1 end,
                fits.fitted_at desc nulls last,
                {{ byte_order('grades.version') }}
        ) = 1 as is_newest
    from {{ source('forecast', 'grades') }} as grades
    left join fits on grades.as_of_on = fits.as_of_on and grades.version = fits.version
)

select
    as_of_on,
    horizon_days,
    {{ add_days('as_of_on', 'horizon_days') }} as closed_on,
    version,
    purpose,
    is_newest,
    target,
    model,
    is_published,
    model in ('recency_only', 'same_rate_as_before', 'nobody_returns') and not is_published as is_baseline,
    band,
    customers,
    expected,
    observed,
    calibration_error,
    brier_score,
    log_loss,
    auc,
    total_bias,
    rank_correlation,
    interval_coverage,
    interval_promised,
    case when target = 'value' then '{{ var("reporting_currency") }}' end as currency
from ranked
where {{ add_days('as_of_on', 'horizon_days') }} <= {{ as_of_on() }}
