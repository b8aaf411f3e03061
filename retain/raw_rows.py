"""Write the rows of a judged load that are not kept out into a table of raw: merged by key, or as they come where it is empty."""

from typing import Any

import psycopg
from psycopg import sql

from retain.entities import Entity
from retain.landing import gate_table
from retain.quarantine import KEPT_OUT
from retain.relations import has_rows


def merge(
    connection: psycopg.Connection[Any],
    load_id: int,
    source: str,
    entity: Entity,
    target: sql.Composable,
    is_newer: sql.Composable,
) -> int:
    """One row per key, the newest version: by the source's own time of change, else the one that was sent last.

    `is_newer` says it of `excluded`, which comes, and `current` (see `retain.versions`). From gate.load_<load_id>, without the
    rows of pg_temp.kept_out, into `target`, which has the shape of raw.<entity>.
    """
    keys = sql.SQL(", ").join(map(sql.Identifier, entity.key))
    others = [name for name in entity.fields if name not in entity.key]
    current = sql.SQL("(current.{}, current.is_deleted)").format(
        sql.SQL(", current.").join(map(sql.Identifier, others))
    )
    incoming = sql.SQL("(excluded.{}, excluded.is_deleted)").format(
        sql.SQL(", excluded.").join(map(sql.Identifier, others))
    )
    cursor = connection.execute(
        sql.SQL(
            "{insert} order by {keys}, incoming.changed_at desc nulls last, row_number desc "
            "on conflict (source, {keys}) do update set {assignments}, is_deleted = excluded.is_deleted, "
            "deleted_at = excluded.deleted_at, _load_id = excluded._load_id "
            "where (current.changed_at is null or excluded.changed_at is null or {is_newer} or current.is_deleted) "
            "and {current} is distinct from {incoming}"
        ).format(
            insert=_insert(connection, load_id, source, entity, target, sql.SQL("distinct on ({}) ").format(keys)),
            keys=keys,
            assignments=sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others
            ),
            is_newer=is_newer,
            current=current,
            incoming=incoming,
        )
    )
    return cursor.rowcount


def fill(connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity) -> int | None:
    """Take a whole load into a table of raw that holds nothing; None when this is not for now, and nothing was done.

    That is when the table holds something, somebody is using it, or a record is in the load more than once. There is
    nothing to compare with, so nothing is looked up, and the key's index is made at the end, in one sort; and what goes into
    a table that was emptied in the same transaction needs no log (where wal_level is minimal, as in the embedded server).
    """
    table: dict[str, sql.Composable] = {"raw": raw_of(entity)}
    is_empty = sql.SQL("select not exists (select 1 from {raw})").format(**table)
    row = connection.execute(is_empty).fetchone()
    if row is None or not row[0]:
        return None
    try:
        with connection.transaction():
            connection.execute(sql.SQL("lock table {raw} in access exclusive mode nowait").format(**table))
            row = connection.execute(is_empty).fetchone()  # somebody may have filled it just before
            if row is None or not row[0]:
                raise psycopg.Rollback
            connection.execute(sql.SQL("truncate {raw}").format(**table))
            key = connection.execute(
                "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'p'",
                [table["raw"].as_string(connection)],
            ).fetchone()
            assert key is not None
            table["key"], definition = sql.Identifier(key[0]), sql.SQL(key[1])
            connection.execute(sql.SQL("alter table {raw} drop constraint {key}").format(**table))
            rows = connection.execute(_insert(connection, load_id, source, entity, table["raw"], sql.SQL(""))).rowcount
            connection.execute(
                sql.SQL("alter table {raw} add constraint {key} {definition}").format(**table, definition=definition)
            )
            return rows
    except (
        psycopg.errors.LockNotAvailable,
        psycopg.errors.UniqueViolation,
        psycopg.errors.DependentObjectsStillExist,  # somebody's own view or foreign key needs the key
    ):
        pass
    return None


def _insert(
    connection: psycopg.Connection[Any],
    load_id: int,
    source: str,
    entity: Entity,
    target: sql.Composable,
    distinct: sql.Composable,
) -> sql.Composed:
    """Of the rows in the gate, those that are not kept out, into a table of the shape of raw.<entity>.

    Mostly none is: then it is not asked of a million rows.
    """
    kept_out = sql.SQL(
        "where not exists (select 1 from {} as kept where kept.row_number = incoming.row_number)"
        if has_rows(connection, KEPT_OUT)
        else ""
    )
    values = [
        sql.SQL("coalesce({}, {})").format(sql.Identifier(name), sql.SQL(field.default))
        if field.default is not None
        else sql.Identifier(name)
        for name, field in entity.fields.items()
    ]
    return sql.SQL(
        "insert into {raw} as current (source, {names}, is_deleted, deleted_at, _load_id) "
        "select {distinct}{source}, {values}, is_deleted, case when is_deleted then changed_at end, {load_id} "
        "from {gate} as incoming {kept_out}"
    ).format(
        raw=target,
        names=sql.SQL(", ").join(map(sql.Identifier, entity.fields)),
        distinct=distinct,
        source=sql.Literal(source),
        values=sql.SQL(", ").join(values),
        load_id=sql.Literal(load_id),
        gate=gate_table(load_id),
        kept_out=kept_out.format(KEPT_OUT),
    )


def raw_of(entity: Entity) -> sql.Identifier:
    return sql.Identifier("raw", entity.name)
