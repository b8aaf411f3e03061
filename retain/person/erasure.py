"""Erase one person: every layer of the warehouse in one transaction, then the files of the state folder.

Orders stay, with their money and days, under a random key; so no figure changes. What is written is compared before the
transaction ends: a mart that does not add up to what it did undoes everything.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from retain import warehouse
from retain.config import Settings
from retain.decisions import os_user
from retain.errors import Refused, UserError
from retain.gate_rows import Selection, write_gate_table
from retain.landing import drop_gate_tables, gate_table, only_one_load
from retain.mapping import Mapping
from retain.person import built, register, searching, tables
from retain.person.finding import Person, find
from retain.person.identifiers import use_key
from retain.person.landing_rows import empty_rows, find_rows
from retain.person.searching import Names
from retain.person.seeking import SOUGHT, landed_mappings, seek
from retain.person.words import erase_from_reasons, erase_from_words
from retain.relations import checksum_of, tables_of
from retain.transform import only_one_build

# Of a mart, what an erasure changes: keys and names of identities, and the words of returns.
NOT_ADDED_UP = ("source_id", "joined_to_source_id", "example_source_id", "identifier_masked", "order_id", "reason")
NOT_COMPARED = ("win_back_candidates",)


@dataclass(frozen=True)
class Erased:
    """What an erasure did: rows by table, how many identifiers of each kind went, and how many stay because a crowd gave them.

    `shared`: identifiers that other customers gave too, and that stay with those; `reasons`: those given by hand for decisions
    about the person, which are gone whole; `files`: those of the state folder that were put right or deleted,
    `unreadable_files`: those that name the person and are no text.
    """

    erasure_id: int
    erased_at: datetime
    rows: dict[str, int]
    identifiers: dict[str, int]
    shared: int
    left: int
    reasons: int = 0
    files: list[Path] = field(default_factory=list)
    unreadable_files: list[Path] = field(default_factory=list)


def described(settings: Settings, name: str) -> tuple[int, int]:
    """How many accounts, and guests, the person named has: what is asked about before they are erased. Raises as `find` does."""
    with warehouse.connect(settings) as connection:
        person = find(connection, settings, name)
        connection.rollback()
    return len(person.accounts), len(person.source_ids) - len(person.accounts)


def erase(settings: Settings, name: str, reason: str, erased_by: str | None = None) -> Erased:
    """Erase the person named by customer_key, `source:id`, e-mail, phone or card, in every layer.

    Raises UserError as `find` does, and without a reason or with one that names the person; Refused while a load or a build is
    running, and when a mart would not add up to what it did. Nothing is changed then.
    """
    if not reason.strip():
        raise UserError("An erasure needs a reason.", hint='--reason "request of 3 March", without who made it.')
    with warehouse.connect(settings) as connection, nobody_else_at_work(connection, settings), connection.transaction():
        person = find(connection, settings, name)
        new_key = uuid4()
        done, names = erase_person(connection, settings, person, reason.strip(), erased_by or os_user(), new_key)
        register.note(connection, settings, done.erasure_id, new_key)
    files, unreadable = searching.replace_in_files(settings, names)
    let_go(settings, done.rows)
    return replace(done, files=files, unreadable_files=unreadable)


@contextmanager
def nobody_else_at_work(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[None]:
    """No load and no build until the context ends. Raises Refused when one is running."""
    pairs = [(source.name, entity) for source in settings.sources for entity in source.entities]
    with ExitStack() as held:
        for source, entity in sorted(pairs):
            held.enter_context(only_one_load(connection, source, entity))
        held.enter_context(only_one_build(connection))
        yield


def erase_person(
    connection: psycopg.Connection[Any],
    settings: Settings,
    person: Person,
    reason: str,
    erased_by: str,
    new_key: UUID,
    again: int | None = None,
) -> tuple[Erased, Names]:
    """Erase the person in the transaction that is open; returns what was done, and what to look for in files.

    `new_key`: what stands for the person from now on; `again`: the erasure on record that is done once more, with its
    pseudonyms. Raises as `erase` does.
    """
    check = use_key(connection, settings)
    seek(connection, settings, person, again)
    names = names_of(connection, person)
    pattern = names.in_words
    if pattern is not None and connection.execute("select %s ~* %s", [reason, pattern]).fetchone() == (True,):
        raise UserError("The reason names the person, and it stays on record.", hint="Say why without saying who.")
    before = checksum_of_marts(connection)
    rows = tables.erase_from_raw(connection, settings)
    built.name_what_was_built(connection, person, new_key)
    rows |= _erase_from_landing(connection, settings, names)
    reasons = tables.erase_from_decisions(connection, person.source_ids)
    rows |= tables.erase_from_keys(connection)
    rows |= built.erase_from_built(connection, person)
    built.erase_from_words(connection, new_key)
    for table, number in erase_from_words(connection, settings, names).items():
        rows[table] = rows.get(table, 0) + number
    after = checksum_of_marts(connection)
    if before != after:
        differing = sorted(name for name in before if before[name] != after.get(name))
        raise Refused(
            f"Nothing was erased: {', '.join(differing[:5])} would not add up to what it does now. This is a fault in Retain.",
            hint="Please report it.",
        )
    done = _record(connection, person, new_key, reason, erased_by, rows, check, json.dumps(before), json.dumps(after))
    return replace(done, reasons=reasons), names


def names_of(connection: psycopg.Connection[Any], person: Person) -> Names:
    """What the person is called by, in every spelling that was sent, where it is nobody else's; and their customer_key."""
    rows = connection.execute(
        "select kind in ('loyalty_card', 'order_id'), spelled from pg_temp.spellings join pg_temp.sought using (kind, normal) "
        "where recognises and kind <> 'customer_id' "
        "union select kind = 'loyalty_card', normal from pg_temp.sought where recognises or kind = 'customer_id'"
    ).fetchall()
    said = (text for is_code, text in rows if not is_code)
    return Names((str(person.customer_key), *said), tuple(text for is_code, text in rows if is_code))


def _erase_from_landing(connection: psycopg.Connection[Any], settings: Settings, names: Names) -> dict[str, int]:
    rows: dict[str, int] = {}
    for mapping in landed_mappings(connection, settings):
        table = f"landing.{mapping.source}__{mapping.entity.name}"
        if not find_rows(connection, settings, mapping, SOUGHT):
            continue
        connection.execute(
            "create temporary table emptied_rows on commit drop as select unnest(rows) as row_number from pg_temp.theirs"
        )
        rows[table] = empty_rows(connection, settings, mapping, SOUGHT)
        rows["ops.quarantine"] = rows.get("ops.quarantine", 0) + _erase_from_quarantine(connection, settings, mapping)
        erase_from_reasons(connection, mapping, names)
        connection.execute("drop table pg_temp.emptied_rows")
    return rows


def _erase_from_quarantine(connection: psycopg.Connection[Any], settings: Settings, mapping: Mapping) -> int:
    """What quarantine recognises a row by is made anew from the row as it is now, as a load would make it."""
    entries = connection.execute(
        "select origin_load_id, array_agg(distinct entry.row_number) from ops.quarantine as entry "
        "join pg_temp.emptied_rows using (row_number) where source = %s and entity = %s group by origin_load_id",
        [mapping.source, mapping.entity.name],
    ).fetchall()
    touched = 0
    for load_id, numbers in entries:
        write_gate_table(connection, settings, mapping, load_id, [Selection(load_id, tuple(numbers))])
        touched += tables.erase_from_quarantine(connection, mapping, gate_table(load_id))
        drop_gate_tables(connection, load_id)
    left = connection.execute(  # of a load that was judged and not published: it is judged again when it is
        "select load_id from ops.loads where status = 'validated' and source = %s and entity = %s",
        [mapping.source, mapping.entity.name],
    ).fetchall()
    for (load_id,) in left:
        drop_gate_tables(connection, load_id)
    return touched


def checksum_of_marts(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Mart to the checksum of its rows, in whatever order, without keys and names of identities."""
    found: dict[str, str] = {}
    for schema, table, columns in tables_of(connection, ("marts",)):
        if table not in NOT_COMPARED:
            kept = [
                name for name, kind in columns.items() if name not in NOT_ADDED_UP and kind not in ("uuid", "text[]")
            ]
            rows, checksum = checksum_of(connection, sql.Identifier(schema, table), kept)
            found[table] = f"{rows}:{checksum}"
    return found


def _record(
    connection: psycopg.Connection[Any],
    person: Person,
    new_key: UUID,
    reason: str,
    erased_by: str,
    rows: dict[str, int],
    check: bytes,
    before: str,
    after: str,
) -> Erased:
    """Write what proves the erasure, and what recognises the person when a source sends them again."""
    kinds = dict(
        connection.execute(
            "select kind, count(*) from pg_temp.sought where pseudonym is not null group by kind"
        ).fetchall()
    )
    counted = connection.execute(
        "select count(*) filter (where pseudonym is null), count(*) filter (where pseudonym is not null and not recognises) "
        "from pg_temp.sought"
    ).fetchone()
    assert counted is not None
    left, shared = counted
    touched = {table: number for table, number in sorted(rows.items()) if number}
    row = connection.execute(
        "insert into ops.erasures (erased_by, reason, accounts, identifiers, rows_touched, marts_before, marts_after, key_check) "
        "values (%s, %s, %s, %s, %s, md5(%s), md5(%s), %s) returning erasure_id, erased_at",
        [
            *(erased_by, reason, len(person.accounts), json.dumps({"removed": kinds, "shared": shared, "left": left})),
            *(json.dumps(touched), before, after, check),
        ],
    ).fetchone()
    assert row is not None
    connection.execute(
        "insert into ops.erased_identifiers as known (kind, digest, pseudonym, recognises, erased_at, erasure_id) "
        "select kind, digest, pseudonym, recognises, %s, %s from pg_temp.sought on conflict (kind, digest, pseudonym) do update "
        "set recognises = known.recognises or excluded.recognises, erased_at = excluded.erased_at, erasure_id = excluded.erasure_id",
        [row[1], row[0]],
    )
    connection.execute(
        "insert into ops.erased_orders select source, order_id from pg_temp.sought_orders on conflict do nothing"
    )
    connection.execute(
        "insert into ops.erased_identities select coalesce(texts.new, given.name), %s from unnest(%s::text[]) as given (name) "
        "left join pg_temp.texts on texts.old = given.name on conflict do nothing",
        [new_key, list(person.source_ids)],
    )
    return Erased(row[0], row[1], touched, kinds, shared, left)


def let_go(settings: Settings, rows: dict[str, int]) -> None:
    """Let the server reuse the room of the rows as they were: a page of its files holds them until then."""
    with warehouse.connect(settings, autocommit=True) as connection:
        for table in rows:
            connection.execute(sql.SQL("vacuum {}").format(sql.Identifier(*table.split(".", 1))))


@contextmanager
def looking(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection for a look that leaves nothing behind, the tables of `seek` included."""
    with warehouse.connect(settings) as connection:
        yield connection
        connection.rollback()
