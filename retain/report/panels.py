"""The panels of the report, in order: headline, drawings, legend and definition; page and picture are made from the same list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from retain.report import formats, headlines, sureness
from retain.report.charts import bars, channels, cohorts, flow, risk, survival, value
from retain.report.charts.theme import FLOW, HEAT, INK, SAND, STEPS, Size
from retain.report.figures import MOST_MONTHS, Figures

Draw = Callable[[Size], dict[str, Any]]


@dataclass(frozen=True)
class View:
    """One drawing. `height` in pixels; `fills` lets the page stretch it to the panel beside it."""

    name: str
    draw: Draw
    height: int
    caption: str = ""
    fills: bool = False


@dataclass(frozen=True)
class Key:
    """An entry of a legend: `mark` is ramp, hatch, swatch, open or line."""

    mark: str
    text: str
    colour: str = ""


@dataclass(frozen=True)
class Panel:
    """One card. `missing` is the sentence that stands where there is nothing to draw."""

    name: str
    title: str
    about: str
    views: tuple[View, ...] = ()
    legend: tuple[Key, ...] = ()
    note: str = ""
    missing: str = ""


def panels(figures: Figures, calendar: str) -> list[Panel]:
    """All panels; those without data carry the reason instead of drawings."""
    return [
        _cohorts(figures, calendar),
        _survival(figures),
        _flow(figures, calendar),
        _risk(figures),
        _value(figures),
        _channels(figures),
        _loads(figures),
        _sureness(figures),
    ]


def _cohorts(figures: Figures, calendar: str) -> Panel:
    rows, currency = figures.cohorts, figures.key["currency"]
    if not rows:
        return Panel("cohorts", headlines.cohorts(rows), "Cohorts", missing="No customer has a valid order yet.")
    legend = [Key("swatch", "month of the first order, 100% by definition", SAND)]
    if not all(row["is_mature"] for row in rows):
        legend.append(Key("hatch", "month not over yet: the share can still rise"))
    top = cohorts.top_rate(rows)
    if top > 0:
        most = formats.share(top, 0) + (" or more" if cohorts.is_clamped(rows) else "")
        legend.insert(0, Key("ramp", f"0%|{most}", ",".join(HEAT)))
    every = rows[0]["all_cohorts"]
    shown = f" Shown are the newest {MOST_MONTHS} of {every} cohorts." if every > MOST_MONTHS else ""
    return Panel(
        "cohorts",
        headlines.cohorts(rows),
        "Percentage of each cohort that bought in each month since its first order; beside the month, the cohort's size",
        (
            View(
                "cohort_heatmap",
                lambda size: cohorts.draw(rows, calendar=calendar, currency=currency, size=size),
                cohorts.height(rows),
            ),
        ),
        tuple(legend),
        "Share of the cohort with a valid order in exactly that month, not cumulative. All cohorts: those shown "
        f"for which that month is over.{shown}",
    )


def _survival(figures: Figures) -> Panel:
    if not figures.survival:
        return Panel(
            "survival",
            headlines.survival(figures.steps),
            "Time to the next order",
            missing="Fewer than ten customers have been observed since an order.",
        )
    return Panel(
        "survival",
        headlines.survival(figures.steps),
        "Survival: customers who have not ordered again",
        (View("survival_curve", lambda size: survival.draw(figures.survival, size=size), 330, fills=True),),
        tuple(
            Key("line", survival.NAMES[step], STEPS[step])
            for step in sorted({row["from_occasion"] for row in figures.survival})
        ),
        note="Kaplan–Meier, customers who are still silent censored at the as-of day; the shade is the 95% band. A curve ends where "
        "fewer than ten customers stand behind it.",
    )


def _flow(figures: Figures, calendar: str) -> Panel:
    rows = figures.flow
    if not rows:
        return Panel(
            "flow", headlines.flow(rows, calendar), "Customer flow", missing="No customer has a valid order yet."
        )
    days = figures.key["active_days"]
    legend = [Key("line", "active at the month's end", INK)]
    legend += [Key("swatch", kind.lower(), colour) for kind, colour in FLOW.items()]
    if not rows[-1]["is_mature"]:
        legend.append(Key("open", "month not over yet"))
    young = " Nobody can be churned before the shop's history is that long." if rows[0]["at_start"] == 0 else ""
    return Panel(
        "flow",
        headlines.flow(rows, calendar),
        "Customer flow: active customers, and who came, was won back or fell silent in each month",
        (
            View(
                "flow_active",
                lambda size: flow.draw_active(rows, calendar=calendar, size=size),
                150,
                "Active customers",
            ),
            View(
                "flow_changes",
                lambda size: flow.draw_changes(rows, calendar=calendar, size=size),
                210,
                "Change in the month",
            ),
        ),
        tuple(legend),
        f"Active: a valid order in the last {days} days. At start + new + won back − churned = at end, exactly.{young}",
    )


def _risk(figures: Figures) -> Panel:
    rows, currency = figures.risk, figures.key["currency"]
    by_band = risk.by_band(rows, currency)
    if not by_band:
        return Panel(
            "risk", headlines.risk(rows, figures.key), "Value at risk", missing="No customer has a valid order yet."
        )
    at_risk = sum(bar.value for bar in by_band)
    views = [View("risk_bands", lambda size: bars.draw(by_band, size=size, longest=at_risk), bars.height(by_band))]
    scored = {row["risk_band"] for row in rows if row["bin"] is not None}
    if scored:
        views.append(
            View(
                "risk_silence",
                lambda size: risk.draw_silence(rows, size=size),
                190,
                "How many are how likely to stay away",
            )
        )
    return Panel(
        "risk",
        headlines.risk(rows, figures.key),
        "Value at risk: by band, a year's value and the customers who hold it",
        tuple(views),
        note="A year's value at the customer's usual pace × probability of no order in the next 90 days. Lapsed customers "
        "have been silent for longer than is usual; of the others, high is a probability from 80% on, medium from 50% on, "
        "low below. Closed accounts are apart.",
    )


def _value(figures: Figures) -> Panel:
    rows, currency, totals = figures.value_bins, figures.key["currency"], figures.value
    title = headlines.value(figures.concentration, figures.key)
    if not rows:
        return Panel("value", title, "Value of customers", missing="No customer has a valid order yet.")

    def histogram(which: str) -> Draw:
        median = totals[f"{which}_median"]
        return lambda size: value.draw_histogram(
            rows, which=which, step=figures.value_step, median=median, currency=currency, size=size
        )

    views = [View("value_observed", histogram("observed"), 250, "Net sales per customer, to date")]
    if totals["predicted_customers"]:
        views.append(View("value_predicted", histogram("predicted"), 250, "Predicted per customer, next 365 days"))
    tops = value.concentration(figures.concentration)
    if tops:
        views.append(
            View("value_top", lambda size: bars.draw(tops, size=size, longest=1), bars.height(tops), "Concentration")
        )
    return Panel(
        "value",
        title,
        "Value of customers: how it is spread, to date and predicted, and what the best few bring",
        tuple(views),
        note="Height: share of all customers; the palest bar holds everything above. Concentration: the share of all net sales that "
        "the best 1, 5 and 20% of customers bring.",
        missing="" if totals["predicted_customers"] else "Predictions are missing: no forecast has been made.",
    )


def _channels(figures: Figures) -> Panel:
    rows, currency = figures.channels, figures.key["currency"]
    if not rows:
        return Panel("channels", headlines.channels(rows), "Channels", missing="No customer has a valid order yet.")

    def measure(name: str, caption: str, column: str) -> View:
        made = channels.bars(rows, column, currency)
        full = channels.whole(rows, column)
        return View(name, lambda size: bars.draw(made, size=size, longest=full), bars.height(made), caption)

    return Panel(
        "channels",
        headlines.channels(rows),
        "Channels side by side: customers by the channel of their first order",
        tuple(measure(*each) for each in channels.MEASURES),
        note="Rates are of the customers that the channel brought, wherever they bought later. Net amount is to date, so older "
        "channels have had more time.",
    )


def _loads(figures: Figures) -> Panel:
    return Panel(
        "loads",
        headlines.loads(figures.loads),
        "Load health: what the marts were built from",
        note="Verified through: everything the source had until then has been validated and published.",
        missing="" if figures.loads else "No source has been loaded yet.",
    )


def _sureness(figures: Figures) -> Panel:
    backcast = sureness.newest_backcast(figures.models)
    about = "How sure are these numbers: the models behind them, and what an older forecast said against what it was"
    return Panel("sureness", headlines.sureness(backcast, figures.key["currency"]), about)
