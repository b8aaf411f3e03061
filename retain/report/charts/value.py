"""How value is spread over customers: to date and predicted, and how much of it the best few bring."""

from decimal import Decimal
from typing import Any

import altair as alt

from retain.report import formats
from retain.report.charts.bars import Bar
from retain.report.charts.theme import DEEP, INK, MID, PALE, SHORT, Size, data, finish
from retain.report.figures import BINS, Row, Rows

FEWEST_FOR_TOPS = 100  # customers; with fewer, the best 1 % is less than one of them


def draw_histogram(
    rows: Rows, *, which: str, step: Decimal, median: Decimal | None, currency: str, size: Size
) -> dict[str, Any]:
    """Customers by value, as a share of all; `which` is observed or predicted. The last bar holds everything above.

    Both drawings have the same bins and the same height for the same share, so that they can be laid side by side.
    """
    column, width = f"{which}_customers", float(step)
    customers = sum(row[column] for row in rows)
    found = {row["bin"]: row[column] for row in rows}
    bars = []
    for number in range(BINS + 1):
        low, is_last = step * number, number == BINS
        label = (
            f"{formats.money(low, currency)} or more"
            if is_last
            else (f"{formats.money(low, currency)} to {formats.money(low + step, currency)}")
        )
        count = found.get(number, 0)
        bars.append(
            {
                "from": float(low) + width * 0.06,
                "to": float(low) + width * 0.94,
                "share": count / customers,
                "label": label,
                "of": f"{count:,} of {customers:,}",
                "last": is_last,
            }
        )
    end = width * (BINS + 1)
    highest = max(
        max((row[name] for row in rows), default=0) / max(sum(row[name] for row in rows), 1)
        for name in ("observed_customers", "predicted_customers")
    )
    ticks = [width * number for number in range(0, BINS + 1, 5)]
    sign = formats.unit(currency)
    x = alt.X(
        "from:Q",
        title=None,
        scale=alt.Scale(domain=[0, end], nice=False),
        axis=alt.Axis(
            grid=False,
            values=ticks,
            labelFlush=False,
            labelOverlap="parity",
            labelExpr=f"'{sign}' + ({SHORT}) + (datum.value >= {width * BINS} ? '+' : '')",
        ),
    )
    y = alt.Y(
        "share:Q",
        title=None,
        scale=alt.Scale(domain=[0, highest * 1.1], nice=True),
        axis=alt.Axis(format="~%", tickCount=4, minExtent=30),
    )
    colour = DEEP if which == "observed" else MID
    layers = [
        alt.Chart(data("bars"), name="bars")
        .mark_bar()
        .encode(
            x,
            y,
            x2="to",
            y2=alt.datum(0),
            color=alt.condition("datum.last", alt.value(PALE), alt.value(colour)),
            tooltip=[
                alt.Tooltip("label:N", title="Net amount"),
                alt.Tooltip("of:N", title="Customers"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
    ]
    medians = []
    if median is not None and float(median) <= end:
        medians.append({"from": float(median), "text": f"median {formats.money(median, currency)}"})
        layers += [
            alt.Chart(data("median")).mark_rule(color=INK, strokeDash=[3, 3], tooltip=None).encode(x=x),
            alt.Chart(data("median"))
            .mark_text(align="left", baseline="top", dx=6, fontWeight=600, tooltip=None)
            .encode(x=x, y=alt.value(0), text="text:N"),
        ]
    return finish(alt.layer(*layers), size, right=14, bars=bars, median=medians)


def enough(rows: Rows) -> bool:
    """Whether there are customers enough to speak of the best 1 %."""
    return any(row["all_customers"] >= FEWEST_FOR_TOPS for row in rows)


def concentration(rows: Rows) -> list[Bar]:
    """What the top 1, 5 and 20 % bring, to date and predicted; empty where nothing was bought, or 1 % is nobody."""
    bars = []
    for row in rows if enough(rows) else ():
        for column, what, colour in (
            ("observed_share", "to date", DEEP),
            ("predicted_share", "predicted", MID),
        ):
            if row[column] is not None:
                bars.append(_bar(row, column, what, colour))
    return bars


def _bar(row: Row, column: str, what: str, colour: str) -> Bar:
    top = formats.share(row["top_share"], 0)
    return Bar(
        name=f"Top {top} · {what}",
        value=float(row[column]),
        text=formats.share(row[column], 0),
        colour=colour,
        hint=f"the share that the best {row['customers']:,} customers bring",
    )
