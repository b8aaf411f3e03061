{{ config(tags=['forecast']) }}

-- One row a forecast and thing watched: how far it has moved since a past day.
select
    as_of_on,
    version,
    kind,
    name,
    reference_on,
    stability_index,
    level,
    mean_before,
    mean_now
from {{ source('forecast', 'drift') }}
where as_of_on <= {{ as_of_on() }}
