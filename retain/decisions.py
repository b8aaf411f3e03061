"""What a person decides about rows in quarantine: released rows are published as they are, discarded ones never count.

A decision is about a version that was sent, and holds whenever the source sends that version again.
"""

import os
import pwd
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

import retain
from retain.config import Settings
from retain.entities import ENTITIES, Entity
from retain.errors import UserError
from retain.gate_rows import Selection, write_gate_table
from retain.landing import drop_gate_tables, gate_table, only_one_load
from retain.mapping import mapping_of
from retain.publish import take_in
from retain.quarantine import keep_out_none
from retain.reconciliation import of_entries, of_gate, reconciled
from retain.records import unfit_values
from retain.roles import LOADER
from retain.warehouse import connect

ENDINGS = {
    "closed": "it is closed: {note}",
    "released": "it was released by {who} ({why})",
    "discarded": "it was discarded by {who} ({why})",
}


@dataclass(frozen=True)
class Decided:
    """What a decision did: entries decided now, those that had been decided the same way before, rows of raw that changed."""

    entries: int
    decided_before: int
    rows_changed: int
    entities: frozenset[str]


@dataclass(frozen=True)
class Entry:
    """One row in quarantine, as far as deciding about it needs."""

    quarantine_id: int
    source: str
    entity: str
    origin_load_id: int
    row_number: int
    status: str
    closing_note: str | None
    reason: str | None
    decided_by: str | None


def os_user() -> str:
    """The account that this process runs as, by name where it has one."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def release(settings: Settings, quarantine_ids: Iterable[int], reason: str, decided_by: str | None = None) -> Decided:
    """Publish exactly these rows, as they were sent, past the row rules that held them.

    All of them or none, in one transaction. Raises UserError for a number that does not exist, an entry that has ended
    otherwise, and a row that raw cannot hold (a value that does not cast, a missing field); Refused when one of the
    entities is being loaded.
    """
    changed = 0
    with _deciding(settings, quarantine_ids, reason, "released") as (connection, todo, before):
        for (source, entity), entries in _by_entity(todo).items():
            load_id = _begin_release(connection, source, entity, len(entries), reason)
            changed += _publish(connection, settings, load_id, source, ENTITIES[entity], entries)
            _decide(connection, entries, "released", reason, decided_by or os_user(), load_id)
        connection.commit()
    return Decided(len(todo), before, changed, frozenset(entry.entity for entry in todo))


def discard(settings: Settings, quarantine_ids: Iterable[int], reason: str, decided_by: str | None = None) -> Decided:
    """End these entries: what was sent will not count, now or when it is sent again. Raises as `release` does."""
    with _deciding(settings, quarantine_ids, reason, "discarded") as (connection, todo, before):
        for (source, entity), entries in _by_entity(todo).items():
            ids = [entry.quarantine_id for entry in entries]
            row = connection.execute(
                "select max(load_id) from ops.quarantine where quarantine_id = any(%s)", [ids]
            ).fetchone()
            assert row is not None
            shape = ENTITIES[entity]
            with reconciled(connection, settings, source, shape, row[0], of_entries(shape, ids)):
                _decide(connection, entries, "discarded", reason, decided_by or os_user(), None)
        connection.commit()
    return Decided(len(todo), before, 0, frozenset(entry.entity for entry in todo))


@contextmanager
def _deciding(
    settings: Settings, quarantine_ids: Iterable[int], reason: str, decision: str
) -> Iterator[tuple[psycopg.Connection[Any], list[Entry], int]]:
    """A connection that holds every entity concerned, the entries still to decide, and how many were decided so before."""
    wanted = sorted(set(quarantine_ids))
    if not reason.strip():
        raise UserError(
            "A decision about quarantine needs a reason.", hint='--reason "…", as it will be read in a year.'
        )
    with connect(settings, LOADER) as connection, ExitStack() as locks:
        for source, entity in sorted({(e.source, e.entity) for e in _read(connection, wanted)}):
            locks.enter_context(only_one_load(connection, source, entity))
        entries = _read(connection, wanted)
        for entry in entries:
            if entry.status not in ("open", decision):
                ending = ENDINGS[entry.status].format(note=entry.closing_note, who=entry.decided_by, why=entry.reason)
                raise UserError(
                    f"Entry {entry.quarantine_id} cannot be {decision}: {ending}. Nothing was {decision}.",
                    hint=f"`retain quarantine show {entry.quarantine_id}` says more. A version that the source sends anew is judged anew.",
                )
        todo = [entry for entry in entries if entry.status == "open"]
        yield connection, todo, len(entries) - len(todo)


def _read(connection: psycopg.Connection[Any], wanted: list[int]) -> list[Entry]:
    rows = connection.execute(
        "select quarantine_id, source, entity, origin_load_id, row_number, status, closing_note, reason, decided_by "
        "from ops.quarantine left join ops.quarantine_decisions using (quarantine_id) "
        "where quarantine_id = any(%s) order by quarantine_id",
        [wanted],
    ).fetchall()
    unknown = sorted(set(wanted) - {row[0] for row in rows})
    if unknown:
        raise UserError(
            f"There is no entry {', '.join(map(str, unknown[:5]))} in quarantine.",
            hint="`retain quarantine` lists them.",
        )
    return [Entry(*row) for row in rows]


def _by_entity(entries: list[Entry]) -> dict[tuple[str, str], list[Entry]]:
    groups: dict[tuple[str, str], list[Entry]] = {}
    for name in ENTITIES:  # what is referred to first
        for entry in entries:
            if entry.entity == name:
                groups.setdefault((entry.source, name), []).append(entry)
    return groups


def _begin_release(connection: psycopg.Connection[Any], source: str, entity: str, rows: int, reason: str) -> int:
    row = connection.execute(
        "insert into ops.loads (source, entity, kind, status, rows_sent, landed_at, code_version, message) "
        "values (%s, %s, 'release', 'landed', %s, clock_timestamp(), %s, %s) returning load_id",
        [source, entity, rows, retain.__version__, f"released by a person: {reason}"],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _publish(
    connection: psycopg.Connection[Any],
    settings: Settings,
    load_id: int,
    source: str,
    entity: Entity,
    entries: list[Entry],
) -> int:
    rows: dict[int, list[int]] = {}
    for entry in entries:
        rows.setdefault(entry.origin_load_id, []).append(entry.row_number)
    selections = [Selection(origin, tuple(numbers)) for origin, numbers in rows.items()]
    write_gate_table(connection, settings, mapping_of(settings, source, entity.name), load_id, selections)
    _refuse_unfit(connection, load_id, entity, entries)
    keep_out_none(connection)
    zone = settings.business.timezone
    with reconciled(connection, settings, source, entity, load_id, of_gate(load_id, entity, zone)):
        changed = take_in(connection, settings, load_id, source, entity, "release")
        # Within the count: a record that was waiting is now in raw, and nowhere else.
        connection.execute(
            "update ops.quarantine set status = 'released' where quarantine_id = any(%s)",
            [[entry.quarantine_id for entry in entries]],
        )
    drop_gate_tables(connection, load_id)
    connection.execute(
        "update ops.loads set status = 'published', published_at = clock_timestamp(), rows_changed = %s where load_id = %s",
        [changed, load_id],
    )
    return changed


def _refuse_unfit(connection: psycopg.Connection[Any], load_id: int, entity: Entity, entries: list[Entry]) -> None:
    mapped = dict(
        connection.execute(
            sql.SQL("select row_number, {} from {} as incoming").format(
                unfit_values(entity, "incoming"), gate_table(load_id)
            )
        ).fetchall()
    )
    for entry in entries:
        if entry.row_number not in mapped:
            raise UserError(
                f"Entry {entry.quarantine_id} cannot be released: with the mapping that retain.yml has now, its row is none "
                f"of {entity.name}. Nothing was released.",
                hint="Load everything again (`retain load --full`): it is then judged as it is read now.",
            )
        if mapped[entry.row_number]:
            raise UserError(
                f"Entry {entry.quarantine_id} cannot be released: {'; '.join(mapped[entry.row_number])}. "
                "raw can only hold values that can be read. Nothing was released.",
                hint="Correct the record at its source, or discard the entry.",
            )


def _decide(
    connection: psycopg.Connection[Any],
    entries: list[Entry],
    decision: str,
    reason: str,
    decided_by: str,
    load_id: int | None,
) -> None:
    ids = [entry.quarantine_id for entry in entries]
    connection.execute(
        "insert into ops.quarantine_decisions (quarantine_id, decision, reason, decided_by, load_id) "
        "select unnest(%s::bigint[]), %s, %s, %s, %s",
        [ids, decision, reason.strip(), decided_by, load_id],
    )
    connection.execute(
        "update ops.quarantine set status = %(decision)s, closed_at = clock_timestamp(), closed_by_load_id = %(load_id)s, "
        "closing_note = %(note)s where quarantine_id = any(%(ids)s)",
        {"decision": decision, "load_id": load_id, "note": f"{decision} by {decided_by}: {reason.strip()}", "ids": ids},
    )
