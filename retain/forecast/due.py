"""Predictions that have come due: write what happened beside them, and grade them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from retain.forecast import postgres_binary as binary
from retain.forecast.drift import Drift
from retain.forecast.graded import Grade, Said, baselines, grade_all
from retain.forecast.prediction import HORIZONS
from retain.forecast.reading import day_number, day_of, positions
from retain.forecast.statistics import Occasions

DUE = """
    select
        models.as_of_on,
        models.version,
        horizons.days,
        predictions.model,
        coalesce(predictions.risk_model, predictions.model)
    from forecast.models as models
    cross join unnest(%(horizons)s::int[]) as horizons (days)
    cross join lateral (
        select
            model,
            risk_model
        from forecast.predictions
        where
            as_of_on = models.as_of_on
            and version = models.version
            and model = models.model
            and horizon_days = horizons.days
        limit 1
    ) as predictions
    where
        models.purpose = 'current'
        and models.as_of_on + horizons.days <= %(until)s
        and not exists (
            select 1
            from forecast.grades as grades
            where
                grades.as_of_on = models.as_of_on
                and grades.version = models.version
                and grades.horizon_days = horizons.days
        )
    order by 1, 2, 3
"""
# Amounts as they were known when the horizon closed, as a back-cast counts them: grades must not depend on when they are made.
OUTCOMES = """
    with horizon as (
        select
            %(as_of_on)s::date as begins_on,
            %(as_of_on)s::date + %(days)s::int as closes_on
    ),

    returned_later as (
        select
            orders.customer_key,
            orders.ordered_on,
            sum(returns.reporting_amount) as amount
        from intermediate.int_returns as returns
        inner join intermediate.int_orders as orders on returns.order_key = orders.order_key
        cross join horizon
        where
            orders.is_valid
            and orders.customer_key is not null
            and returns.reporting_amount is not null
            and orders.ordered_on > horizon.begins_on
            and orders.ordered_on <= horizon.closes_on
            and returns.returned_on > horizon.closes_on
        group by orders.customer_key, orders.ordered_on
    ),

    bought as (
        select
            occasions.customer_key,
            count(*) as occasions,
            sum(coalesce(occasions.net_amount, 0) + coalesce(returned_later.amount, 0)) as net_amount
        from intermediate.int_purchase_occasions as occasions
        cross join horizon
        left join returned_later
            on occasions.customer_key = returned_later.customer_key
            and occasions.occasion_on = returned_later.ordered_on
        where occasions.occasion_on > horizon.begins_on and occasions.occasion_on <= horizon.closes_on
        group by occasions.customer_key
    )

    insert into forecast.outcomes (as_of_on, horizon_days, customer_key, occasions, net_amount)
    select
        predictions.as_of_on,
        predictions.horizon_days,
        predictions.customer_key,
        coalesce(bought.occasions, 0),
        coalesce(bought.net_amount, 0)
    from forecast.predictions as predictions
    left join bought on predictions.customer_key = bought.customer_key
    where
        predictions.as_of_on = %(as_of_on)s
        and predictions.version = %(version)s
        and predictions.horizon_days = %(days)s
    on conflict do nothing
"""
SAID = """
    copy (
        select
            predictions.customer_key,
            coalesce(predictions.p_no_order, 'nan')::float8,
            coalesce(predictions.p_no_order_by_purchases, predictions.p_no_order, 'nan')::float8,
            coalesce(predictions.predicted_value, 0)::float8,
            coalesce(predictions.predicted_value_low, 0)::float8,
            coalesce(predictions.predicted_value_high, 0)::float8,
            coalesce(
                predictions.interval_holds,
                greatest(0.8, coalesce(predictions.p_no_order_by_purchases, predictions.p_no_order))
            )::float8,
            outcomes.occasions::int8,
            (outcomes.net_amount * 100)::int8
        from forecast.predictions as predictions
        inner join forecast.outcomes as outcomes using (as_of_on, horizon_days, customer_key)
        where
            predictions.as_of_on = {}
            and predictions.version = {}
            and predictions.horizon_days = {}
        order by predictions.customer_key
    ) to stdout (format binary)
"""
NUMBERS = ("risk", "alone", "value", "low", "high", "holds")
ROW = np.dtype(
    [("columns", ">i2"), ("l0", ">i4"), ("key", "V16")]
    + [field for name in NUMBERS for field in ((f"{name} length", ">i4"), (name, ">f8"))]
    + [("l7", ">i4"), ("occasions", ">i8"), ("l8", ">i4"), ("cents", ">i8")]
)
GRADE_COLUMNS = (
    "target, model, is_published, band, customers, expected, observed, calibration_error, brier_score, log_loss, auc,"
    " total_bias, rank_correlation, interval_coverage, interval_promised"
)


@dataclass(frozen=True)
class Due:
    """A published horizon that has closed and has no grades yet."""

    as_of_on: date
    version: str
    days: int
    model: str
    risk_model: str


def find(connection: psycopg.Connection[Any], until: date) -> list[Due]:
    """What has closed by the end of day `until`, the last one observed whole."""
    return [Due(*row) for row in connection.execute(DUE, {"until": until, "horizons": list(HORIZONS)}).fetchall()]


def grade_due(connection: psycopg.Connection[Any], due: Due, occasions: Occasions) -> None:
    """Write the outcomes and the grades of one closed horizon, its baselines among them."""
    connection.execute(OUTCOMES, {"as_of_on": due.as_of_on, "version": due.version, "days": due.days})
    query = sql.SQL(SAID).format(*(sql.Literal(each) for each in (due.as_of_on, due.version, due.days)))
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        rows = np.concatenate(list(binary.records(copy, ROW)))
    if not len(rows):
        return
    number = {name: rows[name].astype(np.float64) for name in NUMBERS}
    said = [Said(due.risk_model, number["risk"], is_published=True)]
    if due.risk_model != due.model:
        said.append(Said(due.model, number["alone"]))
    value, low, high, holds = (number[name] for name in ("value", "low", "high", "holds"))
    said.append(Said(due.model, None, value, low, high, holds, is_published=True))
    history = occasions.history(day_number(due.as_of_on))
    at, is_known = positions(occasions.keys[history.customer], rows["key"])
    if len(history):
        at = np.where(is_known, at, len(history))
        naive = baselines(occasions, history, due.days)
        said += [_taken(one, at) for one in naive if one.model != due.model]
    grades = grade_all(said, rows["occasions"].astype(np.int64), rows["cents"].astype(np.int64))
    write_grades(connection, grades, due.as_of_on, due.version, due.days, "current")


def _taken(said: Said, at: Any) -> Said:
    """What is said of the customers at these places. The place after the last is of whoever has no history any more: all
    orders came back, or the customer is another one's by now. A naive rule expects nothing of them."""
    p, value, low, high, holds = (
        None if part is None else np.append(part, gone)[at]
        for part, gone in (
            (said.p_no_order, 1.0),
            (said.value, 0.0),
            (said.low, 0.0),
            (said.high, 0.0),
            (said.interval_holds, 1.0),
        )
    )
    return Said(said.model, p, value, low, high, holds)


def write_grades(
    connection: psycopg.Connection[Any], grades: Iterable[Grade], as_of_on: date, version: str, days: int, purpose: str
) -> None:
    """Append the grades of one horizon of one version."""
    columns = f"as_of_on, version, horizon_days, purpose, {GRADE_COLUMNS}"
    with connection.cursor() as cursor, cursor.copy(f"copy forecast.grades ({columns}) from stdin") as copy:
        for grade in grades:
            copy.write_row((as_of_on, version, days, purpose, *grade.row()))


def write_drift(connection: psycopg.Connection[Any], drifts: Iterable[Drift], version: str, as_of_on: date) -> None:
    """Append how far inputs and scores have moved."""
    columns = "as_of_on, version, kind, name, reference_on, stability_index, level, mean_before, mean_now"
    with connection.cursor() as cursor, cursor.copy(f"copy forecast.drift ({columns}) from stdin") as copy:
        for one in drifts:
            copy.write_row(
                (as_of_on, version, one.kind, one.name, day_of(one.reference), one.stability_index, one.level,
                 one.mean_before, one.mean_now)
            )  # fmt: skip
