"""Files that were written again, or are read in another way: which records there were, and no file gives any more."""

from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import Entity
from retain.gate_rows import Selection, write_gate_table
from retain.landing import drop_gate_tables, gate_table, landing_table
from retain.mapping import Mapping, mapping_of
from retain.records import key_values
from retain.relations import has_rows

# Every version of a file that a load has published.
VERSIONS = (
    "select load_id, jsonb_object_keys(control_totals -> 'files') as file from ops.loads "
    "where source = %(source)s and entity = %(entity)s and status = 'published' "
    "and kind in ('incremental', 'full', 'backfill') and jsonb_typeof(control_totals -> 'files') = 'object'"
)


def rewritten(connection: psycopg.Connection[Any], source: str, entity: str) -> list[tuple[int, str]]:
    """(load, file) of every version of a file that a later load has replaced, and that no comparison has looked at since."""
    return connection.execute(
        f"with versions as ({VERSIONS}), "
        "followed as (select load_id, file, lead(load_id) over (partition by file order by load_id) as next_id from versions) "
        "select load_id, file from followed where next_id > (select coalesce(max(load_id), 0) from ops.loads "
        "where source = %(source)s and entity = %(entity)s and kind = 'deletions' and status = 'published') order by 1, 2",
        {"source": source, "entity": entity},
    ).fetchall()


def mapped_anew(connection: psycopg.Connection[Any], source: str, entity: str) -> int | None:
    """The last load that read every file in another way than the loads before it, and that no comparison has looked at since."""
    row = connection.execute(
        "select max(load_id) from ops.loads where source = %(source)s and entity = %(entity)s and status = 'published' "
        "and kind in ('incremental', 'full') and cursor_before ? 'files' "
        "and cursor_before -> 'mapping' is distinct from cursor_after -> 'mapping' "
        "and load_id > (select coalesce(max(load_id), 0) from ops.loads "
        "where source = %(source)s and entity = %(entity)s and kind = 'deletions' and status = 'published')",
        {"source": source, "entity": entity},
    ).fetchone()
    return row[0] if row else None


def list_keys_of_files(
    connection: psycopg.Connection[Any], settings: Settings, source: str, entity: Entity, since: int
) -> int | None:
    """The keys that the files give, as they are read since the load `since`, into pg_temp.keys_now; returns how many rows.

    None, with nothing listed, when a file that was read the earlier way is not there any more, or landing has dropped rows of one:
    what these would give, nobody knows.
    """
    standing, is_whole = _standing(connection, source, entity.name)
    if not is_whole or any(version.load_id < since for version in standing):
        return None
    given = write_gate_table(connection, settings, mapping_of(settings, source, entity.name), since, standing)
    keys = sql.SQL(", ").join(sql.SQL("{0}::text as {0}").format(sql.Identifier(name)) for name in entity.key)
    connection.execute(
        sql.SQL("create temporary table keys_now on commit drop as select distinct {} from {}").format(
            keys, gate_table(since)
        )
    )
    connection.execute("analyze keys_now")
    drop_gate_tables(connection, since)
    return given


def _standing(connection: psycopg.Connection[Any], source: str, entity: str) -> tuple[list[Selection], bool]:
    """The last version of each file, and whether landing still holds all rows of these: a policy may have dropped some."""
    rows = connection.execute(
        f"with last as (select file, max(load_id) as load_id from ({VERSIONS}) as versions group by file) "
        "select load_id, array_agg(file order by file), bool_or(coalesce(rows_dropped, 0) > 0) "
        "from last join ops.loads using (load_id) group by load_id order by load_id",
        {"source": source, "entity": entity},
    ).fetchall()
    return [Selection(row[0], files=tuple(row[1])) for row in rows], not any(row[2] for row in rows)


def _not_replaced(
    connection: psycopg.Connection[Any], source: str, entity: str, pairs: list[tuple[int, str]]
) -> list[Selection]:
    """Every version of every file but these, as far as the last of them."""
    rows = connection.execute(
        f"select load_id, array_agg(file order by file) from ({VERSIONS}) as versions "
        "where load_id <= %(up_to)s and not exists (select 1 from unnest(%(loads)s::bigint[], %(files)s::text[]) "
        "as replaced (load_id, file) where (replaced.load_id, replaced.file) = (versions.load_id, versions.file)) "
        "group by load_id order by load_id",
        {
            "source": source,
            "entity": entity,
            "up_to": pairs[-1][0],
            "loads": [load_id for load_id, _ in pairs],
            "files": [file for _, file in pairs],
        },
    ).fetchall()
    return [Selection(load_id, files=tuple(files)) for load_id, files in rows]


def lost_in_rewriting(
    connection: psycopg.Connection[Any], settings: Settings, source: str, entity: Entity, pairs: list[tuple[int, str]]
) -> tuple[int, int]:
    """Note in pg_temp.gone the records of these versions of files that no later load has: (how many of them raw has, how many
    these versions had). A record that has moved to another file is not gone: an export may cut a day into files otherwise. Nor is
    one that another file has had all along: exports overlap.
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
    _keep_what_others_have(connection, settings, mapping, entity, newest, pairs)
    missing = connection.execute("select count(*) from gone where was_in_raw").fetchone()
    drop_gate_tables(connection, newest)
    assert known is not None
    assert missing is not None
    return int(missing[0]), int(known[0])


def _keep_what_others_have(
    connection: psycopg.Connection[Any],
    settings: Settings,
    mapping: Mapping,
    entity: Entity,
    newest: int,
    pairs: list[tuple[int, str]],
) -> None:
    """Take from pg_temp.gone what a file has that was not written again. Those files are mapped only when something is to go.

    Of a file of which landing has dropped rows, what any version of it had counts: nothing goes that may still be there.
    """
    if not has_rows(connection, sql.Identifier("pg_temp", "gone")):
        return
    standing, is_whole = _standing(connection, mapping.source, entity.name)
    if is_whole:
        others = [version for version in standing if version.load_id <= pairs[-1][0]]
    else:
        others = _not_replaced(connection, mapping.source, entity.name, pairs)
    if not others:
        return
    write_gate_table(connection, settings, mapping, newest, others)
    connection.execute(
        sql.SQL("delete from gone using {gate} as incoming where gone.key_values = {key}").format(
            gate=gate_table(newest), key=key_values(entity, "incoming")
        )
    )
