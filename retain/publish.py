"""Publish a judged load: merge its good rows into `raw`, put the others in quarantine, move the cursor, all in one transaction."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import ENTITIES, Entity
from retain.errors import Refused
from retain.landing import drop_gate_tables, failures_table, gate_table, only_one_load
from retain.phones import normalise_new_phones
from retain.warehouse import connect


@dataclass(frozen=True)
class Published:
    """What publishing did: rows of `raw` that are new or different, rows that went to quarantine, entries that closed."""

    load_id: int
    rows_changed: int
    rows_quarantined: int
    entries_closed: int


def publish_load(settings: Settings, load_id: int) -> Published:
    """Publish a validated load. Publishing twice, or being killed anywhere, ends in the same state."""
    with connect(settings) as connection:
        row = connection.execute(
            "select source, entity, status, kind, rows_changed, rows_quarantined from ops.loads where load_id = %s",
            [load_id],
        ).fetchone()
        connection.commit()
        if row is None:
            raise Refused(f"There is no load {load_id}.", hint="`retain loads` lists them.")
        source, entity, status, kind, changed, quarantined = row
        if status == "published":
            return Published(load_id, changed or 0, quarantined or 0, 0)
        if status != "validated":
            raise Refused(f"Load {load_id} is {status}: only a validated load can be published.")
        with only_one_load(connection, source, entity):
            return _publish(connection, settings, load_id, source, ENTITIES[entity], kind)


def _publish(
    connection: psycopg.Connection[Any], settings: Settings, load_id: int, source: str, entity: Entity, kind: str
) -> Published:
    changed = opened = closed = 0
    if _exists(connection, load_id):
        closed = _close_quarantine(connection, load_id, source, entity)
        opened = _open_quarantine(connection, load_id, source, entity)
        changed = _merge(connection, load_id, source, entity)
        if "phone" in entity.fields:
            normalise_new_phones(connection, gate_table(load_id), settings.business.country)
        drop_gate_tables(connection, load_id)
    if kind in ("incremental", "full"):
        connection.execute(
            "insert into ops.cursors (source, entity, state, load_id) "
            "select source, entity, cursor_after, load_id from ops.loads where load_id = %s and cursor_after is not null "
            "on conflict (source, entity) do update "
            "set state = excluded.state, load_id = excluded.load_id, moved_at = clock_timestamp()",
            [load_id],
        )
    connection.execute(
        "update ops.loads set status = 'published', published_at = clock_timestamp(), rows_changed = %s where load_id = %s",
        [changed, load_id],
    )
    connection.commit()
    return Published(load_id, changed, opened, closed)


def _exists(connection: psycopg.Connection[Any], load_id: int) -> bool:
    row = connection.execute("select to_regclass(%s)", [gate_table(load_id).as_string(connection)]).fetchone()
    return row is not None and row[0] is not None


def _merge(connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity) -> int:
    """One row per key, the newest version: by the source's own time of change, else the one that was sent last."""
    keys = sql.SQL(", ").join(map(sql.Identifier, entity.key))
    names = list(entity.fields)
    values = [
        sql.SQL("coalesce({}, {})").format(sql.Identifier(name), sql.SQL(field.default))
        if field.default is not None
        else sql.Identifier(name)
        for name, field in entity.fields.items()
    ]
    others = [name for name in names if name not in entity.key]
    current = sql.SQL("(current.{}, current.is_deleted)").format(
        sql.SQL(", current.").join(map(sql.Identifier, others))
    )
    incoming = sql.SQL("(excluded.{}, excluded.is_deleted)").format(
        sql.SQL(", excluded.").join(map(sql.Identifier, others))
    )
    cursor = connection.execute(
        sql.SQL(
            "insert into {raw} as current (source, {names}, _load_id) "
            "select distinct on ({keys}) {source}, {values}, {load_id} from {gate} as incoming "
            "where not exists (select 1 from {failures} as failed where failed.row_number = incoming.row_number) "
            "order by {keys}, incoming.changed_at desc nulls last, row_number desc "
            "on conflict (source, {keys}) do update set {assignments}, is_deleted = false, deleted_at = null, "
            "_load_id = excluded._load_id "
            "where (current.changed_at is null or excluded.changed_at is null or excluded.changed_at >= current.changed_at) "
            "and {current} is distinct from {incoming}"
        ).format(
            raw=sql.Identifier("raw", entity.name),
            names=sql.SQL(", ").join(map(sql.Identifier, names)),
            keys=keys,
            source=sql.Literal(source),
            values=sql.SQL(", ").join(values),
            load_id=sql.Literal(load_id),
            gate=gate_table(load_id),
            failures=failures_table(load_id),
            assignments=sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others
            ),
            current=current,
            incoming=incoming,
        )
    )
    return cursor.rowcount


def _key_text(entity: Entity, alias: str) -> sql.Composed:
    return sql.SQL("concat_ws('/', {})").format(
        sql.SQL(", ").join(sql.SQL("{}.{}::text").format(sql.SQL(alias), sql.Identifier(key)) for key in entity.key)
    )


def _judged(load_id: int, entity: Entity) -> sql.Composed:
    """The load's rows with their key, a fingerprint of what was sent, and the reasons against them (null for good rows)."""
    return sql.SQL(
        "select incoming.row_number, {key} as record_key, "
        "md5((to_jsonb(incoming) - array['row_number', '_file'])::text) as record_hash, failed.rules, failed.reasons, failed.waits "
        "from {gate} as incoming left join ("
        "select row_number, array_agg(rule order by rule) as rules, array_agg(reason order by rule) as reasons, "
        "bool_and(waits) as waits from {failures} group by row_number) as failed using (row_number)"
    ).format(key=_key_text(entity, "incoming"), gate=gate_table(load_id), failures=failures_table(load_id))


def _close_quarantine(connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity) -> int:
    """An entry ends when the same record comes again and passes, or comes again with something else wrong."""
    cursor = connection.execute(
        sql.SQL(
            "with judged as ({judged}) update ops.quarantine as entry set status = 'closed', closed_at = clock_timestamp(), "
            "closed_by_load_id = {load_id}, closing_note = 'a later version of the record came' "
            "where entry.status = 'open' and entry.source = {source} and entry.entity = {entity} and entry.load_id < {load_id} "
            "and exists (select 1 from judged where judged.record_key = entry.record_key) "
            "and not exists (select 1 from judged where judged.record_key = entry.record_key "
            "and judged.record_hash = entry.record_hash and judged.rules = entry.rules)"
        ).format(
            judged=_judged(load_id, entity),
            load_id=sql.Literal(load_id),
            source=sql.Literal(source),
            entity=sql.Literal(entity.name),
        )
    )
    return cursor.rowcount


def _open_quarantine(connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity) -> int:
    """One entry a failing row, closed at once where a later row of the same load brings the record right.

    The same row sent again with the same faults is the same entry still.
    """
    cursor = connection.execute(
        sql.SQL(
            "with judged as ({judged}), entries as (select judged.*, "
            "exists (select 1 from judged as better where better.record_key = judged.record_key and better.rules is null "
            "and better.row_number > judged.row_number) as is_corrected from judged where rules is not null) "
            "insert into ops.quarantine (source, entity, load_id, origin_load_id, row_number, record_key, record_hash, "
            "reasons, rules, waits_for_reference, status, closed_at, closed_by_load_id, closing_note) "
            "select {source}, {entity}, {load_id}, coalesce((select min(earlier.origin_load_id) from ops.quarantine as earlier "
            "where earlier.source = {source} and earlier.entity = {entity} and earlier.row_number = entries.row_number), "
            "{load_id}), row_number, record_key, record_hash, reasons, rules, waits, "
            "case when is_corrected then 'closed' else 'open' end, case when is_corrected then clock_timestamp() end, "
            "case when is_corrected then {load_id} end, "
            "case when is_corrected then 'a later row of the same load brought the record right' end "
            "from entries where not exists (select 1 from ops.quarantine as entry "
            "where entry.status = 'open' and entry.source = {source} and entry.entity = {entity} "
            "and entry.record_key is not distinct from entries.record_key and entry.record_hash = entries.record_hash "
            "and entry.rules = entries.rules)"
        ).format(
            judged=_judged(load_id, entity),
            source=sql.Literal(source),
            entity=sql.Literal(entity.name),
            load_id=sql.Literal(load_id),
        )
    )
    return cursor.rowcount
