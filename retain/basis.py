"""What the marts are made of, as two numbers: while they stay the same, a build would make the same marts again.

They are written on schema `intermediate` in the transaction that shows the marts, so that they never speak of other marts.
"""

import hashlib
import json
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

import retain
from retain.config import Settings

PLACE = "intermediate"
# What may change between two builds and is read by models. What only tells how loads went (marts/operations) is none of it.
RECORDS = """
select
    (select count(*) from ops.loads where status = 'published' and rows_changed > 0),
    (select max(published_at) from ops.loads where status = 'published' and rows_changed > 0),
    (select count(*) from ops.identity_decisions),
    (select count(*) from ops.identity_decisions where reverted_at is not null),
    (select count(*) from ops.erasures),
    (select array[count(*)::text, max(opened_at)::text, max(closed_at)::text] from ops.quarantine
        where entity in ('order_items', 'experiment_assignments'))
"""
FORECASTS = """
select
    (select count(*) from forecast.models), (select max(fitted_at) from forecast.models),
    (select count(*) from forecast.promotions), (select count(*) from forecast.grades), (select count(*) from forecast.drift)
"""


class Basis(NamedTuple):
    """Each 64 hexadecimal digits. `records`: of records, decisions, settings, days and models; `forecasts`: of the ledger."""

    records: str
    forecasts: str


def basis_of(settings: Settings, connection: psycopg.Connection[Any]) -> Basis:
    """What a build that began now would read.

    To be asked before the build reads anything: what comes meanwhile makes another number then, and the next build.
    """
    from retain.transform import variables

    settled = [variables(settings), settings.business.model_dump(mode="json"), retain.__version__, _project()]
    return Basis(_number(connection.execute(RECORDS).fetchone(), settled), forecasts_of(connection))


def forecasts_of(connection: psycopg.Connection[Any]) -> str:
    """The number of the ledger alone."""
    return _number(connection.execute(FORECASTS).fetchone())


def _number(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _project() -> str:
    from retain.transform import PROJECT

    files = sorted(path for kind in ("*.sql", "*.yml") for path in PROJECT.rglob(kind))
    return _number([(str(path.relative_to(PROJECT)), path.read_text()) for path in files])


def write_basis(connection: psycopg.Connection[Any], basis: Basis | None) -> None:
    """Of the marts that this transaction shows; None where nobody can say, so that they are not taken for current."""
    text = sql.Literal(" ".join(basis) if basis else None)
    connection.execute(sql.SQL("comment on schema {} is {}").format(sql.Identifier(PLACE), text))


def basis_of_marts(connection: psycopg.Connection[Any]) -> Basis | None:
    """What was written with the marts that people see."""
    row = connection.execute("select obj_description(to_regnamespace(%s)::oid, 'pg_namespace')", [PLACE]).fetchone()
    return Basis(*row[0].split()) if row and row[0] else None
