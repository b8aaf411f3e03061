"""Which fit is in use: every decision to take a new one, or not to, is kept with its reason."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from retain.forecast.choosing import InUse
from retain.forecast.churn import ChurnModel
from retain.forecast.churn.features import Reading
from retain.forecast.churn.scorers import to_bytes
from retain.forecast.churn.training import HORIZONS
from retain.forecast.churn.training import InUse as SilenceInUse
from retain.forecast.forecaster import Forecaster, Promotion
from retain.forecast.purchase_model import BY_NAME
from retain.forecast.reading import day_of
from retain.forecast.seasons import Seasons


def purchases_in_use(connection: psycopg.Connection[Any], version: str, as_of_on: date) -> InUse | None:
    """The purchasing model that was promoted last, as of a day, for `version` to be judged against."""
    row = _newest(connection, "purchases", version, as_of_on)
    if row is None or row["model"] not in BY_NAME:
        return None
    parameters = row["parameters"]
    return InUse(row["model"], tuple(parameters["parameters"]), Seasons(tuple(parameters["seasons"])), row["version"])


def silence_in_use(connection: psycopg.Connection[Any], version: str, as_of_on: date) -> dict[int, SilenceInUse]:
    """The supervised models that were promoted last, by horizon, for those of `version` to be judged against."""
    found = {}
    for days in HORIZONS:
        row = _newest(connection, f"no_order_{days}", version, as_of_on)
        if row is not None and row["artifact"] is not None:
            found[days] = SilenceInUse(row["version"], Reading.of_document(row["parameters"]), bytes(row["artifact"]))
    return found


def write(
    connection: psycopg.Connection[Any], forecaster: Forecaster, churn: ChurnModel, version: str, as_of_on: date
) -> None:
    """Append what was decided of a newly fitted version."""
    if forecaster.promotion is not None and forecaster.purchases is not None:
        parameters = {
            "parameters": list(vars(forecaster.purchases).values()),
            "seasons": list(forecaster.seasons.index),
        }
        _insert(connection, forecaster.promotion, forecaster.model, parameters, None, version, as_of_on)
    for model in churn.models.values():
        if model.promotion is not None:
            artifact = to_bytes(model.scorer, model.calibration) if model.scorer and model.calibration else None
            parameters = model.reading.as_document()
            _insert(connection, model.promotion, model.name, parameters, artifact, version, as_of_on)


def decisions_of(connection: psycopg.Connection[Any], version: str, as_of_on: date) -> Iterable[dict[str, Any]]:
    """What was decided of a version: role, is_promoted, reason."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select role, is_promoted, reason from forecast.promotions where version = %s and as_of_on = %s order by promotion_id",
            [version, as_of_on],
        ).fetchall()


def _newest(connection: psycopg.Connection[Any], role: str, version: str, as_of_on: date) -> dict[str, Any] | None:
    """When data went A, B and back to A, A is judged as it was the first time: the same data give the same numbers."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from forecast.promotions where role = %(role)s and as_of_on <= %(day)s and is_promoted"
            " and promotion_id < coalesce((select min(promotion_id) from forecast.promotions"
            " where as_of_on = %(day)s and split_part(version, '.', 1) = split_part(%(version)s, '.', 1)),"
            " 9223372036854775807)"
            " order by as_of_on desc, promotion_id desc limit 1",
            {"role": role, "day": as_of_on, "version": version},
        ).fetchone()


def _insert(
    connection: psycopg.Connection[Any],
    promotion: Promotion,
    model: str,
    parameters: dict[str, Any],
    artifact: bytes | None,
    version: str,
    as_of_on: date,
) -> None:
    since = None if promotion.judged_from is None else day_of(promotion.judged_from)
    connection.execute(
        "insert into forecast.promotions (role, as_of_on, version, is_promoted, reason, in_use_version, judged_from,"
        " judged_until, customers, gain, standard_error, model, parameters, artifact)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            promotion.role, as_of_on, version, promotion.is_promoted, promotion.reason, promotion.in_use, since,
            day_of(promotion.judged_until), promotion.customers, promotion.gain, promotion.error, model,
            Jsonb(parameters), artifact,
        ],
    )  # fmt: skip
