"""How sure the numbers are: which models speak, whether their fit is sound, and what older forecasts said against what it was."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from retain.report import formats
from retain.report.figures import Figures, Row, Rows

TITLES = {
    "bg_nbd": "BG/NBD",
    "pareto_nbd": "Pareto/NBD",
    "mbg_nbd": "MBG/NBD",
    "seasons": "Seasons",
    "no_order_30": "No order in 30 days",
    "no_order_90": "No order in 90 days",
    "no_order_180": "No order in 180 days",
    "gradient_boosting": "Gradient boosting",
    "logistic": "Logistic regression",
    "recency_only": "recency alone",
    "nobody_returns": "nobody returns",
    "gamma_gamma": "Gamma-Gamma",
    "same_rate_as_before": "Same rate as before",
}
RULE = "same_rate_as_before"
SIGNS = {"alpha": "α", "beta": "β", "gamma": "γ"}
IN_ORDER = ("r", "alpha", "s", "beta", "a", "b", "p", "q", "gamma")  # as the papers write them


@dataclass(frozen=True)
class Model:
    """A fitted model as the page shows it. `standing` is `identified`, `not identified` or `a rule`."""

    title: str
    standing: str
    customers: str
    parameters: str
    notes: str


@dataclass(frozen=True)
class Grade:
    """One thing that was predicted on a past day: what the model and the naive rule said, and what it was."""

    what: str
    said: str
    rule: str
    was: str


@dataclass(frozen=True)
class Band:
    """A tenth of probability: the mean that was said, the share that it was, and of how many customers."""

    what: str
    said: str
    was: str
    customers: str


@dataclass(frozen=True)
class Calibration:
    """What was said of silence on a past day, a line a tenth of probability, and how that compares with naive rules."""

    as_of_on: date
    days: int
    bands: tuple[Band, ...]
    beside: str


def models(rows: Rows) -> list[Model]:
    """The fits behind today's predictions."""
    return [_model(row) for row in rows if row["purpose"] == "current"]


def _model(row: Row) -> Model:
    parameters = row["parameters"] or {}
    standing = "a rule" if not parameters else "identified" if row["is_identified"] else "not identified"
    errors = row["standard_errors"] or {}
    shown = []
    for name in sorted(parameters, key=lambda name: (IN_ORDER.index(name) if name in IN_ORDER else 99, name)):
        error = f" ± {errors[name]:.2g}" if errors.get(name) is not None else ""
        shown.append(f"{SIGNS.get(name, name)} {parameters[name]:.3g}{error}")
    return Model(title(row["model"]), standing, formats.whole(row["customers"]), ", ".join(shown), row["notes"] or "")


def title(model: str) -> str:
    return TITLES.get(model, model)


def newest_backcast(rows: Rows) -> Row | None:
    """The graded model that spoke on the newest past day: the first that is identified, else the rule."""
    graded = [row for row in rows if row["purpose"] == "backcast" and row["grades"]]
    newest = max((row["as_of_on"] for row in graded), default=None)
    same_day = [row for row in graded if row["as_of_on"] == newest]
    identified = [row for row in same_day if row["is_identified"]]
    spoke = [row for row in identified if (row["notes"] or "").startswith("predicts")]
    return next(iter(spoke or identified or same_day), None)


def grades(rows: Rows, backcast: Row | None, currency: str) -> list[Grade]:
    """What was said on the back-cast's day beside what it was, and beside what the naive rule would have said."""
    if backcast is None:
        return []
    said: dict[str, Any] = backcast["grades"]
    same_day = (row for row in rows if row["purpose"] == "backcast" and row["as_of_on"] == backcast["as_of_on"])
    rule: dict[str, Any] = next((row["grades"] or {} for row in same_day if row["model"] == RULE), {})

    def number(grades: dict[str, Any], name: str) -> str:
        value = grades.get(name)
        if value is None:
            return formats.NOTHING
        if name.startswith("value"):
            return formats.money(value, currency)
        return formats.share(value) if name.startswith(("no_order", "interval")) else formats.whole(value)

    lines = [
        Grade(what, number(said, f"{name}_expected"), number(rule, f"{name}_expected"), number(said, f"{name}_actual"))
        for what, name in (
            ("Net amount", "value"),
            ("Purchase occasions", "occasions"),
            ("Customers without an order", "no_order"),
        )
    ]
    promised, was = (number(said, f"interval_{name}") for name in ("promised", "coverage"))
    return [*lines, Grade("Customers inside their 80% interval", promised, formats.NOTHING, was)]


def calibration(rows: Rows) -> Calibration | None:
    """The newest closed 90 days: each tenth of probability beside what it was, and the score beside that of others."""
    published = [row for row in rows if row["is_published"]]
    whole = next((row for row in published if row["band"] == 0), None)
    if whole is None:
        return None
    bands = tuple(
        Band(
            f"{(row['band'] - 1) * 10} to {row['band'] * 10}%",
            formats.share(row["expected"]),
            formats.share(row["observed"]),
            formats.whole(row["customers"]),
        )
        for row in sorted(published, key=lambda row: row["band"])
        if row["band"]
    )
    others = [f"{title(row['model'])} {row['brier_score']:.4f}" for row in rows if not row["is_published"]]
    beside = (
        f"Brier score (0 is perfect): {title(whole['model'])} {whole['brier_score']:.4f}; {', '.join(others)}."
        f" On average a chance was {whole['calibration_error'] * 100:.1f} points from what it was."
    )
    return Calibration(whole["as_of_on"], whole["horizon_days"], bands, beside)


def remarks(figures: Figures) -> list[str]:
    """What a reader must know before trusting a figure: customers without a prediction, orders left out or without a person."""
    key, value, currency = figures.key, figures.value, figures.key["currency"]
    said = []
    unsure = value.get("not_predictable_customers") or 0
    if unsure:
        said.append(
            f"{formats.whole(unsure)} of {formats.whole(value['customers'])} customers are not predictable"
            f" ({value['not_predictable_reason']}); a simple rule speaks for them, or nothing."
        )
    if key["excluded_orders"]:
        why = "; ".join(f"{row['excluded_because']} {formats.whole(row['orders'])}" for row in figures.excluded)
        rest = key["excluded_orders"] - sum(row["orders"] for row in figures.excluded)
        why += f"; others {formats.whole(rest)}" if rest else ""
        orders = key["excluded_orders"] + key["orders"]
        said.append(f"{formats.whole(key['excluded_orders'])} of {formats.whole(orders)} orders do not count ({why}).")
    if key["unattributed_orders"]:
        said.append(
            f"{formats.whole(key['unattributed_orders'])} orders ({formats.money(key['unattributed_net_amount'], currency)})"
            " name no customer: they count in net sales and nowhere else."
        )
    if key["predicted_as_of_on"] is not None and key["predicted_as_of_on"] != key["as_of_on"]:
        said.append(f"The forecast is that of {formats.day(key['predicted_as_of_on'])}, not of the as-of day.")
    return said
