"""The colours, type and axes that page, charts and picture share. Every pair of colours that meet differs in lightness too."""

from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

INK = "#17242d"
MUTED = "#566570"
FAINT = "#8b979e"
RULE = "#e3dfd7"
PAPER = "#f6f4ef"
CARD = "#ffffff"
DEEP = "#12506b"  # what is
MID = "#3f86a3"
PALE = "#a9cbd8"  # what is expected, or a lesser part
WARM = "#c4622d"  # what is lost
AMBER = "#e3a857"
SAND = "#ece7dd"  # no value, no scale

HEAT = ("#eaf2f4", "#b7d6df", "#74aec2", "#357f9b", "#0d4159")  # one hue, light to dark: reads in grey too
STEPS = {1: DEEP, 2: "#4d93ad", 3: AMBER}
FLOW = {"New": DEEP, "Won back": "#7fb2c6", "Churned": WARM}
BANDS = {
    "lapsed": ("Lapsed", "#8f3f17"),
    "high": ("High risk", WARM),
    "medium": ("Medium risk", AMBER),
    "low": ("Low risk", "#4d93ad"),
    "closed": ("Closed account", FAINT),
    "unknown": ("Not predicted", "#c9c5bc"),
}

FONT = (
    'Inter, "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Helvetica, Arial, "Liberation Sans", '
    '"Noto Sans", "Noto Sans Armenian", "Noto Sans Arabic", sans-serif'
)

CONFIG: dict[str, Any] = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "labelFontSize": 11,
        "titleColor": MUTED,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": "#eeebe4",
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
    },
    "text": {"fontSize": 11, "fill": INK},
}

# Short numbers on axes as everywhere else: d3 says G for a thousand million, and 500m for a half.
SHORT = (
    "abs(datum.value) < 1000 ? format(abs(datum.value), '~g') : "
    "replace(replace(format(abs(datum.value), '~s'), 'G', 'bn'), 'T', 'tn')"
)
WHOLE = f"datum.value % 1 ? '' : ({SHORT})"  # of customers there are no halves


@dataclass(frozen=True)
class Size:
    """Outer size of a drawing in pixels; "container": as large as the element it stands in, and again when that changes."""

    width: int | Literal["container"] = "container"
    height: int | Literal["container"] = 260


def finish(chart: Any, size: Size, *, right: int = 0, **datasets: list[dict[str, Any]]) -> dict[str, Any]:
    """The chart as a Vega-Lite specification of exactly this outer size, axes and labels included.

    `datasets` are the rows that its layers name by `data`: they stand once in the specification, and Altair, which would check
    every row of every layer, never sees them. `right`: pixels kept free for an axis label that reaches beyond the last tick.
    """
    autosize = alt.AutoSizeParams(type="fit", contains="padding", resize=True)
    padding = {"left": 0, "top": 2, "right": right, "bottom": 3}
    drawn = chart.properties(width=size.width, height=size.height, autosize=autosize, padding=padding)
    return {**drawn.to_dict(), "datasets": datasets}


def data(name: str) -> alt.NamedData:
    """The rows that are given to `finish` under this name."""
    return alt.NamedData(name=name)
