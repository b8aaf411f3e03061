{{ config(tags=['forecast']) }}

-- One row a closed horizon, model and band: what was said, beside what it was. Band 0 is everybody.
select
    as_of_on,
    horizon_days,
    {{ add_days('as_of_on', 'horizon_days') }} as closed_on,
    version,
    purpose,
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
from {{ source('forecast', 'grades') }}
where {{ add_days('as_of_on', 'horizon_days') }} <= {{ as_of_on() }}
