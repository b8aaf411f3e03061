"""The cohort heatmap: a row a cohort, a column a month since; months that are not over are hatched and have no colour."""

from typing import Any

import altair as alt

from retain.report import formats
from retain.report.charts.theme import CARD, FAINT, HEAT, INK, SAND, Size, data, finish
from retain.report.figures import Row, Rows

NARROWEST_WITH_NUMBERS = 19  # pixels a cell
ALL = "All cohorts"
FEWEST_MONTHS = 12  # columns, so that the cells of a young shop are cells and not beams
WHITE_FROM = 0.72  # of the scale: from there on white is easier to read on the colour than ink
HATCH = ((0.0, 0.5, 0.5, 0.0), (0.0, 1.0, 1.0, 0.0), (0.5, 1.0, 1.0, 0.5))  # three lines across a cell: x, y, x2, y2


def height(rows: Rows) -> int:
    """Pixels that the drawing needs: more a row when there are few."""
    cohorts = len({row["cohort_month"] for row in rows})
    shown = cohorts + 2 if _together(rows) else cohorts
    return 46 + shown * max(17, min(38, 440 // max(shown, 1)))


def pooled(rows: Rows, month: int) -> tuple[int, int] | None:
    """Customers active in that month since their first, and all customers of the cohorts for which that month is over."""
    cells = [row for row in rows if row["months_since_first"] == month and row["is_mature"]]
    customers = sum(row["cohort_customers"] for row in cells)
    return (sum(row["active_customers"] for row in cells), customers) if customers else None


def top_rate(rows: Rows) -> float:
    """The rate of the darkest colour: the highest of a month that is over, month 0 (always 100 %) left out.

    A rate of a handful of customers must not bleach all others, so cohorts of fewer than 30 count only if all are.
    """
    later = [row for row in rows if row["is_mature"] and row["months_since_first"] > 0]
    large = [row for row in later if row["cohort_customers"] >= 30]
    return float(max((row["active_rate"] for row in large or later), default=0))


def is_clamped(rows: Rows) -> bool:
    """Whether a small cohort has a higher rate than the darkest colour stands for."""
    later = (row for row in rows if row["is_mature"] and row["months_since_first"] > 0)
    return float(max((row["active_rate"] for row in later), default=0)) > top_rate(rows)


def draw(rows: Rows, *, calendar: str, currency: str, size: Size) -> dict[str, Any]:
    """The specification. A cell carries its numerator and its denominator."""
    cells = [_cell(row, calendar, currency) for row in rows]
    together = _together(rows)
    cohorts = list(dict.fromkeys(cell["row"] for cell in cells))
    if together:
        cohorts = [ALL, "", *cohorts]
    months = max(FEWEST_MONTHS, max(cell["month"] for cell in cells) + 1)
    x = alt.X(
        "month:O",
        title="Months since the first order",
        scale=alt.Scale(domain=list(range(months)), paddingInner=0.05, paddingOuter=0),
        axis=alt.Axis(orient="top", labelAngle=0, labelOverlap="parity", labelPadding=4, titlePadding=6),
    )
    y = alt.Y(
        "row:N",
        title=None,
        scale=alt.Scale(domain=cohorts, paddingInner=0.06, paddingOuter=0),
        axis=alt.Axis(labelOverlap="parity", labelPadding=8),
    )
    tooltip = [
        alt.Tooltip("cohort:N", title="Cohort"),
        alt.Tooltip("in:N", title="Month"),
        alt.Tooltip("rate:N", title="Bought in it"),
        alt.Tooltip("of:N", title="Customers"),
        alt.Tooltip("net:N", title="Net amount"),
        alt.Tooltip("state:N", title="Counted"),
    ]
    over, open_ = [c for c in cells if c["over"]], [c for c in cells if not c["over"]]
    first, later = [c for c in over if not c["month"]], together + [c for c in over if c["month"]]
    numbers = alt.expr(f"width / {months} < {NARROWEST_WITH_NUMBERS} ? 0 : 1")
    top = max(top_rate(rows), 0.0001)
    hatch = [
        alt.Chart(data("open"), name=f"hatch{number}")
        .mark_rule(stroke=FAINT, strokeWidth=0.8, tooltip=None)
        .encode(
            x.bandPosition(x1),
            y.bandPosition(y1),
            x2=alt.X2("month", bandPosition=x2),
            y2=alt.Y2("row", bandPosition=y2),
        )
        for number, (x1, y1, x2, y2) in enumerate(HATCH)
    ]
    return finish(
        alt.layer(
            alt.Chart(data("first"), name="first").mark_rect(fill=SAND).encode(x, y, tooltip=tooltip),
            alt.Chart(data("later"), name="later")
            .mark_rect()
            .encode(
                x,
                y,
                tooltip=tooltip,
                fill=alt.Fill("value:Q", scale=alt.Scale(domain=[0, top], range=list(HEAT), clamp=True), legend=None),
            ),
            *hatch,
            alt.Chart(data("open"), name="immature")
            .mark_rect(fill=CARD, fillOpacity=0.3, stroke=FAINT, strokeDash=[2, 2], strokeWidth=0.8)
            .encode(x, y, tooltip=tooltip),
            alt.Chart(data("later"), name="rates")
            .mark_text(fontSize=10, opacity=numbers, tooltip=None)
            .encode(
                x,
                y,
                text="label:N",
                fill=alt.condition(f"datum.value > {top * WHITE_FROM}", alt.value("#ffffff"), alt.value(INK)),
            ),
        ),
        size,
        first=first,
        later=later,
        open=open_,
    )


def _together(rows: Rows) -> list[dict[str, Any]]:
    """A row for all cohorts: each month over those that have been through it, so the months are not of the same people.

    Empty for a single cohort, which it would only repeat.
    """
    cells: list[dict[str, Any]] = []
    if len({row["cohort_month"] for row in rows}) < 2:
        return cells
    for month in range(1, max(row["months_since_first"] for row in rows) + 1):
        found = pooled(rows, month)
        if found is not None:
            active, customers = found
            cells.append(
                {
                    "row": ALL,
                    "cohort": "all for which it is over",
                    "month": month,
                    "in": str(month),
                    "value": round(active / customers, 4),
                    "label": f"{100 * active / customers:.0f}",
                    "rate": formats.share(active / customers),
                    "of": f"{active:,} of {customers:,}",
                    "net": formats.NOTHING,
                    "state": "in full",
                }
            )
    return cells


def _cell(row: Row, calendar: str, currency: str) -> dict[str, Any]:
    month, customers = row["months_since_first"], row["cohort_customers"]
    percent = 100 * row["active_rate"]
    cohort = formats.month(row["cohort_label"], calendar)
    return {
        "row": f"{cohort} · {customers:,}",
        "cohort": cohort,
        "month": month,
        "in": f"{month} ({formats.month(row['activity_label'], calendar)})",
        "value": round(float(row["active_rate"]), 4),
        "label": f"{percent:.0f}",
        "rate": formats.share(row["active_rate"]),
        "of": f"{row['active_customers']:,} of {customers:,}",
        "net": formats.money(row["net_amount"], currency),
        "over": row["is_mature"],
        "state": "in full" if row["is_mature"] else f"until now; the month is over on {formats.day(row['matures_on'])}",
    }
