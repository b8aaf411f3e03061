"""Value at risk by band, and how likely customers are to stay away for the next 90 days."""

from typing import Any

import altair as alt

from retain.report import formats
from retain.report.charts.bars import Bar
from retain.report.charts.theme import BANDS, WHOLE, Size, data, finish
from retain.report.figures import BINS, Rows


def by_band(rows: Rows, currency: str) -> list[Bar]:
    """One bar a risk band that has customers: its value at risk, and how many customers that is."""
    bars = []
    for band, (name, colour) in BANDS.items():
        inside = [row for row in rows if row["risk_band"] == band]
        customers = sum(row["customers"] for row in inside)
        if not customers:
            continue
        known = [row["value_at_risk"] for row in inside if row["value_at_risk"] is not None]
        amount = formats.money(sum(known), currency) if known else "not predicted"
        bars.append(
            Bar(
                name=name,
                value=float(sum(known)),
                text=f"{amount} · {formats.whole(customers)} customer{'s' if customers != 1 else ''}",
                colour=colour,
                hint="value at risk a year · customers in the band",
            )
        )
    return bars


def draw_silence(rows: Rows, *, size: Size) -> dict[str, Any]:
    """Customers by their probability of no order in the next 90 days, a bar every 5 points, coloured by band."""
    bars, piled = [], dict.fromkeys(range(BINS), 0)
    for row in sorted(rows, key=lambda row: list(BANDS).index(row["risk_band"])):
        number = row["bin"]
        if number is None:
            continue
        bars.append(
            {
                "from": number / BINS + 0.003,
                "to": (number + 1) / BINS - 0.003,
                "under": piled[number],
                "top": piled[number] + row["customers"],
                "range": f"{number * 100 // BINS}% to {(number + 1) * 100 // BINS}%",
                "band": BANDS[row["risk_band"]][0],
                "customers": row["customers"],
            }
        )
        piled[number] += row["customers"]
    shown = {bar["band"] for bar in bars}
    colours = {name: colour for name, colour in BANDS.values() if name in shown}
    return finish(
        alt.Chart(data("bars"), name="silence")
        .mark_bar()
        .encode(
            alt.X(
                "from:Q",
                title="Probability of no order in the next 90 days",
                scale=alt.Scale(domain=[0, 1], nice=False),
                axis=alt.Axis(format="%", grid=False, values=[0, 0.25, 0.5, 0.75, 1]),
            ),
            alt.Y(
                "top:Q",
                title="Customers",
                axis=alt.Axis(labelExpr=WHOLE, tickCount=4),
            ),
            x2="to",
            y2="under",
            color=alt.Color("band:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None),
            tooltip=[
                alt.Tooltip("range:N", title="No order in 90 days"),
                alt.Tooltip("band:N", title="Band"),
                alt.Tooltip("customers:Q", title="Customers", format=","),
            ],
        ),
        size,
        bars=bars,
    )
