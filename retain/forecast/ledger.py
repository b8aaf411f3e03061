"""The append-only ledger: purchases in, model cards and predictions out; the same forecast is never written twice."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from retain.errors import UserError
from retain.forecast import postgres_binary as binary
from retain.forecast.forecaster import Forecaster, ForecastOptions, ModelCard
from retain.forecast.grading import Grades
from retain.forecast.prediction import Prediction
from retain.forecast.statistics import Occasions

CODE_VERSION = 1  # raise it when the same data should give other numbers: predictions then get a new version
LOCK = 727_005  # advisory: two forecasts at the same time take turns

OCCASIONS = """
    copy (
        select
            customer_key,
            (occasion_on - date '1970-01-01')::int4,
            (coalesce(net_amount, 0) * 100)::int8
        from intermediate.int_purchase_occasions
        where occasion_on <= %s
        order by customer_key, occasion_on
    ) to stdout (format binary)
"""
OCCASION = np.dtype(
    [("columns", ">i2"), ("l1", ">i4"), ("key", "V16"), ("l2", ">i4"), ("day", ">i4"), ("l3", ">i4"), ("cents", ">i8")]
)


def day_number(day: date) -> int:
    """Days since 1970-01-01, as the statistics count them."""
    return (day - date(1970, 1, 1)).days


def lock(connection: psycopg.Connection[Any]) -> None:
    """Wait until no other forecast is being made in this warehouse; until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])


def read_occasions(connection: psycopg.Connection[Any], until: date) -> Occasions:
    """Every purchase occasion up to and with the day `until`. Raises UserError when the marts have not been built."""
    keys: list[npt.NDArray[np.void]] = []
    columns: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.int32], npt.NDArray[np.int64]]] = []
    last = None
    try:
        with connection.cursor() as cursor, cursor.copy(OCCASIONS, [until]) as copy:
            for rows in binary.records(copy, OCCASION):
                is_first = _is_new_key(rows["key"], last)
                keys.append(rows["key"][is_first])
                columns.append((is_first, rows["day"].astype(np.int32), rows["cents"].astype(np.int64)))
                last = rows["key"][-1:]
    except psycopg.errors.UndefinedTable:
        raise UserError(
            "There are no purchases to forecast from: intermediate.int_purchase_occasions does not exist yet.",
            hint="`retain build` makes it.",
        ) from None
    firsts, days, cents = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return Occasions(np.concatenate(keys), np.cumsum(firsts, dtype=np.int32) - np.int32(1), days, cents)


def _is_new_key(keys: npt.NDArray[np.void], before: npt.NDArray[np.void] | None) -> npt.NDArray[np.bool_]:
    """Where a key differs from the one before it; `before` is the last key of the rows before these."""
    halves = np.ascontiguousarray(keys).view(np.int64).reshape(-1, 2)
    is_new = np.ones(len(keys), dtype=bool)
    is_new[1:] = np.any(halves[1:] != halves[:-1], axis=1)
    if before is not None and len(before) and len(keys):
        is_new[0] = keys[0].tobytes() != before[0].tobytes()
    return is_new


def fingerprint(occasions: Occasions) -> str:
    """A digest of the data: equal for equal customers, days and amounts, whatever order they were loaded in."""
    digest = hashlib.sha256()
    for column in (occasions.keys, occasions.customer, occasions.day, occasions.cents):
        digest.update(np.ascontiguousarray(column).view(np.uint8).data)
    return digest.hexdigest()


def version_of(purpose: str, as_of_on: date, graded_until: date | None, data: str, options: ForecastOptions) -> str:
    """What names a forecast: code, data and options. Parameters follow from these, so equal versions mean equal
    numbers."""
    material = [CODE_VERSION, purpose, as_of_on.isoformat(), str(graded_until), data, asdict(options)]
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:16]


def next_version(connection: psycopg.Connection[Any], purpose: str, as_of_on: date, version: str) -> tuple[str, bool]:
    """The version to publish under, and whether it still has to be written.

    Readers take the newest fit of a day. So when data went A, B and back to A, A is written once more (as `A.2`): its
    first writing is older than B's."""
    rows = connection.execute(
        "select version from forecast.models where purpose = %s and as_of_on = %s group by version order by max(fitted_at) desc",
        [purpose, as_of_on],
    ).fetchall()
    known = [str(row[0]) for row in rows]
    same = [name for name in known if name.split(".")[0] == version]
    if not same:
        return version, True
    if known[0] in same:
        return known[0], False
    return f"{version}.{len(same) + 1}", True


def write_card(
    connection: psycopg.Connection[Any],
    card: ModelCard,
    forecaster: Forecaster,
    version: str,
    as_of_on: date,
    purpose: str,
    grades: Grades | None,
) -> None:
    """Append one fitted model."""
    first_day = forecaster.history.first_day
    connection.execute(
        "insert into forecast.models (model, version, as_of_on, purpose, customers, training_from, training_until, parameters,"
        " standard_errors, log_likelihood, is_identified, notes, grades)"
        " values (%s, %s, %s, %s, %s, date '1970-01-01' + %s::int, %s, %s, %s, %s, %s, %s, %s)",
        [
            card.model, version, as_of_on, purpose, card.customers, first_day, as_of_on, Jsonb(card.parameters),
            Jsonb(card.standard_errors), card.log_likelihood, card.is_identified, card.notes, Jsonb(grades) if grades else None,
        ],
    )  # fmt: skip


def write_predictions(
    connection: psycopg.Connection[Any],
    forecaster: Forecaster,
    predictions: Iterable[Prediction],
    keys: npt.NDArray[np.void],
    version: str,
    as_of_on: date,
) -> int:
    """Append the predictions, one horizon in memory at a time; returns the number of rows."""
    reason, rows = forecaster.not_predictable_reason, 0
    names = (
        "customer_key, as_of_on, horizon_days, model, version, p_alive, expected_occasions, expected_spend, predicted_value,"
        " predicted_value_low, predicted_value_high, discounted_value, p_no_order, is_predictable, not_predictable_reason"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy forecast.predictions ({names}) from stdin (format binary)") as copy,
    ):
        copy.write(binary.HEADER)
        for prediction in predictions:
            columns = {
                "customer_key": binary.uuids(keys[forecaster.history.customer]),
                "as_of_on": binary.day(np.datetime64(as_of_on)),
                "horizon_days": binary.integer(prediction.days),
                "model": binary.text(forecaster.model),
                "version": binary.text(version),
                "p_alive": binary.doubles(prediction.p_alive) if forecaster.purchases else binary.null(),
                "expected_occasions": binary.doubles(prediction.expected_occasions),
                "expected_spend": binary.amounts(prediction.expected_spend, 4),
                "predicted_value": binary.amounts(prediction.value, 2),
                "predicted_value_low": binary.amounts(prediction.low, 2),
                "predicted_value_high": binary.amounts(prediction.high, 2),
                "discounted_value": binary.amounts(prediction.discounted, 2),
                "p_no_order": binary.doubles(prediction.p_no_order),
                "is_predictable": binary.boolean(reason is None),
                "not_predictable_reason": binary.text(reason) if reason else binary.null(),
            }
            for block in binary.blocks(columns, len(forecaster.history)):
                copy.write(block)
            rows += len(forecaster.history)
            del columns, prediction  # before the next horizon is computed
        copy.write(binary.TRAILER)
    return rows


def cards_of(connection: psycopg.Connection[Any], version: str, as_of_on: date) -> list[dict[str, Any]]:
    """The fitted models of one version, in the order they were written."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from forecast.models where version = %s and as_of_on = %s order by fitted_at, model",
            [version, as_of_on],
        ).fetchall()


def totals_of(connection: psycopg.Connection[Any], version: str, as_of_on: date) -> list[dict[str, Any]]:
    """Sums over the customers of one published version, a row a horizon."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select horizon_days, min(model) as model, count(*) as customers, sum(expected_occasions) as occasions,"
            " sum(predicted_value) as value, sum(discounted_value) as discounted_value, avg(p_no_order) as no_order,"
            " bool_and(is_predictable) as is_predictable, min(not_predictable_reason) as reason"
            " from forecast.predictions where as_of_on = %s and version = %s group by horizon_days order by horizon_days",
            [as_of_on, version],
        ).fetchall()
