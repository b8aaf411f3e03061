-- One row a change, window, reading and metric: those touched beside those not, before and after; the difference of the
-- two differences, with its interval.
with compared as (
    {% for metric, column in [('bought', 'buyers'), ('net_amount', 'net')] %}
    select
        touched.source,
        touched.change_id,
        touched.kind,
        touched.title,
        touched.changed_on,
        touched.window_days,
        touched.reading,
        touched.before_from_on,
        touched.turned_on,
        touched.matures_on,
        '{{ metric }}' as metric,
        touched.customers,
        untouched.customers as other_customers,
        touched.{{ column }}_before as touched_before,
        touched.{{ column }}_after as touched_after,
        touched.{{ column }}_variance as touched_variance,
        untouched.{{ column }}_before as untouched_before,
        untouched.{{ column }}_after as untouched_after,
        untouched.{{ column }}_variance as untouched_variance,
        touched.matures_on <= {{ observed_until_on() }} as is_mature
    from {{ ref('int_change_windows') }} as touched
    inner join {{ ref('int_change_windows') }} as untouched
        on touched.source = untouched.source
        and touched.change_id = untouched.change_id
        and touched.window_days = untouched.window_days
        and touched.reading = untouched.reading
        and not untouched.is_touched
    where touched.is_touched
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

judged as (
    select
        *,
        case
            when not is_mature then 'the days after have not ended'
            when least(customers, other_customers) >= {{ var('comparison_min_customers') }} then null
            when customers = 0 then 'nobody who was active was touched'
            when other_customers = 0 then 'everybody was touched: there is nobody to compare with'
            else 'fewer than {{ var("comparison_min_customers") }} active customers on one side'
        end as not_readable_because
    from compared
),

measured as (
    select
        *,
        (touched_after - touched_before) / customers::numeric as touched_difference,
        (untouched_after - untouched_before) / other_customers::numeric as untouched_difference,
        sqrt(touched_variance / customers + untouched_variance / other_customers) as standard_error
    from judged
    where not_readable_because is null
)

select
    judged.source,
    judged.change_id,
    judged.kind,
    judged.title,
    judged.changed_on,
    judged.window_days,
    judged.reading,
    judged.metric,
    judged.before_from_on,
    judged.turned_on,
    judged.customers as touched_customers,
    judged.other_customers as untouched_customers,
    judged.touched_before::numeric(18, 2) as touched_before,
    judged.touched_after::numeric(18, 2) as touched_after,
    judged.untouched_before::numeric(18, 2) as untouched_before,
    judged.untouched_after::numeric(18, 2) as untouched_after,
    measured.touched_difference::numeric(18, 6) as touched_difference,
    measured.untouched_difference::numeric(18, 6) as untouched_difference,
    (measured.touched_difference - measured.untouched_difference)::numeric(18, 6) as effect,
    (measured.touched_difference - measured.untouched_difference - {{ z_95() }} * measured.standard_error)
    ::numeric(18, 6) as effect_low,
    (measured.touched_difference - measured.untouched_difference + {{ z_95() }} * measured.standard_error)
    ::numeric(18, 6) as effect_high,
    measured.standard_error::numeric(18, 6) as standard_error,
    'weaker: before and after, beside others who were not chosen by lot' as evidence,
    judged.not_readable_because,
    case when judged.metric = 'net_amount' then '{{ var("reporting_currency") }}' end as currency,
    judged.is_mature,
    judged.matures_on
from judged
left join measured
    on judged.source = measured.source
    and judged.change_id = measured.change_id
    and judged.window_days = measured.window_days
    and judged.reading = measured.reading
    and judged.metric = measured.metric
