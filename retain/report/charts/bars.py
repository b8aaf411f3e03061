"""Bars with their words above them: readable at any width, no axis needed."""

from dataclasses import dataclass
from typing import Any

import altair as alt

from retain.report.charts.theme import INK, MUTED, Size, data, finish

ROW = 44  # pixels from one bar to the next
THICK = 11
NAME_LIMIT = "max(width - 150, 0.4 * width)"  # the longest text at the right end has about 150 pixels; the tooltip has the whole name


@dataclass(frozen=True)
class Bar:
    """One bar: what it is, how long it is, what stands at the right end of its line, and its colour."""

    name: str
    value: float
    text: str
    colour: str
    hint: str = ""


def height(bars: list[Bar]) -> int:
    return max(1, len(bars)) * ROW


def draw(bars: list[Bar], *, size: Size, longest: float | None = None) -> dict[str, Any]:
    """Horizontal bars from 0, in the order given. `longest` is the value that fills the width (by default the largest)."""
    rows = [
        {"row": index, "name": bar.name, "value": bar.value, "text": bar.text, "colour": bar.colour, "hint": bar.hint}
        for index, bar in enumerate(bars)
    ]
    full = longest or max((bar.value for bar in bars), default=0) or 1.0
    y = alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    x = alt.X("value:Q", axis=None, scale=alt.Scale(domain=[0, full], nice=False, clamp=True))
    base = alt.Chart(data("rows"))
    tooltip = [
        alt.Tooltip("name:N", title=" "),
        alt.Tooltip("text:N", title="Shown"),
        alt.Tooltip("hint:N", title="Is"),
    ]
    # the texts sit on the upper half of a row, the bar on the lower
    return finish(
        alt.layer(
            base.mark_bar(size=THICK, yOffset=12, color="#f0ede6", tooltip=None).encode(
                y, alt.XDatum(full, axis=None, scale=alt.Scale(domain=[0, full], nice=False))
            ),
            base.mark_bar(size=THICK, yOffset=12)
            .encode(y, x, color=alt.Color("colour:N", scale=None), tooltip=tooltip)
            .properties(name="bars"),
            base.mark_text(align="left", dy=-6, fontSize=12, fill=INK, tooltip=None, limit=alt.expr(NAME_LIMIT)).encode(
                y, x=alt.value(0), text="name:N"
            ),
            base.mark_text(align="right", dy=-6, fontSize=12, fill=MUTED, tooltip=None).encode(
                y, x=alt.value("width"), text="text:N"
            ),
        ),
        size,
        rows=rows,
    )
