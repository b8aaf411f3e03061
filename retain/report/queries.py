"""The questions that the report asks of the marts: one row or a few hundred each, added up by the server; no customer leaves it."""

# Held until the report has read everything, so that a build which ends meanwhile is seen whole or not at all.
# In the order in which a build replaces them, so that neither waits for the other for ever.
LOCK = """
    lock table
        marts.channels, marts.churn_risk, marts.customer_flow, marts.customer_value, marts.fct_orders,
        marts.forecast_grades, marts.forecast_models, marts.key_figures, marts.load_health, marts.retention_cohorts, marts.survival
    in access share mode
"""

KEY_FIGURES = "select * from marts.key_figures"

COHORTS = """
    with cohorts as (
        select
            cohort_month,
            count(*) over () as all_cohorts
        from marts.retention_cohorts
        where months_since_first = 0
        order by cohort_month desc
        limit %(months)s
    )

    select
        cells.cohort_month,
        cohort_labels.period_label as cohort_label,
        activity_labels.period_label as activity_label,
        cells.months_since_first,
        cells.cohort_customers,
        cells.active_customers,
        cells.active_rate,
        cells.net_amount,
        cells.is_mature,
        cells.matures_on,
        cohorts.all_cohorts
    from marts.retention_cohorts as cells
    inner join cohorts on cells.cohort_month = cohorts.cohort_month
    inner join marts.customer_flow as cohort_labels on cells.cohort_month = cohort_labels.period_start
    inner join marts.customer_flow as activity_labels on cells.activity_month = activity_labels.period_start
    order by cells.cohort_month, cells.months_since_first
"""

SURVIVAL = """
    select
        from_occasion,
        day,
        at_risk_customers,
        event_customers,
        survival_rate,
        survival_low,
        survival_high
    from marts.survival
    where
        from_occasion <= 3
        and day <= 365
        and at_risk_customers >= %(fewest)s
        and (event_customers > 0 or day %% 30 = 0 or day = 365)  -- in between the curve is level
    order by from_occasion, day
"""

STEPS = """
    select
        from_occasion,
        max(at_risk_customers) as customers,
        1 - max(survival_rate) filter (where day = 30) as back_within_30,
        1 - max(survival_rate) filter (where day = 90) as back_within_90,
        1 - max(survival_rate) filter (where day = 365) as back_within_365,
        min(day) filter (where survival_rate <= 0.5) as median_days
    from marts.survival
    where from_occasion <= 3 and at_risk_customers >= %(fewest)s
    group by from_occasion
    order by from_occasion
"""

FLOW = """
    with newest as (
        select *
        from marts.customer_flow
        order by period_start desc
        limit %(months)s
    )

    select
        period_start,
        period_label,
        at_start,
        new_customers,
        reactivated_customers,
        churned_customers,
        at_end,
        retention_rate_strict,
        is_mature,
        matures_on
    from newest
    order by period_start
"""

VALUE = """
    select
        count(*) as customers,
        count(predicted_value_365) as predicted_customers,
        percentile_disc(0.5) within group (order by observed_net_amount) as observed_median,
        percentile_disc(0.5) within group (order by predicted_value_365) as predicted_median,
        greatest(
            percentile_disc(0.95) within group (order by observed_net_amount),
            percentile_disc(0.95) within group (order by predicted_value_365)
        ) as p95,
        sum(predicted_value_365) as predicted_value,
        sum(predicted_value_365_low) as predicted_low,
        sum(predicted_value_365_high) as predicted_high,
        count(*) filter (where not is_predictable) as not_predictable_customers,
        mode() within group (order by not_predictable_reason) as not_predictable_reason
    from marts.customer_value
"""

VALUE_BINS = """
    with observed as (
        select
            least(floor(observed_net_amount / %(step)s), %(last)s)::int as bin,
            count(*) as customers
        from marts.customer_value
        group by 1
    ),

    predicted as (
        select
            least(floor(predicted_value_365 / %(step)s), %(last)s)::int as bin,
            count(*) as customers
        from marts.customer_value
        where predicted_value_365 is not null
        group by 1
    )

    select
        bin,
        coalesce(observed.customers, 0) as observed_customers,
        coalesce(predicted.customers, 0) as predicted_customers
    from observed
    full join predicted using (bin)
    order by bin
"""

CONCENTRATION = """
    with ranked as (
        select
            observed_net_amount,
            predicted_value_365,
            row_number() over (order by observed_net_amount desc, customer_key) as observed_rank,
            row_number() over (order by predicted_value_365 desc nulls last, customer_key) as predicted_rank,
            count(*) over () as customers,
            count(predicted_value_365) over () as predicted_customers
        from marts.customer_value
    )

    select
        tops.top_share,
        ceil(tops.top_share * max(customers))::bigint as customers,
        max(customers) as all_customers,
        sum(observed_net_amount) filter (where observed_rank <= ceil(tops.top_share * customers))
        / nullif(sum(observed_net_amount), 0) as observed_share,
        sum(predicted_value_365) filter (where predicted_rank <= ceil(tops.top_share * predicted_customers))
        / nullif(sum(predicted_value_365), 0) as predicted_share
    from ranked
    cross join (values (0.01), (0.05), (0.20)) as tops (top_share)
    group by tops.top_share
    order by tops.top_share
"""

RISK = """
    select
        risk_band,
        least(floor(p_no_order_90 * %(bins)s), %(bins)s - 1)::int as bin,  -- null: nothing was predicted
        count(*) as customers,
        sum(value_at_risk) as value_at_risk
    from marts.churn_risk
    group by 1, 2
    order by 1, 2
"""

CHANNELS = """
    with ranked as (
        select
            *,
            row_number() over (order by customers desc, channel) as place
        from marts.channels
    )

    select
        case when place <= %(most)s then channel end as channel,  -- null: the others, added up
        count(*) as channels,
        sum(customers) as customers,
        sum(repeat_customers) as repeat_customers,
        sum(repeat_customers) / nullif(sum(customers), 0) as repeat_rate,
        sum(eligible_90_customers) as eligible_90_customers,
        sum(repurchased_within_90_customers) as repurchased_within_90_customers,
        sum(repurchased_within_90_customers) / nullif(sum(eligible_90_customers), 0) as repurchased_within_90_rate,
        sum(net_amount) as net_amount,
        sum(net_amount) / nullif(sum(customers), 0) as net_amount_per_customer
    from ranked
    group by 1
    order by min(place)
"""

LOADS = "select * from marts.load_health order by source, entity"

MODELS = """
    with published as (
        select
            *,
            first_value(version) over (
                partition by purpose, as_of_on order by fitted_at desc, version desc
            ) as newest_version,
            dense_rank() over (partition by purpose order by as_of_on desc) as recency
        from marts.forecast_models
    )

    select
        model,
        as_of_on,
        purpose,
        customers,
        parameters,
        standard_errors,
        log_likelihood,
        is_identified,
        notes,
        grades,
        training_from,
        training_until
    from published
    where version = newest_version and (recency = 1 or purpose = 'backcast')
    order by as_of_on desc, purpose desc, model
"""

GRADES = """
    with newest as (
        select
            as_of_on,
            version
        from marts.forecast_grades
        where is_newest and is_published and target = 'no_order' and horizon_days = 90 and band = 0
        order by closed_on desc
        limit 1
    )

    select grades.*
    from marts.forecast_grades as grades
    inner join newest on grades.as_of_on = newest.as_of_on and grades.version = newest.version
    where grades.target = 'no_order' and grades.horizon_days = 90 and (grades.band = 0 or grades.is_published)
    order by grades.is_published desc, grades.brier_score, grades.model, grades.band
"""

EXCLUDED = """
    select
        excluded_because,
        count(*) as orders
    from marts.fct_orders
    where not is_valid
    group by excluded_because
    order by count(*) desc, excluded_because
    limit 4
"""
