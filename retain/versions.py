"""Which of two versions of a record is the newer one, also where retain.yml has read them in two ways.

A corrected `timezone` moves every time of change: what was read before it and what is read after it cannot be compared as they are.
"""

from typing import Any

import psycopg
from psycopg import sql

from retain.config import FilesSource, Settings
from retain.entities import Entity
from retain.gate_rows import Selection, write_gate_table
from retain.landing import drop_gate_tables, gate_table, landing_table
from retain.mapping import mapping_of
from retain.raw_rows import raw_of
from retain.records import keys_of, same_key

ASKS_FOR_WHAT_IS_NEW = ("incremental", "full")
# In `retain.raw_rows.merge`: `current` is in raw, `excluded` comes.
BY_TIME = sql.SQL("excluded.changed_at >= current.changed_at")
READ_AGAIN = sql.Identifier("pg_temp", "read_again")


def is_newer(
    connection: psycopg.Connection[Any],
    settings: Settings,
    load_id: int,
    source: str,
    entity: Entity,
    kind: str,
) -> sql.Composable:
    """The condition by which a row of gate.load_<load_id> is as new as the version that raw has, or newer.

    A database or a system has one state of a record, the last, and what is new there holds it. A file may have any: so may a backfill,
    and a row that waited in quarantine. There the version that raw has is read again from landing, as retain.yml reads it now.
    """
    since = _read_otherwise(connection, load_id, source, entity)
    if not since:
        return BY_TIME
    if _is_last_state(settings, source, kind):
        return _or_read_otherwise(since)
    if not _read_again(connection, settings, load_id, source, entity, since):
        return BY_TIME
    return sql.SQL(
        "excluded.changed_at >= coalesce((select changed_at from {again} as again where {same}), current.changed_at)"
    ).format(again=READ_AGAIN, same=same_key(entity, "again", "current"))


def is_newer_in_replay(
    connection: psycopg.Connection[Any], settings: Settings, load_id: int, source: str, entity: Entity, kind: str
) -> sql.Composable:
    """As `is_newer` where one mapping, that of today, reads every version from landing."""
    since = _read_otherwise(connection, load_id, source, entity) if _is_last_state(settings, source, kind) else 0
    return _or_read_otherwise(since) if since else BY_TIME


def _is_last_state(settings: Settings, source: str, kind: str) -> bool:
    return kind in ASKS_FOR_WHAT_IS_NEW and not isinstance(settings.source(source), FilesSource)


def _or_read_otherwise(since: int) -> sql.Composable:
    return sql.SQL("({} or current._load_id <= {})").format(BY_TIME, sql.Literal(since))


def _read_otherwise(connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity) -> int:
    """The last load up to which records were read in another way than by this one; 0 where there is none."""
    row = connection.execute(
        "with past as (select load_id, array[cursor_after ->> 'mapping', cursor_after ->> 'fields'] as way from ops.loads "
        "where source = %(source)s and entity = %(entity)s and kind = any(%(kinds)s) "
        "and (load_id = %(load_id)s or load_id < %(load_id)s and status = 'published')) "
        "select coalesce(max(load_id), 0) from past "
        "where way is distinct from (select way from past order by load_id desc limit 1)",
        {"source": source, "entity": entity.name, "kinds": list(ASKS_FOR_WHAT_IS_NEW), "load_id": load_id},
    ).fetchone()
    assert row is not None
    return int(row[0])


def _read_again(
    connection: psycopg.Connection[Any],
    settings: Settings,
    load_id: int,
    source: str,
    entity: Entity,
    since: int,
) -> bool:
    """Into pg_temp.read_again: when the versions changed that raw has, as they are read now. False where this load has no other one."""
    parts: dict[str, sql.Composable] = {
        "source": sql.Literal(source),
        "since": sql.Literal(since),
        "raw": raw_of(entity),
        "landing": landing_table(source, entity.name),
        "gate": gate_table(load_id),
        "again": gate_table(since),  # of a load that is long over
        "keys": keys_of(entity, "current"),
        "same": same_key(entity, "current", "incoming"),
    }
    row = connection.execute(
        sql.SQL(
            "with concerned as (select distinct current._load_id as load_id from {raw} as current join {gate} as incoming on {same} "
            "where current.source = {source} and current._load_id <= {since} and not current.is_deleted "
            "and current.changed_at <> incoming.changed_at) "
            "select array_agg(distinct coalesce(taken.origin_load_id, load_id)) "
            "from concerned left join ops.taken_up_rows as taken using (load_id)"
        ).format(**parts)
    ).fetchone()
    if row is None or row[0] is None:
        return False
    mapping = mapping_of(settings, source, entity.name)
    write_gate_table(connection, settings, mapping, since, [Selection(earlier) for earlier in row[0]])
    connection.execute(sql.SQL("drop table if exists {}").format(READ_AGAIN))
    connection.execute(
        sql.SQL(
            "create temporary table read_again on commit drop as "
            "select {keys}, max(incoming.changed_at) as changed_at from {again} as incoming "
            "join {landing} as landed on landed._row = incoming.row_number and landed._load_id = any({loads}) "
            "left join ops.taken_up_rows as taken on taken.origin_load_id = landed._load_id "
            "and taken.row_number = incoming.row_number "
            "join {raw} as current on current.source = {source} and {same} "
            "and current._load_id = coalesce(taken.load_id, landed._load_id) "
            "where taken.load_id is not null or not exists (select 1 from ops.held_rows as held "
            "where held.load_id = landed._load_id and held.row_number = incoming.row_number) group by {keys}"
        ).format(loads=sql.Literal(row[0]), **parts)
    )
    drop_gate_tables(connection, since)
    connection.execute(
        sql.SQL("create unique index on {} ({})").format(
            READ_AGAIN, sql.SQL(", ").join(map(sql.Identifier, entity.key))
        )
    )
    connection.execute(sql.SQL("analyze {}").format(READ_AGAIN))
    return True
