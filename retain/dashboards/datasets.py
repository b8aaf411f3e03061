"""The marts as the dashboards read them: which measures are made of their columns, and what they are filtered by."""

from retain.dashboards.parts import (
    DAYS,
    MONEY,
    PERCENT,
    WHOLE_MONEY,
    Calculated,
    Dataset,
    Measure,
    money,
    rate,
    total,
)

ALL = "all"
# A row of a mart by breakdown is of everybody, or of one channel, region or category. Everybody is `all` in each column, so
# that choosing a channel leaves its rows, and choosing nothing leaves those of everybody: never both, which would count twice.
# Rows by anything else are in none of them.
CHOSEN = ("channel", "region", "category")
BREAKDOWNS = tuple(
    Calculated(
        name,
        name,
        f"case when dimension = '{name}' then dimension_value when dimension in ('{ALL}', "
        + ", ".join(f"'{other}'" for other in CHOSEN if other != name)
        + f") then '{ALL}' end",
    )
    for name in CHOSEN
)
STEP = Calculated("step", "from order to order", "from_occasion || ' → ' || (from_occasion + 1)")

KEY_FIGURES = Dataset(
    "key_figures",
    (
        Measure("customers", "customers", "max(customers)"),
        Measure("active_customers", "active customers", "max(active_customers)"),
        Measure("repeat_rate", "came back at least once", "max(repeat_rate)", PERCENT),
        Measure("repurchased_within_90_rate", "came back within 90 days", "max(repurchased_within_90_rate)", PERCENT),
        Measure("median_gap_days", "median days between orders", "max(median_gap_days)", DAYS),
        Measure("lapsed_customers", "lapsed customers", "max(lapsed_customers)"),
        Measure("lapse_days", "days of silence after which a customer has lapsed", "max(lapse_days)", DAYS),
    ),
)

COHORTS = Dataset(
    "retention_cohorts_by",
    (rate("active_rate", "bought in that period", "active_customers", "cohort_customers"),),
    BREAKDOWNS,
    time="cohort_start",
)

SURVIVAL = Dataset(
    "survival_by",
    (Measure("came_back", "came back by then", "1 - min(survival_rate)", PERCENT),),
    # the curve only falls: the least of a week is where it stands at the week's end
    (*BREAKDOWNS, STEP, Calculated("days", "days since the order", "(day + 6) / 7 * 7", "INT")),
)

FLOW = Dataset(
    "customer_flow_by",
    (
        total("new_customers", "new"),
        total("reactivated_customers", "won back"),
        Measure("gone_customers", "churned", "-sum(churned_customers)"),
        total("churned_customers", "churned"),
        total("at_end", "active at the end"),
        rate("retention_rate_strict", "retention rate (strict)", "retained_customers", "at_start"),
        rate("retention_rate_stock", "retention rate (stock formula)", "at_end - new_customers", "at_start"),
        rate("churn_rate", "churn rate", "churned_customers", "at_start"),
    ),
    BREAKDOWNS,
    time="period_start",
)

JOURNEY = Dataset(
    "journey_steps",
    (
        rate("lost_rate", "share lost", "lost_customers", "eligible_customers"),
        total("reached_customers", "reached"),
        total("eligible_customers", "observed long enough"),
        total("lost_customers", "lost"),
        money("lost_net_amount_365", "a year's sales lost", "sum(lost_net_amount_365)", WHOLE_MONEY),
    ),
    (*BREAKDOWNS, STEP),
    has_currency=True,
)

REPEAT = Dataset(
    "repeat_purchase_by",
    (
        rate("repurchased_rate", "came back", "repurchased_customers", "eligible_customers"),
        total("eligible_customers", "observed long enough"),
        total("repurchased_customers", "came back"),
    ),
    BREAKDOWNS,
    time="cohort_start",
)

SEGMENT_FLOW = Dataset(
    "segment_flow",
    (
        rate("retention_rate_strict", "stayed active", "retained_customers", "at_start"),
        rate("churn_rate", "churn rate", "churned_customers", "at_start"),
    ),
    (Calculated("segment", "segment", f"case when dimension = 'segment' then dimension_value else '{ALL}' end"),),
    time="month_start",
)

LAPSE_FLOW = Dataset(
    "lapse_flow",
    (
        total("lapsed_customers", "lapsed"),
        Measure("back_customers", "won back", "-sum(won_back_customers)"),
    ),
    time="month_start",
)

LADDER = Dataset(
    "money_ladder",
    (money("amount", "amount", "sum(amount)"),),
    (
        Calculated("step", "step", ""),
        Calculated("amount", "amount", "", "NUMERIC"),
    ),
    time="ordered_on",
    sql="""\
with days as (
    select
        ordered_on, channel, region, main_category as category, currency, sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount, sum(returns_amount) as returns_amount, sum(net_amount) as net_amount,
        sum(cost_amount) as cost_amount, sum(margin_amount) as margin_amount
    from marts.fct_orders
    where is_valid
    group by ordered_on, channel, region, main_category, currency
)
select days.ordered_on, days.channel, days.region, days.category, days.currency, steps.step, steps.amount
from days
cross join lateral (
    values
    ('1 gross', gross_amount), ('2 − discounts', discount_amount), ('3 − returns', returns_amount), ('4 = net', net_amount),
    ('5 − cost', cost_amount), ('6 = margin', margin_amount)
) as steps (step, amount)
""",
    reads=("fct_orders",),
    description="One row a day, channel, region, category and step of the ladder from gross sales to margin, of valid orders.",
    has_currency=True,
)

COHORT_VALUE = Dataset(
    "cohort_value",
    (
        money(
            "net_amount_per_customer", "net sales per customer", "sum(net_amount) / nullif(sum(eligible_customers), 0)"
        ),
        total("eligible_customers", "customers observed long enough"),
    ),
    (
        *BREAKDOWNS,
        Calculated("window", "days since the first order", "lpad(within_days::text, 3, ' ') || ' days'"),
    ),
    time="cohort_start",
    has_currency=True,
)

CONCENTRATION = Dataset(
    "value_concentration",
    (
        rate("net_amount_share", "share of net sales", "net_amount", "all_net_amount"),
        total("top_customers", "customers"),
    ),
    (*BREAKDOWNS, Calculated("top", "most valuable", "'top ' || lpad(top_percent::text, 2, ' ') || ' %'")),
)

# 1-2-5 steps suit any currency: 10, 20, 50, 100 …
BAND = "10 ^ floor(log(greatest(observed_net_amount, 0.01)))"
CUSTOMERS = Dataset(
    "customers_today",
    (
        Measure("customers", "customers", "count(*)"),
        money("observed_net_amount", "net sales to date", "sum(observed_net_amount)"),
        money("net_per_customer", "net sales per customer", "avg(observed_net_amount)", MONEY),
        money("predicted_value_365", "expected, next 365 days", "sum(predicted_value_365)"),
        money("predicted_per_customer", "expected per customer", "avg(predicted_value_365)", MONEY),
        money("total_value", "total value", "sum(total_value)"),
        Measure("predictable_share", "share with a forecast", "avg(is_predictable::int)", PERCENT),
        Measure("high_risk_customers", "at high risk", "count(*) filter (where risk_band = 'high')"),
        Measure("lapsed_share", "share lapsed", "avg((is_lapsed)::int)", PERCENT),
        money("value_at_risk", "value at risk", "sum(value_at_risk)"),
        Measure("average_risk", "chance of no order", "avg(p_no_order_90)", PERCENT),
    ),
    (
        Calculated(
            "value_band",
            "net sales to date, from",
            f"({BAND} * case when observed_net_amount / ({BAND}) < 2 then 1 when observed_net_amount / ({BAND}) < 5 then 2 "
            "else 5 end)::numeric",
            "NUMERIC",
        ),
        Calculated(
            "band",
            "risk band",
            "case risk_band when 'low' then '1 low' when 'medium' then '2 medium' when 'high' then '3 high' "
            "when 'lapsed' then '4 lapsed' when 'closed' then '5 closed' else '6 not predicted' end",
        ),
        Calculated("customer", "customer", "left(customer_key::text, 8)"),
        Calculated("main_reason", "main reason", "driver_1"),
        Calculated("channel", "channel", ""),
        Calculated("region", "region", ""),
        Calculated("category", "category", ""),
    ),
    sql="""\
select
    worth.customer_key, worth.cohort_month, worth.first_channel as channel, worth.first_region as region,
    worth.first_category as category, worth.currency, worth.occasions, worth.observed_net_amount,
    worth.predicted_value_365, worth.total_value, worth.is_predictable, segments.segment, segments.value_tier, people.tier,
    people.accepts_marketing, risk.is_lapsed, risk.is_closed, risk.risk_band, risk.p_no_order_90, risk.value_at_risk,
    risk.days_since_last, risk.days_overdue, risk.driver_1
from marts.customer_value as worth
inner join marts.customer_segments as segments on worth.customer_key = segments.customer_key
inner join marts.churn_risk as risk on worth.customer_key = risk.customer_key
inner join marts.dim_customers as people on worth.customer_key = people.customer_key
""",
    reads=("customer_value", "customer_segments", "churn_risk", "dim_customers"),
    description="One row a customer: value, segment and risk side by side, as of the last build. Nothing personal.",
    time="cohort_month",
    has_currency=True,
    labels=(
        ("p_no_order_90", "no order in 90 days"),
        ("observed_net_amount", "net sales to date"),
        ("occasions", "orders"),
        ("days_since_last", "days silent"),
    ),
)

DRIVERS = Dataset(
    "risk_drivers",
    (Measure("customers", "customers", "count(distinct customer_key)"),),
    (
        Calculated("driver", "reason", ""),
        Calculated("channel", "channel", ""),
        Calculated("region", "region", ""),
        Calculated("category", "category", ""),
    ),
    sql="""\
select
    risk.customer_key, risk.first_channel as channel, risk.first_region as region, risk.first_category as category,
    risk.risk_band, segments.segment,
    regexp_replace(split_part(split_part(drivers.driver, ' (', 1), ';', 1), '[0-9][0-9,.]*', 'n', 'g') as driver
from marts.churn_risk as risk
inner join marts.customer_segments as segments on risk.customer_key = segments.customer_key
cross join lateral unnest(array[risk.driver_1, risk.driver_2, risk.driver_3]) as drivers (driver)
where drivers.driver is not null
""",
    reads=("churn_risk", "customer_segments"),
    description="One row a customer at risk and reason: the three facts that moved the score most, without their numbers.",
)

GRADES = Dataset(
    "forecast_grades",
    (
        money("expected", "said", "sum(expected)"),
        money("observed", "was", "sum(observed)"),
        Measure("expected_rate", "said", "sum(expected * customers) / nullif(sum(customers), 0)", PERCENT),
        Measure("observed_rate", "was", "sum(observed * customers) / nullif(sum(customers), 0)", PERCENT),
        total("customers", "customers"),
        Measure("brier_score", "Brier score (less is better)", "avg(brier_score)", ".3f"),
        Measure("auc", "AUC (more is better)", "avg(auc)", ".3f"),
        Measure("total_bias", "bias of the total", "avg(total_bias)", PERCENT),
        Measure("rank_correlation", "rank correlation", "avg(rank_correlation)", ".3f"),
        Measure("interval_coverage", "in the 80 % interval", "avg(interval_coverage)", PERCENT),
        Measure("place", "place", "min(horizon_days * 10 + case when is_published then 0 else 1 end)"),
    ),
    (
        Calculated("horizon", "horizon", "lpad(horizon_days::text, 3, ' ') || ' days'"),
        Calculated(
            "who",
            "who says so",
            "case when is_published then '1 Retain: ' when is_baseline then '3 naive: ' else '2 not chosen: ' end "
            "|| replace(model, '_', ' ')",
        ),
    ),
    time="as_of_on",
    has_currency=True,
)

HEALTH = Dataset(
    "load_health",
    (
        Measure("complete_until", "complete until", "min(source_verified_through)", ""),
        total("open_quarantined_rows", "rows in quarantine"),
        Measure("entities", "entities", "count(*)"),
        Measure(
            "failing_entities", "whose last load failed", "count(*) filter (where last_status in ('refused', 'failed'))"
        ),
    ),
)

LOADS = Dataset(
    "load_history",
    (
        Measure("loads", "loads", "count(*)"),
        Measure("bad_loads", "refused or failed", "count(*) filter (where status in ('refused', 'failed'))"),
        total("rows_sent", "rows sent"),
        total("rows_changed", "new or changed"),
        total("rows_quarantined", "held back"),
        Measure("seconds", "seconds", "sum(seconds)", ",.1f"),
    ),
    time="started_on",
)

RULES = Dataset(
    "validation_results",
    (
        total("validations", "loads judged"),
        total("failed_validations", "found something"),
        total("rows_failed", "rows"),
    ),
    time="validated_on",
)

QUARANTINE = Dataset(
    "quarantine_reasons",
    (
        total("open_rows", "waiting"),
        total("waiting_rows", "wait for a record"),
        total("closed_rows", "corrected"),
        total("released_rows", "released"),
        total("discarded_rows", "discarded"),
    ),
)

RECONCILIATION = Dataset(
    "reconciliation",
    (
        total("source_records", "sent"),
        total("raw_records", "counted"),
        total("quarantined_records", "in quarantine"),
        total("discarded_records", "discarded"),
        total("unexplained_records", "unexplained"),
    ),
    time="month_start",
)

DRIFT = Dataset(
    "forecast_drift", (Measure("stability_index", "stability index", "max(stability_index)", ".3f"),), time="as_of_on"
)
