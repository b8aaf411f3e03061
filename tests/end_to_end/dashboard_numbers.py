"""What each chart must show, asked of the marts in words of its own: dashboard, chart, and the query that answers.

A query's columns are named as the chart's; a chart of several lines is one row a line and point: x, series, value.
"""

EVERYBODY = "period = 'month' and dimension = 'all' and is_mature"

RETENTION = {
    "customers": "select customers from marts.key_figures",
    "active": "select active_customers from marts.key_figures",
    "came_back": "select repeat_rate from marts.key_figures",
    "back_in_90": "select repurchased_within_90_rate from marts.key_figures",
    "gap": "select median_gap_days from marts.key_figures",
    "lapsed": "select lapsed_customers from marts.key_figures",
    "cohorts": "select to_char(cohort_month, 'YYYY-MM') as cohort_label, months_since_first as periods_since_first, active_rate "
    "from marts.retention_cohorts where is_mature and months_since_first between 1 and 36",
    "survival_by_step": "select day + (7 - day % 7) % 7 as x, from_occasion || ' → ' || from_occasion + 1 as series, "
    "1 - min(survival_rate) as value from marts.survival where event_customers > 0 and from_occasion <= 4 and day <= 364 "
    "group by 1, 2",
    "survival_by_channel": "select day + (7 - day % 7) % 7 as x, dimension_value as series, 1 - min(survival_rate) as value "
    "from marts.survival_by where dimension = 'channel' and from_occasion = 1 and day <= 364 group by 1, 2",
    "flow": "select period_start, new_customers, reactivated_customers, -churned_customers as gone_customers "
    "from marts.customer_flow where is_mature",
    "retention_rate": "select period_start, retention_rate_strict, retention_rate_stock from marts.customer_flow "
    "where is_mature and at_start > 0",
    "drop_off": "select from_occasion, lost_rate from marts.journey_steps where dimension = 'all'",
    "drop_off_table": "select from_occasion || ' → ' || from_occasion + 1 as step, reached_customers, eligible_customers, "
    "lost_customers, lost_rate, lost_net_amount_365 from marts.journey_steps where dimension = 'all'",
    **{
        f"back_by_{dimension}": "select dimension_value, sum(repurchased_customers)::numeric / nullif(sum(eligible_customers), 0) "
        f"as repurchased_rate from marts.repeat_purchase_by where period = 'month' and dimension = '{dimension}' "
        "and within_days = 90 and is_mature group by dimension_value"
        for dimension in ("channel", "region", "category")
    },
    **{
        f"stayed_by_{dimension.replace(' ', '_')}": "select dimension_value, sum(retained_customers)::numeric / sum(at_start) "
        f"as retention_rate_strict from marts.segment_flow where dimension = '{dimension}' and is_mature and at_start > 0 "
        "group by dimension_value"
        for dimension in ("value tier", "segment")
    },
}

HORIZON = "lpad(horizon_days::text, 3) || ' days'"
WHO = (
    "case when is_published then '1 Retain: ' when is_baseline then '3 naive: ' else '2 not chosen: ' end "
    "|| replace(model, '_', ' ')"
)
SEGMENTED = "marts.customer_value natural join (select customer_key, segment from marts.customer_segments) as segments"
CUSTOMER_VALUE = {
    "customers": "select count(*) as customers from marts.customer_value",
    "net": "select sum(net_amount) as observed_net_amount from marts.dim_customers",
    "net_per_customer": "select sum(net_amount) / count(*) as net_per_customer from marts.dim_customers where occasions > 0",
    "predicted": "select predicted_value_365 from marts.key_figures",
    "total_value": "select sum(observed_net_amount) + sum(predicted_value_365) as total_value from marts.customer_value",
    "predictable": "select predictable_customers::numeric / customers as predictable_share from marts.key_figures",
    "ladder": "select unnest(array['1 gross', '2 − discounts', '3 − returns', '4 = net', '5 − cost', '6 = margin']) as step, "
    "unnest(array[sum(gross_amount), sum(discount_amount), sum(returns_amount), sum(net_amount), sum(cost_amount), "
    "sum(margin_amount)]) as amount from marts.fct_orders where is_valid",
    "value_by_age": "select lpad(within_days::text, 3) || ' days' as window, sum(net_amount) / sum(eligible_customers) "
    f"as net_amount_per_customer from marts.cohort_value where {EVERYBODY} group by within_days",
    "distribution": "select steps[width_bucket(observed_net_amount, steps)] as value_band, count(*) as customers "
    "from marts.customer_value cross join (select array_agg(step * 10::numeric ^ power order by power, step) as steps "
    "from unnest(array[1, 2, 5]) as step, generate_series(-2, 8) as power) as bands group by 1",
    "concentration": "select 'top ' || lpad(top_percent::text, 2) || ' %' as top, net_amount_share from marts.value_concentration "
    "where dimension = 'all' and top_percent < 100",
    "value_by_cohort": "select cohort_start as x, lpad(within_days::text, 3) || ' days' as series, net_amount::numeric "
    f"/ nullif(eligible_customers, 0) as value from marts.cohort_value where {EVERYBODY}",
    "said_and_was": "select lpad(horizon_days::text, 3) || ' days' as horizon, sum(expected) as expected, sum(observed) as observed "
    "from marts.forecast_grades where is_newest and target = 'value' and band = 0 and is_published group by horizon_days",
    "against_naive": f"select {HORIZON} as horizon, {WHO} as who, expected, observed, total_bias, rank_correlation, "
    "interval_coverage from (select horizon_days, is_published, is_baseline, model, sum(expected) as expected, sum(observed) "
    "as observed, avg(total_bias) as total_bias, avg(rank_correlation) as rank_correlation, avg(interval_coverage) as "
    "interval_coverage from marts.forecast_grades where is_newest and target = 'value' and band = 0 group by 1, 2, 3, 4) as graded",
    "by_segment": "select segment, count(*) as customers, avg(observed_net_amount) as net_per_customer, "
    f"avg(predicted_value_365) as predicted_per_customer, sum(total_value) as total_value from {SEGMENTED} group by segment",
    **{
        f"by_{column}": f"select {name} as {column}, count(*) as customers, avg(observed_net_amount) as net_per_customer, "
        "avg(predicted_value_365) as predicted_per_customer, sum(total_value) as total_value from marts.customer_value "
        f"natural join (select customer_key, tier from marts.dim_customers) as tiers group by {name}"
        for column, name in (("tier", "tier"), ("channel", "first_channel"), ("region", "first_region"))
    },
}

AT_RISK = "p_no_order_90 >= 0.5 and not is_lapsed and not is_closed"
BAND = (
    "case when is_closed then '5 closed' when is_lapsed then '4 lapsed' when p_no_order_90 is null then '6 not predicted' "
    "when p_no_order_90 >= 0.8 then '3 high' when p_no_order_90 >= 0.5 then '2 medium' else '1 low' end"
)
SUMS = (
    "count(*) as customers, avg(is_lapsed::int) as lapsed_share, avg(p_no_order_90) as average_risk, "
    "sum(value_at_risk) as value_at_risk"
)
CHURN = {
    "lapsed": "select lapsed_customers::numeric / customers as lapsed_share from marts.key_figures",
    "lapse_days": "select lapse_days from marts.key_figures",
    "high_risk": "select high_risk_customers from marts.key_figures",
    "average_risk": "select avg(p_no_order_90) as average_risk from marts.churn_risk",
    "value_at_risk": "select value_at_risk from marts.key_figures",
    "churn_rate": "select period_start, churn_rate from marts.customer_flow where is_mature",
    "lapses": "select month_start, lapsed_customers, -won_back_customers as back_customers from marts.lapse_flow "
    "where rule = 'derived' and is_mature",
    "bands": f"select {BAND} as band, count(*) as customers from marts.churn_risk group by 1",
    "value_by_band": f"select {BAND} as band, sum(value_at_risk) as value_at_risk from marts.churn_risk group by 1",
    "drivers": "select regexp_replace(split_part(split_part(driver, ' (', 1), ';', 1), '[0-9][0-9,.]*', 'n', 'g') as driver, "
    "count(distinct customer_key) as customers from marts.churn_risk, unnest(array[driver_1, driver_2, driver_3]) as driver "
    f"where {AT_RISK} group by 1 having count(driver) > 0",
    "by_segment": f"select segment, {SUMS} from marts.churn_risk natural join (select customer_key, segment from "
    "marts.customer_segments) as segments group by segment",
    "by_channel": f"select first_channel as channel, first_region as region, {SUMS} from marts.churn_risk group by 1, 2",
    "win_back": "select left(customer_key::text, 8) as customer, days_since_last, value_at_risk from marts.churn_risk natural join "
    f"(select customer_key from marts.dim_customers where accepts_marketing) as contactable where {BAND} in ('3 high', '4 lapsed') "
    "and value_at_risk > 0 order by value_at_risk desc limit 100",
}

TRUST = {
    "complete_until": "select min(source_verified_through) as complete_until from marts.load_health",
    "failing": "select count(*) filter (where last_status not in ('published')) as failing_entities from marts.load_health",
    "bad_loads": "select 0 as bad_loads",
    "open_rows": "select sum(open_quarantined_rows) as open_quarantined_rows from marts.load_health",
    "unexplained": "select 0 as unexplained_records",
    "health": "select source, entity, last_status, rows_sent, rows_accepted, open_quarantined_rows from marts.load_health",
    "loads_by_day": "select started_on as x, status as series, count(*) as value from marts.load_history group by 1, 2",
    "rows_by_day": "select started_on as x, source as series, sum(rows_sent) as value from marts.load_history group by 1, 2",
    "rules": "select source, entity, severity, message, sum(rows_failed) as rows_failed, sum(failed_validations) as "
    "failed_validations, sum(validations) as validations from marts.validation_results where failed_validations > 0 "
    "group by 1, 2, 3, 4",
    "quarantine": "select rule, sum(open_rows) as open_rows, sum(closed_rows) as closed_rows from marts.quarantine_reasons group by 1",
    "reconciliation": "select source, entity, sum(source_records) as source_records, sum(raw_records) as raw_records, "
    "sum(quarantined_records) as quarantined_records, 0 as unexplained_records from marts.reconciliation group by 1, 2",
    "calibration": "select band, sum(expected * customers) / sum(customers) as expected_rate, sum(observed * customers) "
    "/ sum(customers) as observed_rate from marts.forecast_grades where is_newest and target = 'no_order' and band > 0 and is_published "
    "and horizon_days = 90 group by band",
    "grades": f"select {HORIZON} as horizon, {WHO} as who, expected_rate, brier_score, auc from (select horizon_days, "
    "is_published, is_baseline, model, sum(expected * customers) / sum(customers) as expected_rate, avg(brier_score) as "
    "brier_score, avg(auc) as auc from marts.forecast_grades where is_newest and target = 'no_order' and band = 0 group by 1, 2, 3, 4) "
    "as graded",
    "drift": "select as_of_on, kind, name, level, stability_index from marts.forecast_drift",
}

NUMBERS = {"retention": RETENTION, "customer-value": CUSTOMER_VALUE, "churn": CHURN, "trust": TRUST}
