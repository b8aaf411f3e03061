"""How the days add up: per source, entity and business day, the records that were sent, and where each of them is.

A record is in raw, or a version of it waits in quarantine, or what was sent of it was discarded. `difference` counts what was
sent and is nowhere. Each change touches only the records that it is about: their places before and after are counted by
day, and the differences added to `ops.reconciliation` in the transaction of the change.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import Entity
from retain.landing import gate_table
from retain.records import day_of, key_values, keys_of, same_key

Days = list[tuple[date | None, int]]  # a business day, and how many records are of it
PLACES = ("raw", "quarantined", "discarded")

# From so many rows, and so large a part of raw, counting everything anew is cheaper than counting what is touched.
MANY_ROWS, LARGE_PART = 50_000, 0.1


def of_gate(load_id: int, entity: Entity, timezone: str) -> sql.Composed:
    """The records that the source sends in a load, as `reconciled` takes them."""
    return sql.SQL(
        "select {keys}, min({day}) as sent_day, not bool_or(incoming.is_deleted) as is_sent from {gate} as incoming "
        "where {present} group by {keys}"
    ).format(
        keys=keys_of(entity, "incoming"),
        day=day_of(entity, "incoming", timezone),
        gate=gate_table(load_id),
        present=sql.SQL("({}) is not null").format(key_values(entity, "incoming")),
    )


def of_entries(entity: Entity, quarantine_ids: list[int]) -> sql.Composed:
    """The records of entries in quarantine, as `reconciled` takes them."""
    return sql.SQL(
        "select distinct {keys}, null::date as sent_day, false as is_sent from ops.quarantine "
        "where quarantine_id = any({ids}) and key_values is not null"
    ).format(keys=keys_from_text(entity, "key_values"), ids=sql.Literal(quarantine_ids))


def keys_from_text(entity: Entity, values: str) -> sql.Composed:
    """The columns of the key, typed, out of a text[]."""
    return sql.SQL(", ").join(
        sql.SQL("({}[{}])::{} as {}").format(
            sql.SQL(values), sql.Literal(n), sql.SQL(entity.fields[name].sql_type), sql.Identifier(name)
        )
        for n, name in enumerate(entity.key, 1)
    )


@contextmanager
def reconciled(
    connection: psycopg.Connection[Any],
    settings: Settings,
    source: str,
    entity: Entity,
    load_id: int,
    touched: sql.Composable,
) -> Iterator[None]:
    """Around a change: count where the touched records were, and where they are afterwards.

    `touched` selects the key's columns, `sent_day` and `is_sent`, one row a record. `is_sent` says that the source has just
    sent it: if it is nowhere afterwards, it is lost; a record that was not sent is then gone.
    """
    zone = settings.business.timezone
    connection.execute("drop table if exists pg_temp.touched, pg_temp.places_before")
    connection.execute(sql.SQL("create temporary table touched on commit drop as {}").format(touched))
    connection.execute("analyze touched")
    before = _places(source, entity, zone, is_before=True)
    connection.execute(sql.SQL("create temporary table places_before on commit drop as {}").format(before))
    yield
    if _was_counted_otherwise(connection, source, entity, zone):
        recount(connection, settings, source, entity, load_id, of_source=True)
        return
    connection.execute(
        sql.SQL(
            "with counted as (select day, place, records from ({after}) as places_after "
            "union all select day, place, -records from places_before), "
            "changes as (select day, coalesce(sum(records) filter (where place = 'sent'), 0) as sent, {sums} "
            "from counted group by day) "
            "insert into ops.reconciliation as known (source, entity, day, source_records, {columns}, timezone, load_id) "
            "select {source}, {entity}, day, sent, {places}, {zone}, {load_id} from changes "
            "where (sent, {places}) is distinct from (0, 0, 0, 0) "
            "on conflict (source, entity, day) do update set "
            "source_records = known.source_records + excluded.source_records, {added}, "
            "load_id = excluded.load_id, reconciled_at = clock_timestamp()"
        ).format(
            after=_places(source, entity, zone, is_before=False),
            added=_each("{0} = known.{0} + excluded.{0}"),
            **_parts(source, entity, zone, load_id),
        )
    )


def recount(
    connection: psycopg.Connection[Any],
    settings: Settings,
    source: str,
    entity: Entity,
    load_id: int,
    *,
    of_source: bool = False,
    lost: sql.Composable | None = None,
    raw_days: Days | None = None,
) -> None:
    """Count what is in raw and quarantine from the beginning; what the source sent stays as it was counted when it did.

    That is how a record that went missing from raw shows as a difference. `of_source` takes what there is, and what
    `lost` selects (day, records), for what was sent: for a load of nearly everything (see `is_cheaper_anew`), and for when
    the shop's days have come to begin at another hour. `raw_days` are the days of raw, for who has counted them.
    """
    zone = settings.business.timezone
    if raw_days is None:
        raw_days = _days(
            connection,
            sql.SQL("select {day} as day from {raw} as held where source = {source} and not is_deleted").format(
                day=day_of(entity, "held", zone), raw=sql.Identifier("raw", entity.name), source=sql.Literal(source)
            ),
        )
    connection.execute("drop table if exists pg_temp.raw_days")
    connection.execute("create temporary table raw_days (day date, records bigint) on commit drop")
    with connection.cursor().copy("copy raw_days from stdin") as copy:
        for day_and_records in raw_days:
            copy.write_row(day_and_records)
    if of_source:
        connection.execute("delete from ops.reconciliation where source = %s and entity = %s", [source, entity.name])
    connection.execute(
        sql.SQL(
            "with entries as ({entries}), counted as (select day, 'raw' as place, records from raw_days "
            "union all select entries.day, entries.place, count(*) from entries where not exists ("
            "select 1 from {raw} as held where held.source = {source} and not held.is_deleted and {is_key}) "
            "group by entries.day, entries.place union all {keyless} union all {lost}), "
            "days as (select day, {sums}, coalesce(sum(records), 0) as sent from counted group by day union all "
            "select day, {zeros}, 0 from ops.reconciliation as known where source = {source} and entity = {entity} "
            "and not exists (select 1 from counted where counted.day is not distinct from known.day)) "
            "insert into ops.reconciliation as known (source, entity, day, source_records, {columns}, timezone, load_id) "
            "select {source}, {entity}, day, {sent}, {places}, {zone}, {load_id} from days "
            "on conflict (source, entity, day) do update set {replaced}, "
            "load_id = excluded.load_id, reconciled_at = clock_timestamp()"
        ).format(
            entries=_entries(source, entity),
            raw=sql.Identifier("raw", entity.name),
            is_key=sql.SQL(" and ").join(
                sql.SQL("held.{} = (entries.key_values[{}])::{}").format(
                    sql.Identifier(name), sql.Literal(n), sql.SQL(entity.fields[name].sql_type)
                )
                for n, name in enumerate(entity.key, 1)
            ),
            keyless=_keyless(source, entity),
            zeros=sql.SQL(", ").join(sql.SQL("0") for _ in PLACES),
            lost=lost or sql.SQL("select null, 'lost', 0 where false"),
            sent=sql.SQL("sent" if of_source else "0"),
            replaced=_each("{0} = excluded.{0}"),
            **_parts(source, entity, zone, load_id),
        )
    )


def days_of_gate(connection: psycopg.Connection[Any], load_id: int, entity: Entity, timezone: str) -> Days:
    """How many rows of a load that is in the gate are of each day, without records that were deleted at the source."""
    day, gate = day_of(entity, "incoming", timezone), gate_table(load_id)
    return _days(connection, sql.SQL("select {} as day from {} as incoming where not is_deleted").format(day, gate))


def _days(connection: psycopg.Connection[Any], each: sql.Composable) -> Days:
    """By a query of its own, because the server counts with more than one worker only where nothing is written."""
    return connection.execute(sql.SQL("select day, count(*) from ({}) as counted group by day").format(each)).fetchall()


def is_cheaper_anew(connection: psycopg.Connection[Any], source: str, entity: Entity, rows: int) -> bool:
    """Whether a load of so many rows is better counted by `recount`: it is large, and nothing is missing from before."""
    row = connection.execute(
        "select greatest(reltuples, 0) * %s <= %s and not exists (select 1 from ops.reconciliation "
        "where source = %s and entity = %s and difference <> 0) from pg_class where oid = %s::regclass",
        [LARGE_PART, rows, source, entity.name, f"raw.{entity.name}"],
    ).fetchone()
    return rows >= MANY_ROWS and row is not None and bool(row[0])


def lost_of_gate(load_id: int, source: str, entity: Entity, timezone: str) -> sql.Composed:
    """(day, 'lost', records) of a load that is in the gate and was published: what it holds and is nowhere."""
    return sql.SQL(
        "select sent_day, 'lost', count(*) from (select min({day}) as sent_day from {gate} as incoming "
        "where ({values}) is not null and not incoming.is_deleted and not exists (select 1 from {raw} as held where held.source = {source} "
        "and not held.is_deleted and {same}) and not exists (select 1 from entries where entries.key_values = {values}) "
        "group by {keys}) as lost group by 1"
    ).format(
        day=day_of(entity, "incoming", timezone),
        gate=gate_table(load_id),
        values=key_values(entity, "incoming"),
        raw=sql.Identifier("raw", entity.name),
        source=sql.Literal(source),
        same=same_key(entity, "held", "incoming"),
        keys=keys_of(entity, "incoming"),
    )


def _parts(source: str, entity: Entity, zone: str, load_id: int) -> dict[str, sql.Composable]:
    return {
        "sums": sql.SQL(", ").join(
            sql.SQL("coalesce(sum(records) filter (where place = {}), 0) as {}").format(
                sql.Literal(place), sql.Identifier(place)
            )
            for place in PLACES
        ),
        "places": sql.SQL(", ").join(map(sql.Identifier, PLACES)),
        "columns": _each("{0}"),
        "source": sql.Literal(source),
        "entity": sql.Literal(entity.name),
        "zone": sql.Literal(zone),
        "load_id": sql.Literal(load_id),
    }


def _each(template: str) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(template).format(sql.Identifier(f"{place}_records")) for place in PLACES)


def _was_counted_otherwise(connection: psycopg.Connection[Any], source: str, entity: Entity, zone: str) -> bool:
    row = connection.execute(
        "select exists (select 1 from ops.reconciliation where source = %s and entity = %s and timezone <> %s)",
        [source, entity.name, zone],
    ).fetchone()
    return row is not None and bool(row[0])


def _places(source: str, entity: Entity, zone: str, *, is_before: bool) -> sql.Composed:
    """(day, place, records) of the touched records, and of every row that is nobody's version for want of a key."""
    sent = "placed.place is not null" if is_before else "placed.place is not null or placed.is_sent"
    return sql.SQL(
        "with entries as ({entries}), placed as materialized (select touched.sent_day, touched.is_sent, "
        "case when held.source is not null then 'raw' else entries.place end as place, "
        "case when held.source is not null then {day} else entries.day end as day "
        "from touched left join {raw} as held on held.source = {source} and not held.is_deleted and {same_key} "
        "left join entries on entries.key_values = {keys}), keyless as ({keyless}) "
        "select day, place, count(*) as records from placed where place is not null group by day, place "
        "union all select case when place is null then sent_day else day end, 'sent', count(*) from placed "
        "where {sent} group by 1 "
        "union all select day, place, records from keyless union all select day, 'sent', records from keyless"
    ).format(
        entries=_entries(source, entity),
        keyless=_keyless(source, entity),
        day=day_of(entity, "held", zone),
        raw=sql.Identifier("raw", entity.name),
        source=sql.Literal(source),
        same_key=same_key(entity, "held", "touched"),
        keys=key_values(entity, "touched"),
        sent=sql.SQL(sent),
    )


def _entries(source: str, entity: Entity) -> sql.Composed:
    """One row a record that has an open or a discarded entry: an open one counts first, then the newest."""
    return sql.SQL(
        "select distinct on (key_values) key_values, day, "
        "case status when 'open' then 'quarantined' else 'discarded' end as place from ops.quarantine "
        "where source = {} and entity = {} and status in ('open', 'discarded') and key_values is not null "
        "order by key_values, status = 'open' desc, quarantine_id desc"
    ).format(sql.Literal(source), sql.Literal(entity.name))


def _keyless(source: str, entity: Entity) -> sql.Composed:
    """Rows without a key are each a record of their own, for as long as their entry is open or discarded."""
    return sql.SQL(
        "select day, case status when 'open' then 'quarantined' else 'discarded' end as place, count(*) as records "
        "from ops.quarantine where source = {} and entity = {} and status in ('open', 'discarded') and key_values is null "
        "group by 1, 2"
    ).format(sql.Literal(source), sql.Literal(entity.name))
