{{ config(tags=['forecast']) }}

-- One row a fit: the model card that stands behind the predictions.
select
    model,
    version,
    as_of_on,
    customers,
    parameters,
    log_likelihood,
    is_identified,
    notes,
    purpose,
    training_from,
    training_until,
    standard_errors,
    grades,
    fitted_at,
    held_out_log_likelihood
from {{ source('forecast', 'models') }}
where as_of_on <= {{ as_of_on() }}
