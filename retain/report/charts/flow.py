"""Customer flow: how many were active at each month's end, and above it who came, who was won back, who fell silent."""

from typing import Any

import altair as alt

from retain.report import formats
from retain.report.charts.theme import CARD, DEEP, FLOW, INK, WHOLE, Size, data, finish
from retain.report.figures import Rows

AXIS_WIDTH = 44  # pixels, in both drawings, so that their months stand one above the other


def draw_active(rows: Rows, *, calendar: str, size: Size) -> dict[str, Any]:
    """Active customers at the end of each month; the running month's point is hollow."""
    points = [
        {
            "month": formats.month(row["period_label"], calendar, short=True),
            "label": formats.month(row["period_label"], calendar),
            "active": row["at_end"],
            "over": row["is_mature"],
            "state": "at its end" if row["is_mature"] else "until now",
            "kept": formats.share(row["retention_rate_strict"]),
        }
        for row in rows
    ]
    end = {**points[-1], "text": formats.whole(points[-1]["active"])}
    x = alt.X("month:N", sort=None, title=None, axis=None, scale=alt.Scale(paddingOuter=0.1))
    y = alt.Y("active:Q", title=None, axis=_axis(), scale=alt.Scale(zero=True, nice=True))
    base = alt.Chart(data("points"))
    return finish(
        alt.layer(
            base.mark_area(color=DEEP, opacity=0.1, tooltip=None).encode(x, y),
            base.mark_line(color=INK, strokeWidth=2, tooltip=None).encode(x, y).properties(name="active"),
            base.mark_point(strokeWidth=1.6, opacity=1)
            .encode(
                x,
                y,
                stroke=alt.value(INK),
                size=alt.condition("datum.over", alt.value(8), alt.value(40)),
                fill=alt.condition("datum.over", alt.value(INK), alt.value(CARD)),
                tooltip=[
                    alt.Tooltip("label:N", title="Month"),
                    alt.Tooltip("active:Q", title="Active", format=","),
                    alt.Tooltip("state:N", title="Counted"),
                    alt.Tooltip("kept:N", title="Kept of those at its start"),
                ],
            )
            .properties(name="ends"),
            alt.Chart(data("end"))
            .mark_text(align="right", baseline="bottom", dy=-9, dx=6, fontWeight=600, fontSize=12, tooltip=None)
            .encode(x, y, text="text:N"),
        ),
        size,
        points=points,
        end=[end],
    )


def draw_changes(rows: Rows, *, calendar: str, size: Size) -> dict[str, Any]:
    """New and won-back customers upward, churned ones downward; the running month pale and outlined."""
    bars = [
        {
            "month": formats.month(row["period_label"], calendar, short=True),
            "label": formats.month(row["period_label"], calendar),
            "kind": kind,
            "order": order,
            "customers": sign * row[column],
            "shown": formats.whole(row[column]),
            "over": row["is_mature"],
            "state": "in full" if row["is_mature"] else f"until now; it is over on {formats.day(row['matures_on'])}",
        }
        for row in rows
        for order, (kind, column, sign) in enumerate(
            (
                ("New", "new_customers", 1),
                ("Won back", "reactivated_customers", 1),
                ("Churned", "churned_customers", -1),
            )
        )
        if row[column]  # a bar of nothing would still draw its outline
    ]
    months = [
        formats.month(row["period_label"], calendar, short=True) for row in rows
    ]  # one without bars keeps its place
    x = alt.X(
        "month:N",
        title=None,
        scale=alt.Scale(domain=months, paddingInner=0.22, paddingOuter=0.1),
        axis=alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=14, orient="bottom"),
    )
    chart = alt.Chart(data("bars"))
    tooltip = [
        alt.Tooltip("label:N", title="Month"),
        alt.Tooltip("kind:N", title="Customers"),
        alt.Tooltip("shown:N", title="How many"),
        alt.Tooltip("state:N", title="Counted"),
    ]
    return finish(
        alt.layer(
            chart.mark_bar(width=alt.expr("min(46, bandwidth('x'))"))
            .encode(
                x,
                alt.Y("customers:Q", title=None, axis=_axis()),
                color=alt.Color("kind:N", scale=alt.Scale(domain=list(FLOW), range=list(FLOW.values())), legend=None),
                order="order:Q",
                fillOpacity=alt.condition("datum.over", alt.value(1), alt.value(0.3)),
                strokeWidth=alt.condition("datum.over", alt.value(0), alt.value(1)),
                strokeDash=alt.condition("datum.over", alt.value([1, 0]), alt.value([2, 2])),
                stroke=alt.Stroke("kind:N", scale=alt.Scale(domain=list(FLOW), range=list(FLOW.values())), legend=None),
                tooltip=tooltip,
            )
            .properties(name="changes"),
            alt.Chart(data("zero")).mark_rule(color=INK, strokeWidth=1, tooltip=None).encode(y="zero:Q"),
        ),
        size,
        bars=bars,
        zero=[{"zero": 0}],
    )


def _axis() -> alt.Axis:
    return alt.Axis(tickCount=4, labelExpr=WHOLE, minExtent=AXIS_WIDTH, maxExtent=AXIS_WIDTH)
