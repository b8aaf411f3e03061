"""Publish a judged load: merge its good rows into `raw`, put the others in quarantine, move the cursor, all in one transaction."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from retain.beside import Beside, beside
from retain.config import Settings
from retain.entities import ENTITIES, Entity
from retain.errors import OutOfReach, Refused
from retain.gate import judge
from retain.landing import drop_gate_tables, failures_table, gate_table, only_one_load
from retain.logs import tell
from retain.phones import new_spellings, normalise
from retain.quarantine import KEPT_OUT, sort_out
from retain.raw_rows import fill, merge, raw_of
from retain.reconciliation import days_of_gate, is_cheaper_anew, lost_of_gate, of_gate, reconciled, recount
from retain.relations import exists
from retain.roles import LOADER
from retain.tiers import keep_tiers
from retain.versions import ASKS_FOR_WHAT_IS_NEW, is_newer
from retain.warehouse import connect

OF_EARLIER_LOADS = ("retry", "release")  # kinds of loads whose rows were landed by another one


@dataclass(frozen=True)
class Published:
    """What publishing did: rows of `raw` that are new or different, rows that went to quarantine, entries that closed."""

    load_id: int
    rows_changed: int
    rows_quarantined: int
    entries_closed: int


def publish_load(settings: Settings, load_id: int) -> Published:
    """Publish a validated load. Publishing twice, or being killed anywhere, ends in the same state.

    The gate's tables are not logged, so a server that died since has emptied them: the load is then judged again first.
    """
    done = _publish_if_whole(settings, load_id)
    if done is None:
        judge(settings, load_id).raise_if_refused()
        done = _publish_if_whole(settings, load_id)
    if done is None:
        raise OutOfReach(
            f"Load {load_id} was judged, and what was judged is gone again: the server keeps dying.",
            hint="Nothing of it was published. Run the same command again when the server stays up.",
        )
    return done


def _publish_if_whole(settings: Settings, load_id: int) -> Published | None:
    """None when the gate no longer holds what was judged."""
    with connect(settings, LOADER) as connection:
        row = connection.execute("select source, entity from ops.loads where load_id = %s", [load_id]).fetchone()
        connection.commit()
        if row is None:
            raise Refused(f"There is no load {load_id}.", hint="`retain loads` lists them.")
        source, entity = row
        with only_one_load(connection, source, entity):
            row = connection.execute(
                "select status, kind, coalesce(rows_changed, 0), coalesce(rows_accepted, 0), coalesce(rows_quarantined, 0) "
                "from ops.loads where load_id = %s",
                [load_id],
            ).fetchone()
            assert row is not None
            status, kind, changed, accepted, held = row
            if status == "published":
                return Published(load_id, changed, held, 0)
            if status != "validated":
                raise Refused(f"Load {load_id} is {status}: only a validated load can be published.")
            if not _is_whole(connection, load_id, accepted + held, held):
                return None
            return _publish(connection, settings, load_id, source, ENTITIES[entity], kind, accepted + held)


def _is_whole(connection: psycopg.Connection[Any], load_id: int, rows: int, failing: int) -> bool:
    """Whether the gate still holds what was judged. A server that died has emptied it: the table is whole, or holds nothing."""
    if not exists(connection, gate_table(load_id)):
        return rows == 0
    row = connection.execute(
        sql.SQL("select exists (select 1 from {}), (select count(distinct row_number) from {})").format(
            gate_table(load_id), failures_table(load_id)
        )
    ).fetchone()
    return row == (rows > 0, failing)


def _publish(
    connection: psycopg.Connection[Any],
    settings: Settings,
    load_id: int,
    source: str,
    entity: Entity,
    kind: str,
    rows: int,
) -> Published:
    changed = opened = closed = 0
    if exists(connection, gate_table(load_id)):
        zone = settings.business.timezone
        if is_cheaper_anew(connection, source, entity, rows):
            opened, closed = sort_out(connection, load_id, source, entity, zone)
            is_first = not _is_in_raw(connection, source, entity)
            with beside(settings, rows) as other:
                counted = other.run(lambda by: days_of_gate(by, load_id, entity, zone)) if other and is_first else None
                changed = take_in(connection, settings, load_id, source, entity, kind, is_large=True, beside=other)
                # Where nothing was, and as much is now as came, what came is what is in raw.
                raw_days = counted.result() if counted is not None and changed == rows else None
            # As many rows changed as were let in: each is a record of its own, and in raw. Nothing needs looking for.
            lost = None if changed == _let_in(connection, load_id) else lost_of_gate(load_id, source, entity, zone)
            recount(connection, settings, source, entity, load_id, of_source=True, lost=lost, raw_days=raw_days)
        else:
            with reconciled(connection, settings, source, entity, load_id, of_gate(load_id, entity, zone)):
                opened, closed = sort_out(connection, load_id, source, entity, zone)
                changed = take_in(connection, settings, load_id, source, entity, kind)
        drop_gate_tables(connection, load_id)
    if kind in ASKS_FOR_WHAT_IS_NEW:
        connection.execute(
            "insert into ops.cursors (source, entity, state, load_id) "
            "select source, entity, cursor_after, load_id from ops.loads where load_id = %s and cursor_after is not null "
            "on conflict (source, entity) do update "
            "set state = excluded.state, load_id = excluded.load_id, moved_at = clock_timestamp()",
            [load_id],
        )
    _note_configured(connection, settings)
    connection.execute(
        "update ops.loads set status = 'published', published_at = clock_timestamp(), rows_changed = %s where load_id = %s",
        [changed, load_id],
    )
    connection.commit()
    tell("published", load_id, source, entity.name, rows_changed=changed, rows_quarantined=opened)
    return Published(load_id, changed, opened, closed)


def take_in(
    connection: psycopg.Connection[Any],
    settings: Settings,
    load_id: int,
    source: str,
    entity: Entity,
    kind: str,
    *,
    is_large: bool = False,
    beside: Beside | None = None,
) -> int:
    """Merge what is in the gate and was not kept out into raw, and note which rows that were; returns rows changed.

    A session `beside` this one reads the gate, which is committed, while this one writes.
    """
    gate = gate_table(load_id)
    has_phones = "phone" in entity.fields
    found = beside.run(lambda by: new_spellings(by, gate)) if beside is not None and has_phones else None
    filled = fill(connection, load_id, source, entity) if is_large else None
    if filled is None:
        newer = is_newer(connection, settings, load_id, source, entity, kind)
        changed = merge(connection, load_id, source, entity, raw_of(entity), newer)
    else:
        changed = filled
    if has_phones:
        spellings = found.result() if found is not None else new_spellings(connection, gate)
        normalise(connection, spellings, settings.business.country)
    if "tier" in entity.fields:
        keep_tiers(connection, load_id, source)
    if kind in OF_EARLIER_LOADS:
        connection.execute(
            sql.SQL(
                "insert into ops.taken_up_rows (load_id, origin_load_id, row_number) "
                "select {load_id}, min(entry.origin_load_id), entry.row_number from ops.quarantine as entry "
                "join {gate} as incoming using (row_number) where entry.source = {source} and entry.entity = {entity} "
                "and not exists (select 1 from {kept_out} as kept where kept.row_number = entry.row_number) "
                "group by entry.row_number"
            ).format(
                load_id=sql.Literal(load_id),
                gate=gate,
                source=sql.Literal(source),
                entity=sql.Literal(entity.name),
                kept_out=KEPT_OUT,
            )
        )
    # A version that a person released passes although the gate names it, so the gate's counts are not the last word. What was
    # judged was counted; what a release takes up was not.
    connection.execute(
        sql.SQL(
            "update ops.loads set rows_quarantined = counted.held, rows_accepted = counted.rows - counted.held from "
            "(select coalesce((select rows_accepted + rows_quarantined from ops.loads where load_id = {load_id}), "
            "(select count(*) from {gate})) as rows, (select count(*) from {kept_out}) as held) as counted "
            "where load_id = {load_id}"
        ).format(gate=gate, kept_out=KEPT_OUT, load_id=sql.Literal(load_id))
    )
    return changed


def _is_in_raw(connection: psycopg.Connection[Any], source: str, entity: Entity) -> bool:
    query = sql.SQL("select exists (select 1 from {} where source = %s)").format(raw_of(entity))
    row = connection.execute(query, [source]).fetchone()
    return row is not None and bool(row[0])


def _let_in(connection: psycopg.Connection[Any], load_id: int) -> int:
    row = connection.execute("select rows_accepted from ops.loads where load_id = %s", [load_id]).fetchone()
    assert row is not None
    return int(row[0])


def _note_configured(connection: psycopg.Connection[Any], settings: Settings) -> None:
    """What retain.yml lists now: an entity that it no longer names must not hold back its source for ever."""
    pairs = [(source.name, entity) for source in settings.sources for entity in source.entities]
    listed = {"sources": [source for source, _ in pairs], "entities": [entity for _, entity in pairs]}
    connection.execute(
        "insert into ops.configured_entities select * from unnest(%(sources)s::text[], %(entities)s::text[]) "
        "on conflict do nothing",
        listed,
    )
    connection.execute(
        "delete from ops.configured_entities where (source, entity) not in "
        "(select * from unnest(%(sources)s::text[], %(entities)s::text[]))",
        listed,
    )
