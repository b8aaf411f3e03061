"""The survival curve: the share of customers who have not ordered again, by days since the order, with a 95 % band."""

from typing import Any

import altair as alt

from retain.report import formats
from retain.report.charts.theme import INK, STEPS, Size, data, finish
from retain.report.figures import Rows

NAMES = {1: "after the 1st order", 2: "after the 2nd", 3: "after the 3rd"}
ROOM = 1.17  # the days go on so far beyond the last one, for the labels of the curves


def draw(rows: Rows, *, size: Size) -> dict[str, Any]:
    """Steps from order 1, 2 and 3 to the next. The band is that of the mart: log(-log S), 95 %."""
    points = [
        {
            "order": row["from_occasion"],
            "step": NAMES[row["from_occasion"]],
            "day": row["day"],
            "rate": _short(row["survival_rate"]),
            "low": _short(row["survival_low"]),
            "high": _short(row["survival_high"]),
            "n": row["at_risk_customers"],
        }
        for row in rows
    ]
    steps = list(dict.fromkeys(point["step"] for point in points))
    colours = [colour for step, colour in STEPS.items() if NAMES[step] in steps]
    last = max((point["day"] for point in points), default=0)
    x = alt.X(
        "day:Q",
        title="Days since that order",
        scale=alt.Scale(domain=[0, max(last, 1) * ROOM], nice=False),
        axis=alt.Axis(grid=False, values=[0, 30, 90, 180, 270, 365], labelOverlap="parity"),
    )
    colour = alt.Color("step:N", scale=alt.Scale(domain=steps, range=colours), legend=None)
    axis = alt.Axis(format="%", tickCount=5)
    y = alt.Y("rate:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=axis)
    base = alt.Chart(data("points"))
    nearest = alt.selection_point(
        name="near", fields=["day", "step"], nearest=True, on="pointermove", clear="pointerout", empty=False
    )
    return finish(
        alt.layer(
            base.mark_area(interpolate="step-after", opacity=0.18, tooltip=None)
            .encode(x, alt.Y("low:Q", scale=alt.Scale(domain=[0, 1]), axis=axis, title=None), y2="high", color=colour)
            .properties(name="band"),
            base.mark_line(interpolate="step-after", strokeWidth=2.2, tooltip=None)
            .encode(x, y, color=colour)
            .properties(name="curve"),
            base.mark_point(filled=True, size=70)
            .encode(
                x,
                y,
                color=colour,
                opacity=alt.condition(nearest, alt.value(1), alt.value(0)),
                tooltip=[
                    alt.Tooltip(
                        "order:Q", title="After order"
                    ),  # as a number: of names, Vega-Lite's nearest point knows none
                    alt.Tooltip("day:Q", title="Day"),
                    alt.Tooltip("rate:Q", title="Not ordered again", format=".1%"),
                    alt.Tooltip("low:Q", title="95% band from", format=".1%"),
                    alt.Tooltip("high:Q", title="to", format=".1%"),
                    alt.Tooltip("n:Q", title="Still observed", format=","),
                ],
            )
            .add_params(nearest)
            .properties(name="points"),
            alt.Chart(data("ends"), name="names")
            .mark_text(align="left", baseline="middle", dx=7, fontSize=12, fontWeight=600, fill=INK, tooltip=None)
            .encode(x, alt.Y("at:Q", scale=alt.Scale(domain=[0, 1])), text="text:N"),
        ),
        size,
        points=points,
        ends=_labels(points),
    )


def _labels(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One label a curve at its right end, moved up where two would touch."""
    ends = {point["step"]: point for point in points}  # the last of each step
    labels, floor = [], 0.0
    for end in sorted(ends.values(), key=lambda point: float(point["rate"])):
        at = max(end["rate"], floor)
        floor = at + 0.05
        labels.append({"day": end["day"], "at": at, "text": formats.share(end["rate"], 0)})
    return labels


def _short(rate: Any) -> float:
    return round(float(rate), 4)
