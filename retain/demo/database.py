"""Writing the shop's database: how it was filled so far, and its rows, new or changed, by COPY."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from retain.demo.shop import CURSORS, KEY_COLUMNS, TABLES
from retain.demo.text import Texts, copy_text
from retain.relations import columns_of

Progress = Callable[[str, int, int], None]
FILL_LOCK = 727_020


@dataclass(frozen=True)
class Run:
    """What the shop remembers of how it was filled. `filled_until` is None while the first filling is not through."""

    seed: int
    customers: int
    model: int
    start: date
    filled_until: date | None
    till_files: int


def remembered_run(connection: psycopg.Connection[Any], new: Run) -> Run:
    """How this shop was begun; `new` when it has not been, and from now on. One filler at a time: a second one waits."""
    connection.execute("select pg_advisory_lock(%s)", [FILL_LOCK])
    connection.execute(
        "create table if not exists demo_run (seed bigint not null, customers integer not null, model integer not null, "
        "start_on date not null, filled_until_on date, till_files integer not null)"
    )
    row = connection.execute(
        "select seed, customers, model, start_on, filled_until_on, till_files from demo_run"
    ).fetchone()
    if row is not None:
        return Run(*row)
    connection.execute(
        "insert into demo_run (seed, customers, model, start_on, till_files) values (%s, %s, %s, %s, 0)",
        [new.seed, new.customers, new.model, new.start],
    )
    return new


def write_tables(
    connection: psycopg.Connection[Any],
    tables: dict[str, list[Texts]],
    *,
    is_new: bool,
    filled_until: date,
    till_files: int,
    tell: Progress,
) -> dict[str, int]:
    """Write all rows, and how far the shop now reaches, in one transaction. Returns the rows of each table.

    COPY goes into tables made in this transaction, or, when they are there already, beside them first and then over what
    changed.
    """
    rows = {name: len(columns[0]) for name, columns in tables.items()}
    total, done = sum(rows.values()), 0
    with connection.transaction():
        for name, columns in tables.items():
            tell("shop database", done, total)
            if is_new:
                _create(connection, name, columns)
            else:
                _merge(connection, name, columns)
            done += rows[name]
        connection.execute("update demo_run set filled_until_on = %s, till_files = %s", [filled_until, till_files])
    tell("shop database", total, total)
    return rows


def _create(connection: psycopg.Connection[Any], name: str, columns: list[Texts]) -> None:
    table = sql.Identifier(name)
    connection.execute(sql.SQL("drop table if exists {}").format(table))
    connection.execute(sql.SQL("create table {} (" + TABLES[name] + ")").format(table))
    _copy(connection, table, columns)
    if name in CURSORS:
        connection.execute(sql.SQL("create index on {} (updated_at)").format(table))
    connection.execute(sql.SQL("analyze {}").format(table))


def _copy(connection: psycopg.Connection[Any], table: sql.Composable, columns: list[Texts]) -> None:
    with connection.cursor() as cursor, cursor.copy(sql.SQL("copy {} from stdin").format(table)) as copy:
        copy.write(copy_text(columns))


def _merge(connection: psycopg.Connection[Any], name: str, columns: list[Texts]) -> None:
    table, changes = sql.Identifier(name), sql.Identifier(f"changed_{name}")
    connection.execute(sql.SQL("create temporary table {} (like {}) on commit drop").format(changes, table))
    _copy(connection, changes, columns)
    names = list(columns_of(connection, name))
    keys = names[: KEY_COLUMNS.get(name, 1)]
    others = [one for one in names if one not in keys]
    connection.execute(
        sql.SQL("insert into {} select * from {} on conflict ({}) do update set {}").format(
            table,
            changes,
            sql.SQL(", ").join(map(sql.Identifier, keys)),
            sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(one)) for one in others),
        )
    )
