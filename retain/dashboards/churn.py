"""The dashboard *Churn*: who is going, who may be going, why, and whom to win back first."""

from retain.dashboards.datasets import CUSTOMERS, DRIVERS, FLOW, KEY_FIGURES, LAPSE_FLOW
from retain.dashboards.kinds import MONEY_COLUMN, PERCENT_COLUMN, bars, lines, rows, table, tile
from retain.dashboards.parts import Dashboard, Filter

CHURN = Dashboard(
    "churn",
    "Churn",
    "Who is going, who may be going, why, and whom to win back first.",
    rows=(
        (
            tile("lapsed", "Lapsed", CUSTOMERS, "lapsed_share", "of all customers"),
            tile("lapse_days", "Lapsed after", KEY_FIGURES, "lapse_days", "days of silence"),
            tile("high_risk", "At high risk", CUSTOMERS, "high_risk_customers", "not lapsed yet"),
            tile("average_risk", "Silent soon", CUSTOMERS, "average_risk", "chance in 90 days"),
            tile("value_at_risk", "Value at risk", CUSTOMERS, "value_at_risk", "of a year's sales", width=4),
        ),
        (
            lines(
                "churn_rate",
                "Churn rate",
                FLOW,
                "period_start",
                ["churn_rate"],
                width=6,
                height=46,
                ignores=frozenset({"region"}),
                # its rows by channel are everybody, once
                where=(("dimension", "==", "channel"), ("period", "==", "month"), ("is_mature", "==", True)),
                description="Of those active at the start of a month: no longer active at its end. Not by region.",
            ),
            bars(
                "lapses",
                "Customers who lapsed, and who were won back",
                LAPSE_FLOW,
                "month_start",
                ["lapsed_customers", "back_customers"],
                width=6,
                height=46,
                stack="Stack",
                where=(("rule", "==", "derived"), ("is_mature", "==", True)),
            ),
        ),
        (
            bars("bands", "Customers by risk", CUSTOMERS, "band", ["customers"], width=4, height=42, show_value=True),
            bars(
                "value_by_band",
                "Value at risk, by risk",
                CUSTOMERS,
                "band",
                ["value_at_risk"],
                width=4,
                height=42,
                show_value=True,
                description="Predicted value with the customer's usual behaviour × chance of no order in 90 days.",
            ),
            table(
                "drivers",
                "Why: what moved the risk of customers at risk most",
                DRIVERS,
                ["driver"],
                ["customers"],
                "customers",
                width=4,
                height=42,
                where=(("risk_band", "IN", ("medium", "high")),),
                row_limit=12,
                description="Each customer counts once for each of the three facts that moved the score most.",
            ),
        ),
        (
            table(
                "by_segment",
                "By segment",
                CUSTOMERS,
                ["segment"],
                ["customers", "lapsed_share", "average_risk", "value_at_risk"],
                "value_at_risk",
                width=6,
                height=46,
            ),
            table(
                "by_channel",
                "By channel and region of the first order",
                CUSTOMERS,
                ["channel", "region"],
                ["customers", "lapsed_share", "average_risk", "value_at_risk"],
                "value_at_risk",
                width=6,
                height=46,
            ),
        ),
        (
            rows(
                "win_back",
                "Whom to win back first",
                CUSTOMERS,
                {
                    "customer": {},
                    "segment": {},
                    "channel": {},
                    "region": {},
                    "occasions": {},
                    "days_since_last": {},
                    "days_overdue": {},
                    "p_no_order_90": PERCENT_COLUMN,
                    "observed_net_amount": MONEY_COLUMN,
                    "value_at_risk": MONEY_COLUMN,
                    "main_reason": {},
                },
                "value_at_risk",
                width=12,
                height=80,
                where=(
                    ("band", "IN", ("3 high", "4 lapsed")),
                    ("accepts_marketing", "==", True),
                    ("is_closed", "==", False),
                    ("value_at_risk", ">", 0),
                ),
                description="Lapsed or at high risk, may be written to, highest value at risk first. Names and addresses are "
                "not here: the contact list is a view of its own, for marketers.",
            ),
        ),
    ),
    filters=(
        Filter("time", "Period", None, None, description="Months of the flow; for the others, of the first order."),
        Filter("channel", "Channel", CUSTOMERS, "channel", description="Of the first order."),
        Filter("region", "Region", CUSTOMERS, "region", description="Of the first order."),
        Filter("segment", "Segment", CUSTOMERS, "segment", description="As of the last build."),
    ),
)
