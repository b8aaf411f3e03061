"""One customer's forecast in words: what is said, by which model, and the three reasons that moved the risk most."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table
from rich.text import Text

from retain.errors import UserError
from retain.forecast.churn.reasons import AT_RISK
from retain.forecast.risk import REASONED_DAYS

NEWEST = """
    select
        models.as_of_on,
        models.version,
        models.model
    from forecast.models as models
    where
        models.purpose = 'current'
        and models.as_of_on <= %s
        and exists (
            select 1
            from forecast.predictions as predictions
            where
                predictions.as_of_on = models.as_of_on
                and predictions.version = models.version
                and predictions.model = models.model
        )
    order by models.as_of_on desc, models.fitted_at desc
    limit 1
"""
SAID = """
    select *
    from forecast.predictions
    where as_of_on = %s and version = %s and model = %s and customer_key = %s
    order by horizon_days
"""


@dataclass(frozen=True)
class Explanation:
    """What the newest forecast says of a customer: a row a horizon, and reasons (none for a customer not at risk)."""

    customer_key: UUID
    as_of_on: date
    version: str
    horizons: tuple[dict[str, Any], ...]
    reasons: tuple[str, ...]

    @property
    def risk(self) -> dict[str, Any]:
        """The row of the horizon that reasons are given for."""
        return next(row for row in self.horizons if row["horizon_days"] == REASONED_DAYS)


def explain_customer(connection: psycopg.Connection[Any], customer_key: str, as_of_on: date) -> Explanation:
    """Read it from the ledger. Raises UserError for what is no key, without a forecast, or for a customer not in it."""
    try:
        key = UUID(customer_key.strip())
    except ValueError:
        raise UserError(
            f"'{customer_key}' is no customer_key: expected a uuid such as 3f2b8c1e-0d7a-4c55-9b11-6a0e5d3c2f10.",
            hint='`retain query "select customer_key from marts.churn_risk limit 5"` shows some.',
        ) from None
    newest = connection.execute(NEWEST, [as_of_on]).fetchone()
    if newest is None:
        raise UserError(f"No forecast has been made as of {as_of_on} or before.", hint="`retain forecast` makes one.")
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(SAID, [*newest, key]).fetchall()
        reasons = cursor.execute(
            "select driver_1, driver_2, driver_3 from forecast.reasons"
            " where as_of_on = %s and version = %s and customer_key = %s",
            [newest[0], newest[1], key],
        ).fetchone()
    if not rows:
        raise UserError(
            f"Customer {key} is not in the forecast of {newest[0]}: no purchase was known of them by then.",
            hint="`retain forecast` makes a new one.",
        )
    return Explanation(key, newest[0], newest[1], tuple(rows), tuple(reasons.values()) if reasons else ())


def show_explanation(said: Explanation, currency: str, console: Console) -> None:
    """Print it; fits 80 columns."""
    console.print(Text(f"Customer {said.customer_key}, as of {said.as_of_on}", style="bold"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("next days", "no order", "occasions", f"value, {currency}", "interval", "discounted"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in said.horizons:
        table.add_row(
            str(row["horizon_days"]),
            f"{row['p_no_order']:.1%}",
            f"{row['expected_occasions']:.2f}",
            f"{row['predicted_value']:,.2f}",
            _interval(row),
            f"{row['discounted_value']:,.2f}",
        )
    console.print(table)
    risk = said.risk
    if said.reasons:
        console.print(f"\nWhy {risk['p_no_order']:.0%} for no order in {REASONED_DAYS} days ({risk['risk_model']}):")
        for number, reason in enumerate(said.reasons, 1):
            console.print(Text(f"  {number}. {reason}"))
    elif risk["is_predictable"] or risk["p_no_order"] < AT_RISK:
        console.print(f"\nNot at risk: no order in {REASONED_DAYS} days has a chance below {AT_RISK:.0%}.")
    if not risk["is_predictable"]:
        console.print(Text(f"\nNot predictable: {risk['not_predictable_reason']}.", style="yellow"))
    console.print(Text(f"version {said.version}; orders and value by {risk['model']}", style="dim"))


def _interval(row: dict[str, Any]) -> str:
    """Both ends, and the chance of what comes to lie between them where the ledger has it."""
    ends = f"{row['predicted_value_low']:,.0f} to {row['predicted_value_high']:,.0f}"
    return ends if row["interval_holds"] is None else f"{ends} ({row['interval_holds']:.0%})"
