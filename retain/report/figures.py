"""What the report shows, as the marts had it at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from retain.errors import UserError
from retain.report import queries

Row = dict[str, Any]
Rows = Sequence[Row]

MOST_MONTHS = 36  # cohorts and months shown: more cannot be read from a wall
MOST_CHANNELS = 7
FEWEST_AT_RISK = 10  # a survival curve ends where fewer customers than this stand behind it
BINS = 20
ROUND = tuple(map(Decimal, ("1", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10")))


@dataclass(frozen=True)
class Figures:
    """Everything the report shows, as the marts had it at one moment. Every part may be empty."""

    key: Row
    cohorts: Rows = ()
    survival: Rows = ()
    steps: Rows = ()
    flow: Rows = ()
    value: Row = field(default_factory=dict)
    value_step: Decimal = Decimal(0)  # width of a bin of `value_bins`, in the reporting currency; the last is open
    value_bins: Rows = ()
    concentration: Rows = ()
    risk: Rows = ()
    channels: Rows = ()
    loads: Rows = ()
    models: Rows = ()
    grades: Rows = ()
    excluded: Rows = ()


def read_figures(connection: psycopg.Connection[Any]) -> Figures:
    """Ask all of it in one transaction. Raises UserError when there are no marts yet, or those of another release."""

    def rows(query: LiteralString, **parameters: Any) -> list[Row]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, parameters).fetchall()

    try:
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            connection.execute(queries.LOCK)
            value = rows(queries.VALUE)[0]
            step = nice_step((value["p95"] or Decimal(0)) / BINS)
            return Figures(
                key=rows(queries.KEY_FIGURES)[0],
                cohorts=rows(queries.COHORTS, months=MOST_MONTHS),
                survival=rows(queries.SURVIVAL, fewest=FEWEST_AT_RISK),
                steps=rows(queries.STEPS, fewest=FEWEST_AT_RISK),
                flow=rows(queries.FLOW, months=MOST_MONTHS),
                value=value,
                value_step=step,
                value_bins=rows(queries.VALUE_BINS, step=step, last=BINS) if step else [],
                concentration=rows(queries.CONCENTRATION),
                risk=rows(queries.RISK, bins=BINS),
                channels=rows(queries.CHANNELS, most=MOST_CHANNELS),
                loads=rows(queries.LOADS),
                models=rows(queries.MODELS),
                grades=rows(queries.GRADES),
                excluded=rows(queries.EXCLUDED),
            )
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        missing = str(error).splitlines()[0]
        raise UserError(
            f"The report has nothing to draw: the marts are not built, or are those of another release ({missing}).",
            hint="`retain build` makes them.",
        ) from None


def nice_step(least: Decimal) -> Decimal:
    """The smallest round amount (…, 8, 10, 15, 20, 25, 30, …) that is at least `least`; 0 for 0."""
    if least <= 0:
        return Decimal(0)
    power = Decimal(1).scaleb(Decimal(least).adjusted())
    return next(power * factor for factor in ROUND if power * factor >= least)
