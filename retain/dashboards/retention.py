"""The dashboard *Retention*: who comes back, when, and where customers are lost on the way."""

from retain.dashboards.datasets import (
    ALL,
    COHORTS,
    FLOW,
    JOURNEY,
    KEY_FIGURES,
    REPEAT,
    SEGMENT_FLOW,
    SURVIVAL,
)
from retain.dashboards.kinds import bars, heatmap, lines, table, tile
from retain.dashboards.parts import Chart, Dashboard, Filter

EACH = frozenset({"channel", "region", "category"})  # a chart by channel shows all channels, whatever is chosen above


def _back_within_90(dimension: str, width: int) -> Chart:
    return bars(
        f"back_by_{dimension}", f"Back within 90 days, by {dimension}", REPEAT, "dimension_value",
        ["repurchased_rate"], width=width, height=60, ignores=EACH, orientation="horizontal", show_value=True,
        where=(("dimension", "==", dimension), ("within_days", "==", 90), ("is_mature", "==", True)),
        description="Of the customers observed for 90 days after their first order: those with a second one by then.",
    )  # fmt: skip


def _stayed(dimension: str) -> Chart:
    name = dimension.replace(" ", "_")
    return bars(
        f"stayed_by_{name}", f"Still active a month later, by {dimension} at the month's start", SEGMENT_FLOW,
        "dimension_value", ["retention_rate_strict"], width=6, height=42, y_axis_bounds=[0, 1], orientation="horizontal", show_value=True,
        where=(("dimension", "==", dimension), ("is_mature", "==", True), ("at_start", ">", 0)),
        description="Of those active at the start of a month, over all months of the period: still active at its end.",
    )  # fmt: skip


RETENTION = Dashboard(
    "retention",
    "Retention",
    "Who comes back, when, and where customers are lost on the way.",
    rows=(
        (
            tile("customers", "Customers", KEY_FIGURES, "customers", "bought at least once"),
            tile("active", "Active", KEY_FIGURES, "active_customers", "bought lately"),
            tile("came_back", "Came back", KEY_FIGURES, "repeat_rate", "at least once, ever"),
            tile(
                "back_in_90",
                "In 90 days",
                KEY_FIGURES,
                "repurchased_within_90_rate",
                "came back, if seen so long",
            ),
            tile("gap", "Median gap", KEY_FIGURES, "median_gap_days", "days between orders"),
            tile("lapsed", "Lapsed", KEY_FIGURES, "lapsed_customers", "silent for too long"),
        ),
        (
            heatmap(
                "cohorts",
                "Who bought again, by cohort and periods since the first order",
                COHORTS,
                "periods_since_first",
                "cohort_label",
                "active_rate",
                width=12,
                height=80,
                where=(("is_mature", "==", True), ("periods_since_first", ">=", 1), ("periods_since_first", "<=", 36)),
                description="Share of a cohort that bought in exactly that period. Periods that are not over are left out.",
                x_axis_title="periods since the first order",
            ),
        ),
        (
            lines(
                "survival_by_step",
                "How long until the next order",
                SURVIVAL,
                "days",
                ["came_back"],
                "step",
                width=6,
                height=50,
                where=(("from_occasion", "<=", 4), ("days", "<=", 364)),
                description="Kaplan-Meier: share of customers who have come back by that day, by the order they started from.",
                x_axis_title="days since the order",
                y_axis_bounds=[0, 1],
                markerEnabled=True,
                markerSize=3,
            ),
            lines(
                "survival_by_channel",
                "How long until the second order, by channel of the first",
                SURVIVAL,
                "days",
                ["came_back"],
                "dimension_value",
                width=6,
                height=50,
                ignores=EACH,
                where=(("dimension", "==", "channel"), ("from_occasion", "==", 1), ("days", "<=", 364)),
                description="Kaplan-Meier: share of customers who have come back by that day.",
                x_axis_title="days since the first order",
                y_axis_bounds=[0, 1],
                markerEnabled=True,
                markerSize=3,
            ),
        ),
        (
            bars(
                "flow",
                "Who came and who went",
                FLOW,
                "period_start",
                ["new_customers", "reactivated_customers", "gone_customers"],
                width=7,
                height=50,
                stack="Stack",
                where=(("is_mature", "==", True),),
                description="Active customers at the start + new + won back − churned = active at the end, every period.",
            ),
            lines(
                "retention_rate",
                "Retention rate",
                FLOW,
                "period_start",
                ["retention_rate_strict", "retention_rate_stock"],
                width=5,
                height=50,
                y_axis_bounds=[0, 1],
                where=(("is_mature", "==", True), ("at_start", ">", 0)),
                description="Strict: active at the start and at the end. The stock formula also counts those won back.",
            ),
        ),
        (
            bars(
                "drop_off",
                "Journey: who does not come back, by step",
                JOURNEY,
                "from_occasion",
                ["lost_rate"],
                width=6,
                height=46,
                show_value=True,
                xAxisForceCategorical=True,
                x_axis_title="after order number",
                description="Of customers who made that order and were then observed for the lapse days: no further order.",
            ),
            table(
                "drop_off_table",
                "Journey: how many, and what it costs",
                JOURNEY,
                ["step"],
                ["reached_customers", "eligible_customers", "lost_customers", "lost_rate", "lost_net_amount_365"],
                width=6,
                height=46,
                largest="reached_customers",
            ),
        ),
        (_back_within_90("channel", 3), _back_within_90("region", 5), _back_within_90("category", 4)),
        (_stayed("value tier"), _stayed("segment")),
    ),
    filters=(
        Filter("time", "Period", None, None, description="First orders, or months of the flow, from when to when."),
        Filter("period", "Cohorts by", COHORTS, "period", ("month",), is_required=True),
        Filter(
            "channel",
            "Channel",
            COHORTS,
            "channel",
            (ALL,),
            True,
            "Of the first order. Choose a channel, a region or a category, not two of them.",
        ),
        Filter("region", "Region", COHORTS, "region", (ALL,), True, "Of the first order."),
        Filter("category", "Category", COHORTS, "category", (ALL,), True, "Of the first order."),
        Filter("segment", "Segment", SEGMENT_FLOW, "segment", description="At the month's start: for the last chart."),
    ),
)
