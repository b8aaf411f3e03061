-- One row an experiment, window and metric: the lift of those who were put into treatment over those put into control,
-- with its interval, by intention to treat.
with assigned as (
    select
        source,
        experiment_id,
        count(*) filter (where is_in_both_arms) as customers_in_both_arms,
        count(*) filter (where not is_in_both_arms) as customers,
        count(*) filter (where not is_in_both_arms and arm = 'treatment') as treatment_customers,
        sum(treatment_share) filter (where not is_in_both_arms) as expected_treatment_customers
    from {{ ref('int_experiment_units') }}
    group by source, experiment_id
),

ratios as (
    select
        *,
        -- the root of chi-square with one degree of freedom
        (treatment_customers - expected_treatment_customers) / nullif(
            sqrt(expected_treatment_customers * (customers - expected_treatment_customers) / nullif(customers, 0)), 0
        ) as ratio_z
    from assigned
),

arms as (
    select
        source,
        experiment_id,
        window_days,
        {% for arm in ['treatment', 'control'] %}
        coalesce(max(customers) filter (where arm = '{{ arm }}'), 0) as {{ arm }}_customers,
        max(buyers) filter (where arm = '{{ arm }}') as {{ arm }}_buyers,
        max(net_amount) filter (where arm = '{{ arm }}') as {{ arm }}_net_amount,
        max(net_variance) filter (where arm = '{{ arm }}') as {{ arm }}_net_variance,
        {% endfor %}
        min(starts_on) as starts_on,
        max(matures_on) as matures_on,
        max(matures_on) <= {{ observed_until_on() }} as is_mature
    from {{ ref('int_experiment_arms') }}
    group by source, experiment_id, window_days
),

judged as (
    select
        *,
        case
            when greatest(treatment_customers, control_customers) = 0 then 'the days after have not ended for anybody'
            when least(treatment_customers, control_customers) < {{ var('comparison_min_customers') }}
                then 'fewer than {{ var("comparison_min_customers") }} customers in one arm'
        end as not_readable_because
    from arms
),

shares as (
    select
        *,
        treatment_buyers / treatment_customers::numeric as treatment_share,
        control_buyers / control_customers::numeric as control_share,
        (treatment_buyers + control_buyers) / (treatment_customers + control_customers)::numeric as pooled_share,
        1 / treatment_customers::numeric + 1 / control_customers::numeric as weight,
        {{ wilson('treatment_buyers', 'treatment_customers', '-') }} as treatment_low,
        {{ wilson('treatment_buyers', 'treatment_customers', '+') }} as treatment_high,
        {{ wilson('control_buyers', 'control_customers', '-') }} as control_low,
        {{ wilson('control_buyers', 'control_customers', '+') }} as control_high,
        sqrt(treatment_net_variance / treatment_customers + control_net_variance / control_customers) as net_error
    from judged
    where not_readable_because is null
),

measured as (
    select
        source,
        experiment_id,
        window_days,
        'bought' as metric,
        treatment_buyers as treatment_total,
        control_buyers as control_total,
        treatment_share as treatment_mean,
        control_share as control_mean,
        treatment_share - control_share
        - sqrt((treatment_share - treatment_low) ^ 2 + (control_high - control_share) ^ 2) as lift_low,
        treatment_share - control_share
        + sqrt((treatment_high - treatment_share) ^ 2 + (control_share - control_low) ^ 2) as lift_high,
        (treatment_share - control_share) / nullif(sqrt(pooled_share * (1 - pooled_share) * weight), 0) as z,
        {{ z_found_at_80() }} * sqrt(control_share * (1 - control_share) * weight) as minimum_detectable_lift
    from shares
    union all
    select
        source,
        experiment_id,
        window_days,
        'net_amount' as metric,
        treatment_net_amount as treatment_total,
        control_net_amount as control_total,
        treatment_net_amount / treatment_customers as treatment_mean,
        control_net_amount / control_customers as control_mean,
        treatment_net_amount / treatment_customers - control_net_amount / control_customers
        - {{ z_95() }} * net_error as lift_low,
        treatment_net_amount / treatment_customers - control_net_amount / control_customers
        + {{ z_95() }} * net_error as lift_high,
        (treatment_net_amount / treatment_customers - control_net_amount / control_customers) / nullif(net_error, 0)
            as z,
        {{ z_found_at_80() }} * sqrt(control_net_variance * weight) as minimum_detectable_lift
    from shares
)

select
    judged.source,
    judged.experiment_id,
    judged.window_days,
    listed.metric,
    judged.starts_on,
    ratios.customers as assigned_customers,
    ratios.treatment_customers as assigned_treatment_customers,
    ratios.expected_treatment_customers::numeric(18, 4) as expected_treatment_customers,
    ratios.customers_in_both_arms,
    {{ two_sided_p('ratios.ratio_z') }} as sample_ratio_p_value,
    {{ two_sided_p('ratios.ratio_z') }} >= 0.001 as is_sample_ratio_right,
    judged.treatment_customers,
    judged.control_customers,
    measured.treatment_total::numeric(18, 2) as treatment_total,
    measured.control_total::numeric(18, 2) as control_total,
    measured.treatment_mean::numeric(18, 6) as treatment_mean,
    measured.control_mean::numeric(18, 6) as control_mean,
    (measured.treatment_mean - measured.control_mean)::numeric(18, 6) as lift,
    measured.lift_low::numeric(18, 6) as lift_low,
    measured.lift_high::numeric(18, 6) as lift_high,
    {{ rate('(measured.treatment_mean - measured.control_mean)', 'measured.control_mean', 18) }} as relative_lift,
    {{ two_sided_p('measured.z') }} as p_value,
    measured.minimum_detectable_lift::numeric(18, 6) as minimum_detectable_lift,
    case
        when {{ two_sided_p('ratios.ratio_z') }} < 0.001
            then 'none: the arms are not of the size that was meant, so they differ by more than the treatment'
        when judged.not_readable_because is not null then 'none: ' || judged.not_readable_because
        else 'strong: an experiment, by intention to treat'
    end as evidence,
    judged.not_readable_because,
    case when listed.metric = 'net_amount' then '{{ var("reporting_currency") }}' end as currency,
    judged.is_mature,
    judged.matures_on
from judged
inner join ratios on judged.source = ratios.source and judged.experiment_id = ratios.experiment_id
cross join (values ('bought'), ('net_amount')) as listed (metric)
left join measured
    on judged.source = measured.source
    and judged.experiment_id = measured.experiment_id
    and judged.window_days = measured.window_days
    and listed.metric = measured.metric
