"""Channels side by side: the same four measures for each channel of the first order."""

from retain.report import formats
from retain.report.charts.bars import Bar
from retain.report.charts.theme import DEEP, FAINT, MID
from retain.report.figures import Row, Rows

MEASURES = (
    ("channel_customers", "Customers", "customers"),
    ("channel_repeat", "Repeat rate", "repeat_rate"),
    ("channel_back", "Repurchased within 90 days", "repurchased_within_90_rate"),
    ("channel_net", "Net amount per customer", "net_amount_per_customer"),
)
COLOURS = (DEEP, MID, "#8a6f3b", "#a65a2e", "#5d6fa8", "#7d9c57", "#94678f", FAINT)


def name(row: Row) -> str:
    """The channel as the source calls it; `unknown` is what the marts say when it has none."""
    if row["channel"] is None:
        return f"{row['channels']} others"
    return "not named" if row["channel"] == "unknown" else str(row["channel"])


def bars(rows: Rows, measure: str, currency: str) -> list[Bar]:
    """One bar a channel, the same colour in every measure. Rates show their numerator and denominator."""
    customers = sum(row["customers"] for row in rows)
    made = []
    for row, colour in zip(rows, COLOURS, strict=False):
        value = row[measure]
        if measure == "customers":
            text = f"{formats.whole(value)} · {formats.share(value / customers, 0)}"
        elif measure == "net_amount_per_customer":
            text = formats.money(value, currency)
        elif measure == "repeat_rate":
            text = f"{formats.share(value)} · {row['repeat_customers']:,} of {row['customers']:,}"
        else:
            within, eligible = row["repurchased_within_90_customers"], row["eligible_90_customers"]
            text = f"{formats.share(value)} · {within:,} of {eligible:,}" if eligible else "nobody observed for 90 days"
        made.append(Bar(name(row), float(value or 0), text, colour))
    return made


def whole(rows: Rows, measure: str) -> float | None:
    """What a full bar stands for: all customers, 100 %, or (None) the largest amount."""
    if measure == "net_amount_per_customer":
        return None
    return float(sum(row["customers"] for row in rows)) if measure == "customers" else 1.0
