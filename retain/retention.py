"""The retention policy of landing, off unless retain.yml sets it: the only thing that ever deletes what a source has sent.

It deletes versions that are older than `landing.keep_days` and that nothing needs: not raw (the version that a record has now
stays, so that a replay ends in the same bytes), not quarantine (a row with an open entry stays), not a person (a row that was
released or taken up stays). Where rows are grouped into records, a file stays whole for as long as one of its records is needed.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import ENTITIES
from retain.errors import RetainError
from retain.gate_rows import Selection, write_gate_table
from retain.landing import drop_gate_tables, gate_table, landing_table, only_one_load
from retain.mapping import Mapping, mapping_of
from retain.records import same_key
from retain.roles import LOADER
from retain.warehouse import connect

log = logging.getLogger(__name__)

EVERY = timedelta(days=7)
LAST_APPLIED = "landing_retention_applied_at"


@dataclass(frozen=True)
class Dropped:
    """What the policy did to one entity of one source."""

    source: str
    entity: str
    loads: int
    rows: int


def apply_if_due(settings: Settings) -> list[Dropped]:
    """Apply the policy once a week, if there is one. An entity that cannot be looked at now waits for the next time."""
    if settings.landing.keep_days is None:
        return []
    with connect(settings, LOADER) as connection:
        due = connection.execute(
            "insert into ops.settings (name, value) values (%(name)s, clock_timestamp()::text) on conflict (name) do update "
            "set value = excluded.value where ops.settings.value::timestamptz < clock_timestamp() - %(every)s returning 1",
            {"name": LAST_APPLIED, "every": EVERY},
        ).fetchone()
    return apply(settings) if due else []


def apply(settings: Settings, now: datetime | None = None) -> list[Dropped]:
    """Apply the policy now: what it deleted, an entry for each entity of which it deleted something."""
    if settings.landing.keep_days is None:
        return []
    dropped = []
    for name in ENTITIES:
        for source in settings.sources_of(name):
            try:
                one = _apply(settings, mapping_of(settings, source, name), settings.landing.keep_days, now)
            except RetainError as error:
                log.warning("Landing of %s from %s was not looked through: %s", name, source, error)
                continue
            if one.rows:
                dropped.append(one)
    return dropped


def _apply(settings: Settings, mapping: Mapping, keep_days: int, now: datetime | None) -> Dropped:
    """Oldest load first: what is left of a record's versions is then always its newest ones, wherever this is stopped."""
    source, entity = mapping.source, mapping.entity.name
    rows = loads = 0
    with connect(settings, LOADER) as connection, only_one_load(connection, source, entity):
        for load_id, is_published in _old_loads(connection, source, entity, keep_days, now):
            deleted = (
                _drop_unneeded(connection, settings, mapping, load_id)
                if is_published
                else connection.execute(
                    sql.SQL("delete from {} where _load_id = %s").format(landing_table(source, entity)), [load_id]
                ).rowcount
            )
            connection.execute(
                "update ops.loads set rows_dropped = coalesce(rows_dropped, 0) + %s, dropped_at = clock_timestamp() "
                "where load_id = %s and %s > 0",
                [deleted, load_id, deleted],
            )
            connection.commit()
            rows, loads = rows + deleted, loads + (deleted > 0)
    return Dropped(source, entity, loads, rows)


def _old_loads(
    connection: psycopg.Connection[Any], source: str, entity: str, keep_days: int, now: datetime | None
) -> list[tuple[int, bool]]:
    """Loads of which landing holds rows, older than the policy keeps. One that was not published stays while it is the last."""
    return connection.execute(
        "select load_id, status = 'published' from ops.loads as old where source = %(source)s and entity = %(entity)s "
        "and kind in ('incremental', 'full', 'backfill') and rows_sent > coalesce(rows_dropped, 0) "
        "and landed_at < coalesce(%(now)s, clock_timestamp()) - %(keep)s and (status = 'published' "
        "or status in ('refused', 'failed') and exists (select 1 from ops.loads as newer where newer.source = old.source "
        "and newer.entity = old.entity and newer.status = 'published' and newer.load_id > old.load_id)) "
        "order by published_at nulls first, load_id",
        {"source": source, "entity": entity, "keep": timedelta(days=keep_days), "now": now},
    ).fetchall()


def _drop_unneeded(connection: psycopg.Connection[Any], settings: Settings, mapping: Mapping, load_id: int) -> int:
    """Delete the load's rows that were held and are settled, or whose record raw has in a version of another load.

    A row that the mapping no longer reads, and one of a deleted record, cannot be told to be unneeded, and stay.
    """
    entity = mapping.entity
    write_gate_table(connection, settings, mapping, load_id, [Selection(load_id)])
    unneeded = sql.SQL(
        "select incoming.row_number, incoming._file, coalesce(case "
        "when exists (select 1 from ops.quarantine as entry where entry.source = {source} and entry.entity = {entity} "
        "and entry.row_number = incoming.row_number and entry.status = 'open') then false "
        "when exists (select 1 from ops.taken_up_rows as taken where taken.origin_load_id = {load_id} "
        "and taken.row_number = incoming.row_number) then false "
        "when held.row_number is not null then entry.status <> 'open' "
        "else current._load_id <> {load_id} and not current.is_deleted end, false) as is_unneeded "
        "from {gate} as incoming "
        "left join ops.held_rows as held on held.load_id = {load_id} and held.row_number = incoming.row_number "
        "left join ops.quarantine as entry on entry.quarantine_id = held.quarantine_id "
        "left join {raw} as current on current.source = {source} and {same}"
    ).format(
        source=sql.Literal(mapping.source),
        entity=sql.Literal(entity.name),
        load_id=sql.Literal(load_id),
        gate=gate_table(load_id),
        raw=sql.Identifier("raw", entity.name),
        same=same_key(entity, "current", "incoming"),
    )
    chosen = (
        "_file in (select _file from judged group by _file having bool_and(is_unneeded))"
        if mapping.group_by
        else "_row in (select row_number from judged where is_unneeded)"
    )
    deleted = connection.execute(
        sql.SQL("with judged as ({}) delete from {} where _load_id = {} and " + chosen).format(
            unneeded, landing_table(mapping.source, entity.name), sql.Literal(load_id)
        )
    ).rowcount
    drop_gate_tables(connection, load_id)
    return deleted
