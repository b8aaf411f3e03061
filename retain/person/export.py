"""Everything that is held about one person, from every layer, as one document for them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import NAMING_SOMEBODY
from retain.landing import landing_table
from retain.outreach import write_for_owner
from retain.person.built import BUILT
from retain.person.erasure import looking, names_of
from retain.person.finding import Person, find
from retain.person.landing_rows import find_rows
from retain.person.searching import columns_with_text, files_naming, pattern_of
from retain.person.seeking import OF_THEM, SOUGHT, landed_mappings, naming_them, seek
from retain.relations import tables_of

Rows = list[dict[str, Any]]
OF_RAW = {
    **OF_THEM,
    "order_items": OF_THEM["orders"],
    "returns": OF_THEM["orders"],
    "customer_tiers": OF_THEM["customers"],
    "experiment_assignments": OF_THEM["customers"],
    "business_changes": "touched = 'customer' and (source, touched_value) in (select source, customer_id from pg_temp.accounts)",
    "phone_numbers": "e164 in (select normal from pg_temp.sought where kind = 'phone')",
}


def export(settings: Settings, name: str, path: Path | None) -> tuple[Path, dict[str, int]]:
    """Write what is held about the person named to a file that only its owner can read: (the file, rows by table).

    Without `path` below the state folder. Raises UserError as `retain.person.seeking.find` does, or when the file cannot be
    written.
    """
    with looking(settings) as connection:
        person = find(connection, settings, name)
        seek(connection, settings, person)
        held = _held(connection, settings, person)
        named = _named_in_words(connection, person, set(held))
        files = [str(file) for file in files_naming(settings, names_of(connection, person))]
    document = {
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "customer_key": str(person.customer_key),
        "identities": list(person.source_ids),
        "tables": {table: rows for table, rows in held.items() if rows},
        "named_in": {table: rows for table, rows in named.items() if rows},
        "files": files,
        "not_here": "Backups, the source systems, and files that were written elsewhere: no command of Retain reaches them.",
    }
    target = path or settings.state_folder / "persons" / f"{person.customer_key}.json"
    write_for_owner(target, json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n")
    return target, {table: len(rows) for table, rows in {**held, **named}.items() if rows}


def _held(connection: psycopg.Connection[Any], settings: Settings, person: Person) -> dict[str, Rows]:
    """Table to the rows that are about the person, as they are there."""
    held: dict[str, Rows] = {}
    for mapping in landed_mappings(connection, settings):
        if not find_rows(connection, settings, mapping, SOUGHT):
            continue
        source, entity = mapping.source, mapping.entity.name
        mine = "_row in (select unnest(rows) from pg_temp.theirs)"
        held[f"landing.{source}__{entity}"] = _rows(connection, landing_table(source, entity), mine)
        entries = _rows(
            connection,
            sql.Identifier("ops", "quarantine"),
            "source = %(source)s and entity = %(entity)s and row_number in (select unnest(rows) from pg_temp.theirs)",
            {"source": source, "entity": entity},
        )
        held["ops.quarantine"] = held.get("ops.quarantine", []) + entries
    numbers = [entry["quarantine_id"] for entry in held.get("ops.quarantine", [])]
    held["ops.quarantine_decisions"] = _rows(
        connection,
        sql.Identifier("ops", "quarantine_decisions"),
        "quarantine_id = any(%(numbers)s)",
        {"numbers": numbers},
    )
    held["ops.identity_decisions"] = _rows(
        connection,
        sql.Identifier("ops", "identity_decisions"),
        "source_ids && %(names)s",
        {"names": list(person.source_ids)},
    )
    for schema in ("raw", "history"):
        for table, mine in OF_RAW.items():
            if schema == "raw" or table not in ("customer_tiers", "phone_numbers"):
                held[f"{schema}.{table}"] = _rows(connection, sql.Identifier(schema, table), mine)
        for table in NAMING_SOMEBODY:
            held[f"{schema}.{table}"] = _rows(connection, sql.Identifier(schema, table), naming_them(settings, table))
    return held | _built(connection, person)


def _built(connection: psycopg.Connection[Any], person: Person) -> dict[str, Rows]:
    """What was derived: rows by customer_key, or by an identity, or by an order of the person."""
    names = {"key": person.customer_key, "names": list(person.source_ids)}
    held = {}
    for schema, table, columns in tables_of(connection, BUILT):
        mine = []
        if "customer_key" in columns:
            mine.append("customer_key = %(key)s")
        if "source_id" in columns and table != "int_identity_rulesets":
            mine.append("source_id = any(%(names)s)")
        if "customer_key" not in columns and {"source", "order_id"} <= columns.keys():
            mine.append("(source, order_id) in (select source, order_id from pg_temp.their_orders)")
        if mine:
            held[f"{schema}.{table}"] = _rows(connection, sql.Identifier(schema, table), " or ".join(mine), names)
    return held


def _named_in_words(connection: psycopg.Connection[Any], person: Person, known: set[str]) -> dict[str, Rows]:
    """Rows of ops and landing, beside those, in whose words the person is named: sentences, notes, lines that cannot be read."""
    names = names_of(connection, person)
    patterns = {"ops": names.in_words, "landing": pattern_of(names.said)}  # a card may be another's order number there
    found = {}
    for schema, table, columns in columns_with_text(connection, ("ops", "landing")):
        pattern = patterns[schema]
        if f"{schema}.{table}" not in known and pattern is not None:
            there = " or ".join(f'"{name}"::text ~* %(pattern)s' for name in columns)
            found[f"{schema}.{table}"] = _rows(connection, sql.Identifier(schema, table), there, {"pattern": pattern})
    return found


def _rows(
    connection: psycopg.Connection[Any],
    table: sql.Identifier,
    condition: LiteralString | sql.Composable,
    values: dict[str, Any] | None = None,
) -> Rows:
    mine = condition if isinstance(condition, sql.Composable) else sql.SQL(condition)
    rows = connection.execute(
        sql.SQL("select to_jsonb(one) from {} as one where {}").format(table, mine), values
    ).fetchall()
    return [row[0] for row in rows]
