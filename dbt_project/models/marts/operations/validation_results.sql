-- One row a business day, source, entity and rule of the last 90 days: how often it was asked, and what it found.
with loads as (
    select
        load_id,
        source,
        entity,
        {{ local_day('started_at') }} as validated_on
    from {{ source('ops', 'loads') }}
    where started_at >= ({{ as_of_on() }} - 90)::timestamp at time zone '{{ var("business_timezone") }}'
)

select
    loads.validated_on,
    loads.source,
    loads.entity,
    results.expectation,
    results.judges,
    results.severity,
    (array_agg(results.message order by results.success asc, loads.load_id desc))[1] as message,
    count(*) as validations,
    count(*) filter (where not results.success) as failed_validations,
    coalesce(sum(results.rows_failed), 0)::bigint as rows_failed
from {{ source('ops', 'validation_results') }} as results
inner join loads on results.load_id = loads.load_id
group by
    loads.validated_on,
    loads.source,
    loads.entity,
    results.expectation,
    results.judges,
    results.severity
