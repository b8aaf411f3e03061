"""A forecast as a person reads it: what was fitted, whether it was right before, and what it says now."""

from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retain.forecast.bg_nbd import BgNbd
from retain.forecast.gamma_gamma import GammaGamma
from retain.forecast.grading import Grades
from retain.forecast.mbg_nbd import MbgNbd
from retain.forecast.pareto_nbd import ParetoNbd
from retain.forecast.purchase_model import IN_ORDER
from retain.forecast.run import ForecastResult, PublishedModel
from retain.forecast.same_rate import NAME as SAME_RATE
from retain.forecast.same_rate import TITLE as SAME_RATE_TITLE
from retain.forecast.seasons import NAME as SEASONS
from retain.forecast.seasons import TITLE as SEASONS_TITLE

TITLES = {kind.name: kind.title for kind in (*IN_ORDER, GammaGamma)} | {SAME_RATE: SAME_RATE_TITLE}
HEADINGS = TITLES | {SAME_RATE: "same rate"}  # where a column is narrow
DECIMALS = {
    BgNbd.name: 5,
    ParetoNbd.name: 5,
    MbgNbd.name: 6,
    GammaGamma.name: 2,
}  # as many as the literature prints, to compare at a glance
ORDER = (
    "r",
    "alpha",
    "s",
    "beta",
    "a",
    "b",
    "p",
    "q",
    "gamma",
)  # as the papers write them; the ledger's jsonb keeps no order
GREEK = {"alpha": "α", "beta": "β", "gamma": "γ"}


def render(result: ForecastResult, console: Console) -> None:
    """Print a result: each past day with what was said and what was, then today's models and totals. Fits 80 columns."""
    for day, published in groupby(result.backcasts, key=lambda model: model.as_of_on):
        models = list(published)
        days = next(model.grades["holdout_days"] for model in models if model.grades)
        _heading(console, f"Back-cast: as if it were {day}, then watched for {days} days")
        _show_models(console, models)
        _heading(console, f"We said on {day}, it was in the {days} days after")
        console.print(_said_and_was(models, result.currency))
    _heading(console, f"{result.shop}: forecast as of {result.as_of_on}")
    if not result.customers:
        console.print("Nobody has bought yet: there is nothing to forecast.")
        return
    _show_models(console, [model for model in result.models if model.purpose == "current"])
    if result.not_predictable_reason:
        console.print(Text(f"\nNot predictable: {result.not_predictable_reason}.", style="yellow"))
    _heading(console, f"{TITLES[result.model]} says of {result.customers:,} customers, {result.occasions:,} occasions")
    console.print(_totals(result))
    _show_risk(console, result)
    written = "written to the ledger" if result.is_new else "in the ledger already, nothing was written"
    console.print(Text(f"version {result.version}, {written}, {result.seconds:.1f} s", style="dim"))


def _show_risk(console: Console, result: ForecastResult) -> None:
    """Who speaks of silence, what was not promoted, what has moved, and how many earlier predictions were graded now."""
    for model in result.models:
        if model.purpose == "current" and model.card.model.startswith("no_order_"):
            days = model.card.model.removeprefix("no_order_")
            console.print(Text(f"No order in {days} days: {model.card.notes}", style="dim"))
    for role, is_promoted, reason in result.decisions:
        if not is_promoted:
            console.print(Text(f"{role}: {reason}", style="yellow"))
    if result.drifted:
        moved = ", ".join(f"{name} {index:.2f} ({level})" for name, index, level in result.drifted)
        console.print(Text(f"Moved since 90 days ago (population stability index): {moved}", style="yellow"))
    if result.graded:
        console.print(f"{result.graded} earlier forecasts have come due and were graded: marts.forecast_grades")


def _heading(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}", style="bold"))


def _show_models(console: Console, models: list[PublishedModel]) -> None:
    """A table of fitted parameters, each with its standard error below; then what has to be said in words."""
    fitted = [model.card for model in models if model.card.parameters and model.card.model in TITLES]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("model", no_wrap=True)
    for _ in range(max((len(card.parameters) for card in fitted), default=0)):
        table.add_column("", overflow="fold")
    table.add_column("log-likelihood", justify="right", no_wrap=True)
    for card in fitted:
        names = sorted(card.parameters, key=ORDER.index)
        blank = [""] * (len(table.columns) - 2 - len(names))
        values = [f"{GREEK.get(name, name)} {card.parameters[name]:.{DECIMALS[card.model]}f}" for name in names]
        errors = [card.standard_errors.get(name) for name in names]
        identified = (
            Text("identified", style="dim green") if card.is_identified else Text("not identified", style="red")
        )
        likelihood = "" if card.log_likelihood is None else f"{card.log_likelihood:.3f}"
        table.add_row(TITLES[card.model], *values, *blank, likelihood)
        shown = [Text("" if error is None else f"± {error:.2g}", style="dim") for error in errors]
        table.add_row(identified, *shown, *blank, Text(f"n = {card.customers:,}", style="dim"))
    if fitted:
        console.print(table)
    for card in fitted:
        if not card.is_identified or card.notes.startswith("refused") or "not promoted" in card.notes:
            console.print(Text(f"{TITLES[card.model]}: {card.notes}", style="yellow"))
    for model in models:
        if model.card.model == SEASONS:
            busy = ", ".join(f"{month} {index:.2f}" for month, index in model.card.parameters.items())
            console.print(Text(f"{SEASONS_TITLE}: {busy}", style="dim"))


def _said_and_was(models: list[PublishedModel], currency: str) -> Table:
    graded = [(model.card.model, model.grades) for model in models if model.grades]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    for name, _ in graded:
        table.add_column(HEADINGS[name], justify="right", overflow="fold")
    table.add_column("it was", justify="right", style="bold", overflow="fold")
    first = graded[0][1]

    def row(label: str, key: str, form: str, actual: str | None = None) -> None:
        said = [_number(grades, key, form) for _, grades in graded]
        table.add_row(label, *said, _number(first, actual, form) if actual else "")

    row("occasions", "occasions_expected", ",.1f", "occasions_actual")
    row("  correlation, by customer", "occasions_correlation", ".3f")
    cumulative = "cumulative_repeat_occasions"
    row("cumulative repeat occasions", f"{cumulative}_expected", ",.1f", f"{cumulative}_actual")
    row(f"net amount, {currency}", "value_expected", ",.0f", "value_actual")
    row("  bias", "value_bias", "+.1%")
    row("  mean error a customer", "value_mean_absolute_error", ",.2f")
    row("customers without an order", "no_order_expected", ".1%", "no_order_actual")
    row("  Brier score (0 is perfect)", "no_order_brier", ".4f")
    row("inside the 80 % interval: said", "interval_promised", ".1%")
    row("  it was", "interval_coverage", ".1%")
    return table


def _number(grades: Grades, key: str, form: str) -> str:
    value = grades.get(key)
    if value is None:
        return "–"
    return format(value, ",") if isinstance(value, int) else format(value, form)


def _totals(result: ForecastResult) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("next days", no_wrap=True)
    discounted = f"discounted at {result.discount_rate * 100:g} %"
    for column in ("occasions", f"value, {result.currency}", discounted, "without an order"):
        table.add_column(column, justify="right", overflow="fold")
    for total in result.totals:
        table.add_row(
            str(total.days),
            f"{total.occasions:,.1f}",
            f"{total.value:,.2f}",
            f"{total.discounted_value:,.2f}",
            f"{total.no_order:.1%}",
        )
    return table
