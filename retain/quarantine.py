"""What a load does to quarantine when it is published: rows are kept out, entries open, stay, or close by themselves.

A row is recognised by its key and by the version that was sent (see `retain.records`). What a person has decided about a
version holds for that version whenever the source sends it again; another version of the record is judged anew.
"""

from typing import Any

import psycopg
from psycopg import sql

from retain.entities import Entity
from retain.landing import failures_table, gate_table
from retain.records import day_of, key_text, key_values, version_of

# Rows of the load that must not reach raw; a table of this transaction, which `retain.publish.merge` reads.
KEPT_OUT = sql.Identifier("pg_temp", "kept_out")


def keep_out_none(connection: psycopg.Connection[Any]) -> None:
    connection.execute("drop table if exists pg_temp.kept_out")
    connection.execute(
        "create temporary table kept_out (row_number bigint primary key, quarantine_id bigint) on commit drop"
    )


def sort_out(
    connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity, timezone: str
) -> tuple[int, int]:
    """Bring quarantine up to date with a judged load and say which of its rows are kept out: (entries opened, closed)."""
    _recognise(connection, load_id, source, entity, timezone)
    keep_out_none(connection)
    connection.execute(
        "insert into kept_out select row_number, coalesce(open_entry, discarded_entry) from recognised "
        "where outcome <> 'passes'"
    )
    closed = _close(connection, load_id, source, entity)
    opened = _open(connection, load_id, source, entity)
    connection.execute(
        "insert into ops.held_rows (load_id, row_number, quarantine_id) select %s, row_number, quarantine_id from kept_out",
        [load_id],
    )
    return opened, closed


def _recognise(connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity, timezone: str) -> None:
    """The rows that quarantine has to do with: those that fail, and other versions of records that wait or were discarded.

    `outcome` is `passes`, `held`, or `discarded`. A released version passes unless something else is wrong with it by now.
    """
    known = connection.execute(
        "select exists (select 1 from ops.quarantine where source = %s and entity = %s and status in ('open', 'discarded'))",
        [source, entity.name],
    ).fetchone()
    concerns_known = (
        sql.SQL(
            "or {keys} in (select key_values from ops.quarantine where source = {source} and entity = {entity} "
            "and status in ('open', 'discarded') and key_values is not null)"
        ).format(keys=key_values(entity, "incoming"), source=sql.Literal(source), entity=sql.Literal(entity.name))
        if known and known[0]
        else sql.SQL("")
    )
    connection.execute(
        sql.SQL(
            "create temporary table recognised on commit drop as "
            "with failed as (select row_number, array_agg(rule order by rule) as rules, "
            "array_agg(reason order by rule) as reasons, bool_and(waits) as waits from {failures} group by row_number), "
            "judged as (select incoming.row_number, {text} as record_key, {keys} as key_values, {version} as record_hash, "
            "{day} as day, failed.rules, failed.reasons, failed.waits "
            "from {gate} as incoming left join failed using (row_number) "
            "where failed.row_number is not null {concerns_known}) "
            "select judged.*, same.open_entry, same.discarded_entry, case "
            "when judged.rules is not null and same.is_released then 'passes' "
            "when same.discarded_entry is not null and not same.was_released then 'discarded' "
            "when judged.rules is null then 'passes' else 'held' end as outcome "
            "from judged cross join lateral ("
            "select coalesce(bool_or(entry.status = 'released' and judged.rules <@ entry.rules), false) as is_released, "
            "coalesce(bool_or(entry.status = 'released'), false) as was_released, "
            "min(entry.quarantine_id) filter (where entry.status = 'discarded') as discarded_entry, "
            "min(entry.quarantine_id) filter (where entry.status = 'open' and entry.rules = judged.rules) as open_entry "
            "from ops.quarantine as entry where entry.record_hash = judged.record_hash and entry.status <> 'closed' "
            "and entry.source = {source} and entry.entity = {entity} "
            "and entry.key_values is not distinct from judged.key_values) as same"
        ).format(
            failures=failures_table(load_id),
            gate=gate_table(load_id),
            text=key_text(entity, "incoming"),
            keys=key_values(entity, "incoming"),
            version=version_of(entity, "incoming"),
            day=day_of(entity, "incoming", timezone),
            concerns_known=concerns_known,
            source=sql.Literal(source),
            entity=sql.Literal(entity.name),
        )
    )
    connection.execute("analyze recognised")


def _close(connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity) -> int:
    """An entry ends when its record comes again and passes, or comes again with something else wrong."""
    return connection.execute(
        "update ops.quarantine as entry set status = 'closed', closed_at = clock_timestamp(), closed_by_load_id = %(load_id)s, "
        "closing_note = case when exists (select 1 from recognised where recognised.key_values = entry.key_values "
        "and recognised.record_hash = entry.record_hash and outcome = 'passes') "
        "then 'what it waited for has come' else 'a later version of the record came' end "
        "where entry.status = 'open' and entry.source = %(source)s and entry.entity = %(entity)s "
        "and entry.load_id <> %(load_id)s and entry.key_values in (select key_values from recognised) "
        "and not exists (select 1 from recognised where recognised.key_values = entry.key_values "
        "and recognised.record_hash = entry.record_hash and recognised.rules = entry.rules and outcome = 'held')",
        {"load_id": load_id, "source": source, "entity": entity.name},
    ).rowcount


def _open(connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity) -> int:
    """One entry a held row, closed at once where a later row of the same load brings the record right.

    The same version sent again with the same faults is the same entry still.
    """
    new = connection.execute(
        "select exists (select 1 from recognised where outcome = 'held' and open_entry is null)"
    ).fetchone()
    if not new or not new[0]:
        return 0
    opened = connection.execute(
        sql.SQL(
            "with better as (select {keys} as key_values, max(row_number) as row_number from {gate} as incoming "
            "where {keys} in (select key_values from recognised where outcome = 'held' and open_entry is null) "
            "and not exists (select 1 from kept_out where kept_out.row_number = incoming.row_number) group by 1), "
            "held as (select recognised.*, coalesce(better.row_number > recognised.row_number, false) as is_corrected "
            "from recognised left join better using (key_values) where outcome = 'held' and open_entry is null) "
            "insert into ops.quarantine (source, entity, load_id, origin_load_id, row_number, record_key, key_values, "
            "record_hash, day, reasons, rules, waits_for_reference, status, closed_at, closed_by_load_id, closing_note) "
            "select {source}, {entity}, {load_id}, coalesce((select min(earlier.origin_load_id) from ops.quarantine as earlier "
            "where earlier.source = {source} and earlier.entity = {entity} and earlier.row_number = held.row_number), "
            "{load_id}), row_number, record_key, key_values, record_hash, day, reasons, rules, waits, "
            "case when is_corrected then 'closed' else 'open' end, case when is_corrected then clock_timestamp() end, "
            "case when is_corrected then {load_id} end, "
            "case when is_corrected then 'a later row of the same load brought the record right' end "
            "from held order by row_number"
        ).format(
            keys=key_values(entity, "incoming"),
            gate=gate_table(load_id),
            source=sql.Literal(source),
            entity=sql.Literal(entity.name),
            load_id=sql.Literal(load_id),
        )
    ).rowcount
    connection.execute(
        "update kept_out set quarantine_id = entry.quarantine_id from ops.quarantine as entry "
        "where entry.load_id = %s and entry.row_number = kept_out.row_number and kept_out.quarantine_id is null",
        [load_id],
    )
    return opened
