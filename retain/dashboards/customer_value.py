"""The dashboard *Customer value*: what customers are worth, how it is spread, and what is expected of them."""

from retain.dashboards.datasets import ALL, COHORT_VALUE, CONCENTRATION, CUSTOMERS, GRADES, LADDER
from retain.dashboards.kinds import bars, lines, table, tile
from retain.dashboards.parts import Chart, Dashboard, Filter

# The channels of a mart by breakdown are everybody, once: its rows by channel add up to all, and can be chosen from.
BY_CHANNEL = ("dimension", "==", "channel")
NOT_BY = frozenset({"region"})


def _by(column: str, label: str) -> Chart:
    return table(
        f"by_{column}", f"By {label}", CUSTOMERS, [column],
        ["customers", "net_per_customer", "predicted_per_customer", "total_value"], "total_value", width=6, height=44,
    )  # fmt: skip


CUSTOMER_VALUE = Dashboard(
    "customer-value",
    "Customer value",
    "What customers have been worth, how it is spread, and what is expected of them.",
    rows=(
        (
            tile("customers", "Customers", CUSTOMERS, "customers", "who bought"),
            tile("net", "Net sales", CUSTOMERS, "observed_net_amount", "to date"),
            tile("net_per_customer", "Per customer", CUSTOMERS, "net_per_customer", "net sales to date"),
            tile("predicted", "Expected", CUSTOMERS, "predicted_value_365", "the next 365 days"),
            tile("total_value", "Total value", CUSTOMERS, "total_value", "to date and expected"),
            tile("predictable", "With a forecast", CUSTOMERS, "predictable_share", "not a simple rule"),
        ),
        (
            bars(
                "ladder",
                "From gross sales to margin",
                LADDER,
                "step",
                ["amount"],
                width=6,
                height=46,
                show_value=True,
                description="Valid orders: gross − discounts − returns = net; net − cost = margin, where the cost is known.",
            ),
            bars(
                "value_by_age",
                "What a customer has brought, by days since the first order",
                COHORT_VALUE,
                "window",
                ["net_amount_per_customer"],
                width=6,
                height=46,
                show_value=True,
                where=(BY_CHANNEL, ("period", "==", "month"), ("is_mature", "==", True)),
                ignores=NOT_BY,
                description="Net sales per acquired customer, those who never returned included; only customers observed "
                "so long. Not by region.",
            ),
        ),
        (
            bars(
                "distribution",
                "How many customers have brought how much",
                CUSTOMERS,
                "value_band",
                ["customers"],
                width=6,
                height=46,
                xAxisForceCategorical=True,
                show_value=True,
                x_axis_title="net sales to date, from",
            ),
            bars(
                "concentration",
                "How much the most valuable hold",
                CONCENTRATION,
                "top",
                ["net_amount_share"],
                width=6,
                height=46,
                show_value=True,
                where=(("dimension", "==", ALL), ("top_percent", "<", 100)),
                ignores=frozenset({"channel", "region"}),
                description="Share of all net sales to date, of the whole shop.",
            ),
        ),
        (
            lines(
                "value_by_cohort",
                "What a customer has brought, by month of the first order",
                COHORT_VALUE,
                "cohort_start",
                ["net_amount_per_customer"],
                "window",
                width=12,
                height=46,
                where=(BY_CHANNEL, ("period", "==", "month"), ("is_mature", "==", True)),
                ignores=NOT_BY,
                description="Net sales per acquired customer so many days after the first order. Not by region.",
            ),
        ),
        (
            bars(
                "said_and_was",
                "Forecast of sales: what was said, and what it was",
                GRADES,
                "horizon",
                ["expected", "observed"],
                width=4,
                height=46,
                where=(
                    ("is_newest", "==", True),
                    ("target", "==", "value"),
                    ("band", "==", 0),
                    ("is_published", "==", True),
                ),
                description="Net sales of the customers forecast, over all graded forecasts of that horizon.",
            ),
            table(
                "against_naive",
                "The same beside naive rules",
                GRADES,
                ["horizon", "who"],
                ["expected", "observed", "total_bias", "rank_correlation", "interval_coverage"],
                width=8,
                height=46,
                where=(("is_newest", "==", True), ("target", "==", "value"), ("band", "==", 0)),
                largest="place",
                order_desc=False,
            ),
        ),
        (_by("segment", "segment"), _by("tier", "loyalty tier")),
        (_by("channel", "channel of the first order"), _by("region", "region")),
    ),
    filters=(
        Filter("time", "Period", None, None, description="Of the first order; of the order, for the ladder."),
        Filter("channel", "Channel", CUSTOMERS, "channel", description="Of the first order."),
        Filter("region", "Region", CUSTOMERS, "region", description="Of the first order."),
        Filter("segment", "Segment", CUSTOMERS, "segment", description="As of the last build."),
    ),
)
