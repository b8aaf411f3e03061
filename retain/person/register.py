"""The erasures, on record beside the warehouse too: in the state folder, so that a backup older than one of them brings nobody back."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from retain.config import Settings
from retain.errors import Refused

FILE = "erasures.jsonl"  # one line an erasure: what ops holds of it, nothing of the person
ENTRY = """
select (to_jsonb(one) - 'erasure_id') || jsonb_build_object(
    'customer_key', %(key)s::text,
    'known', (
        select jsonb_agg(to_jsonb(known) - 'erasure_id') from ops.erased_identifiers as known
        where known.erasure_id = one.erasure_id
    ),
    'orders', (select coalesce(jsonb_agg(to_jsonb(ours)), '[]') from pg_temp.sought_orders as ours),
    'identities', (select jsonb_agg(source_id) from ops.erased_identities where customer_key = %(key)s)
)
from ops.erasures as one
where one.erasure_id = %(erasure)s
"""
ENTER = (
    "insert into ops.erasures (erased_at, erased_by, reason, accounts, identifiers, rows_touched, marts_before, marts_after, key_check) "
    "select erased_at, erased_by, reason, accounts, identifiers, rows_touched, marts_before, marts_after, key_check "
    "from jsonb_populate_record(null::ops.erasures, %(entry)s::jsonb) returning erasure_id"
)
ENTER_WHAT_RECOGNISES = (
    "insert into ops.erased_identifiers as known (kind, digest, pseudonym, recognises, erased_at, erasure_id) "
    "select kind, digest, pseudonym, recognises, erased_at, %(erasure)s "
    "from jsonb_populate_recordset(null::ops.erased_identifiers, %(entry)s::jsonb -> 'known') "
    "on conflict (kind, digest, pseudonym) do update set recognises = known.recognises or excluded.recognises, "
    "erased_at = excluded.erased_at, erasure_id = excluded.erasure_id",
    "insert into ops.erased_orders select * from jsonb_populate_recordset(null::ops.erased_orders, %(entry)s::jsonb -> 'orders') "
    "on conflict do nothing",
    "insert into ops.erased_identities select jsonb_array_elements_text(%(entry)s::jsonb -> 'identities'), "
    "(%(entry)s::jsonb ->> 'customer_key')::uuid on conflict do nothing",
)
Entry = dict[str, Any]


def path_of(settings: Settings) -> Path:
    return settings.state_folder / FILE


def note(connection: psycopg.Connection[Any], settings: Settings, erasure_id: int, customer_key: UUID) -> None:
    """Add an erasure to the register, before its transaction ends: one too many there does no harm, one too few does."""
    row = connection.execute(ENTRY, {"key": customer_key, "erasure": erasure_id}).fetchone()
    assert row is not None
    path = path_of(settings)
    path.touch(mode=0o600)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row[0]) + "\n")
        file.flush()
        os.fsync(file.fileno())


def missing(connection: psycopg.Connection[Any], settings: Settings) -> list[Entry]:
    """What is in the register and not in this warehouse, oldest first. Raises Refused when the register cannot be read."""
    path = path_of(settings)
    if not path.exists():
        return []
    try:
        entries: list[Entry] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        moments = [entry["erased_at"] for entry in entries]
    except (ValueError, KeyError, TypeError):
        raise Refused(
            f"{path} is damaged: it says who was erased, and a line of it cannot be read.",
            hint="Put back a copy of it; without one, erase again whoever was erased since the backup.",
        ) from None
    absent = connection.execute(
        "select place from unnest(%s::timestamptz[]) with ordinality as noted (erased_at, place) "
        "where not exists (select 1 from ops.erasures where erasures.erased_at = noted.erased_at) order by noted.erased_at",
        [moments],
    ).fetchall()
    return [entries[place - 1] for (place,) in absent]


def enter(connection: psycopg.Connection[Any], entry: Entry) -> int:
    """Put an erasure of the register into ops, as it was: who is sent again from now on is recognised. Returns its number there."""
    values = {"entry": json.dumps(entry)}
    row = connection.execute(ENTER.encode(), values).fetchone()
    assert row is not None
    for statement in ENTER_WHAT_RECOGNISES:
        connection.execute(statement.encode(), {**values, "erasure": row[0]})
    return int(row[0])
