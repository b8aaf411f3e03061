"""The append-only ledger: model cards, predictions and reasons; the same forecast is never written twice."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from retain.forecast import postgres_binary as binary
from retain.forecast.forecaster import Forecaster, ForecastOptions, ModelCard
from retain.forecast.grading import Grades
from retain.forecast.prediction import HORIZONS, Prediction
from retain.forecast.reading import day_number, day_of

FloatArray = npt.NDArray[np.float64]
Risk = Callable[[Prediction], tuple[FloatArray, str]]

CODE_VERSION = 3  # raise it when the same data should give other numbers: predictions then get a new version
ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})  # as COPY reads text
LOCK = 727_005  # advisory: two forecasts at the same time take turns


def lock(connection: psycopg.Connection[Any]) -> None:
    """Wait until no other forecast is being made in this warehouse; until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])


def version_of(purpose: str, as_of_on: date, graded_until: date | None, data: str, options: ForecastOptions) -> str:
    """What names a forecast: code, data and options. Parameters follow from these, so equal versions mean equal
    numbers."""
    material = [CODE_VERSION, purpose, as_of_on.isoformat(), str(graded_until), data, asdict(options)]
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:16]


def next_version(connection: psycopg.Connection[Any], purpose: str, as_of_on: date, version: str) -> tuple[str, bool]:
    """The version to publish under, and whether it still has to be written.

    Readers take the newest fit of a day. So when data went A, B and back to A, A is written once more (as `A.2`): its
    first writing is older than B's. And so is A when its predictions have been forgotten since."""
    rows = connection.execute(
        "select version from forecast.models where purpose = %s and as_of_on = %s group by version order by max(fitted_at) desc",
        [purpose, as_of_on],
    ).fetchall()
    known = [str(row[0]) for row in rows]
    same = [name for name in known if name.split(".")[0] == version]
    if not same:
        return version, True
    if known[0] in same and not (purpose == "current" and _is_forgotten(connection, known[0], as_of_on)):
        return known[0], False
    return f"{version}.{len(same) + 1}", True


def _is_forgotten(connection: psycopg.Connection[Any], version: str, as_of_on: date) -> bool:
    kept = "select from forecast.predictions where as_of_on = %s and version = %s limit 1"
    return connection.execute(kept, [as_of_on, version]).fetchone() is None


def write_card(
    connection: psycopg.Connection[Any],
    card: ModelCard,
    forecaster: Forecaster,
    version: str,
    as_of_on: date,
    purpose: str,
    grades: Grades | None,
) -> None:
    """Append one fitted model; its training window is that of the history, unless the card has one of its own."""
    begins, ends = card.trained or (forecaster.history.first_day, day_number(as_of_on))
    window = (None if begins is None else day_of(begins), day_of(ends))
    connection.execute(
        "insert into forecast.models (model, version, as_of_on, purpose, customers, training_from, training_until, parameters,"
        " standard_errors, log_likelihood, held_out_log_likelihood, is_identified, notes, grades)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            card.model, version, as_of_on, purpose, card.customers, *window, Jsonb(card.parameters),
            Jsonb(card.standard_errors), card.log_likelihood, card.held_out_log_likelihood, card.is_identified,
            card.notes, Jsonb(grades) if grades else None,
        ],
    )  # fmt: skip


def write_predictions(
    connection: psycopg.Connection[Any],
    forecaster: Forecaster,
    predictions: Iterable[Prediction],
    risk: Risk,
    keys: npt.NDArray[np.void],
    version: str,
    as_of_on: date,
) -> int:
    """Append the predictions, one horizon in memory at a time; returns the number of rows. `risk` gives the published
    probability of no order for a horizon, and the name of what it comes from."""
    reason, rows, first_day = forecaster.not_predictable_reason, 0, forecaster.history.first_day
    begins = binary.null() if first_day is None else binary.day(np.datetime64(day_of(first_day)))
    names = (
        "customer_key, as_of_on, horizon_days, model, version, p_alive, expected_occasions, expected_spend, predicted_value,"
        " predicted_value_low, predicted_value_high, discounted_value, p_no_order, is_predictable, not_predictable_reason,"
        " training_from, training_until, risk_model, p_no_order_by_purchases, interval_holds"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy forecast.predictions ({names}) from stdin (format binary)") as copy,
    ):
        copy.write(binary.HEADER)
        for prediction in predictions:
            p_no_order, risk_model = risk(prediction)
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
                "p_no_order": binary.doubles(p_no_order),
                "is_predictable": binary.boolean(reason is None),
                "not_predictable_reason": binary.text(reason) if reason else binary.null(),
                "training_from": begins,
                "training_until": binary.day(np.datetime64(as_of_on)),
                "risk_model": binary.text(risk_model),
                "p_no_order_by_purchases": binary.doubles(prediction.p_no_order),
                "interval_holds": binary.reals(prediction.interval_holds),
            }
            for block in binary.blocks(columns, len(forecaster.history)):
                copy.write(block)
            rows += len(forecaster.history)
            del columns, prediction  # before the next horizon is computed
        copy.write(binary.TRAILER)
    return rows


def forget(connection: psycopg.Connection[Any], before: date) -> None:
    """Delete predictions of days before `before` that have been graded over their longest horizon, with their reasons and
    outcomes; cards, grades and decisions stay."""
    connection.execute("select forecast.forget(%s, %s)", [before, max(HORIZONS)])


def write_reasons(
    connection: psycopg.Connection[Any],
    reasons: Iterable[tuple[npt.NDArray[np.void], list[list[str]]]],
    version: str,
    as_of_on: date,
) -> int:
    """Append three sentences a customer, block by block: (keys, sentences by rank). Returns the number of rows."""
    rows = 0
    names = "as_of_on, version, customer_key, driver_1, driver_2, driver_3"
    with connection.cursor() as cursor, cursor.copy(f"copy forecast.reasons ({names}) from stdin") as copy:
        for keys, ranked in reasons:
            copy.write("".join(_lines(keys, ranked, f"{as_of_on}\t{version}")))
            rows += len(keys)
    return rows


def _lines(keys: npt.NDArray[np.void], ranked: list[list[str]], start: str) -> Iterator[str]:
    for key, *sentences in zip(keys, *ranked, strict=True):
        said = "\t".join(sentence.translate(ESCAPED) for sentence in sentences)
        yield f"{start}\t{key.tobytes().hex()}\t{said}\n"


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


def drift_of(connection: psycopg.Connection[Any], version: str, as_of_on: date) -> list[dict[str, Any]]:
    """What has moved, the most moved first; what is stable is left out."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select name, stability_index, level from forecast.drift"
            " where version = %s and as_of_on = %s and level <> 'stable' order by stability_index desc, name",
            [version, as_of_on],
        ).fetchall()


def backcast_days(connection: psycopg.Connection[Any], until: date) -> list[date]:
    """Past days that have been back-cast, before `until`."""
    rows = connection.execute(
        "select distinct as_of_on from forecast.models where purpose = 'backcast' and as_of_on < %s order by 1", [until]
    ).fetchall()
    return [row[0] for row in rows]


def newest_backcast(connection: psycopg.Connection[Any], as_of_on: date) -> str | None:
    """The version of the newest back-cast at a day."""
    row = connection.execute(
        "select version from forecast.models where purpose = 'backcast' and as_of_on = %s order by fitted_at desc limit 1",
        [as_of_on],
    ).fetchone()
    return None if row is None else str(row[0])
