"""Files that were written again: which records the earlier version of a file had, and no file has any more."""

from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import Entity
from retain.gate_rows import Selection, write_gate_table
from retain.landing import drop_gate_tables, gate_table, landing_table
from retain.mapping import mapping_of
from retain.records import key_values


def rewritten(connection: psycopg.Connection[Any], source: str, entity: str) -> list[tuple[int, str]]:
    """(load, file) of every version of a file that a later load has replaced, and that no comparison has looked at since."""
    return connection.execute(
        "with versions as (select load_id, jsonb_object_keys(control_totals -> 'files') as file from ops.loads "
        "where source = %(source)s and entity = %(entity)s and status = 'published' "
        "and kind in ('incremental', 'full', 'backfill') and jsonb_typeof(control_totals -> 'files') = 'object'), "
        "followed as (select load_id, file, lead(load_id) over (partition by file order by load_id) as next_id from versions) "
        "select load_id, file from followed where next_id > (select coalesce(max(load_id), 0) from ops.loads "
        "where source = %(source)s and entity = %(entity)s and kind = 'deletions' and status = 'published') order by 1, 2",
        {"source": source, "entity": entity},
    ).fetchall()


def lost_in_rewriting(
    connection: psycopg.Connection[Any], settings: Settings, source: str, entity: Entity, pairs: list[tuple[int, str]]
) -> tuple[int, int]:
    """Note in pg_temp.gone the records of these versions of files that no later load has: (how many of them raw has, how many
    these versions had). A record that has moved to another file is not gone: an export may cut a day into files otherwise.
    """
    mapping = mapping_of(settings, source, entity.name)
    first = pairs[0][0]
    later = connection.execute(
        "select load_id from ops.loads where source = %s and entity = %s and load_id > %s and status = 'published' "
        "and kind in ('incremental', 'full', 'backfill') order by load_id",
        [source, entity.name, first],
    ).fetchall()
    before = Selection(first, files=tuple(file for load_id, file in pairs if load_id == first))
    newest = later[-1][0]
    write_gate_table(connection, settings, mapping, newest, [before, *(Selection(load_id) for (load_id,) in later)])
    connection.execute(
        sql.SQL(
            "create temporary table gone on commit drop as "
            "with versions as (select landed._load_id, incoming._file, {key} as key_values from {gate} as incoming "
            "join {landing} as landed on landed._row = incoming.row_number and landed._load_id >= {first}), "
            "had as (select key_values, max(_load_id) as last_id from versions "
            "join unnest({load_ids}::bigint[], {files}::text[]) as pairs (_load_id, _file) using (_load_id, _file) "
            "where key_values is not null group by key_values) "
            "select key_values, was_in_raw, has_moved from had "
            "cross join lateral (select exists (select 1 from {raw} as held where held.source = {source} "
            "and not held.is_deleted and {same}) as was_in_raw) as looked_up "
            "cross join lateral (select exists (select 1 from versions where versions.key_values = had.key_values "
            "and versions._load_id > had.last_id) as has_moved) as looked_for"
        ).format(
            key=key_values(entity, "incoming"),
            gate=gate_table(newest),
            landing=landing_table(source, entity.name),
            first=sql.Literal(first),
            load_ids=sql.Literal([load_id for load_id, _ in pairs]),
            files=sql.Literal([file for _, file in pairs]),
            raw=sql.Identifier("raw", entity.name),
            source=sql.Literal(source),
            same=sql.SQL(" and ").join(
                sql.SQL("held.{} = (had.key_values[{}])::{}").format(
                    sql.Identifier(name), sql.Literal(place), sql.SQL(entity.fields[name].sql_type)
                )
                for place, name in enumerate(entity.key, 1)
            ),
        )
    )
    known = connection.execute("select count(*) from gone").fetchone()
    connection.execute("delete from gone where has_moved")
    missing = connection.execute("select count(*) from gone where was_in_raw").fetchone()
    drop_gate_tables(connection, newest)
    assert known is not None
    assert missing is not None
    return int(missing[0]), int(known[0])
