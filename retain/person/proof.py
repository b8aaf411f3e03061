"""What is on record of erasures, and whether anything of somebody who asks is left anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from retain import warehouse
from retain.config import Settings
from retain.errors import UserError
from retain.person.erasure import looking
from retain.person.finding import erased_on, normals_of
from retain.person.identifiers import CARD, CUSTOMER_ID, EMAIL, PHONE, make_spelled, normal, use_key
from retain.person.landing_rows import ACCOUNT_SOURCE, OF_A_PERSON, account_source, map_landed
from retain.person.searching import SHORTEST, Names, files_naming, in_tables, with_pattern
from retain.person.seeking import landed_mappings
from retain.relations import tables_of

KEPT_BY_RETAIN = ("raw", "history", "intermediate", "marts", "outreach")


@dataclass(frozen=True)
class Proof:
    """When somebody of that identifier was erased, and where it stands all the same: rows by table and column, and files."""

    erased_at: datetime | None
    tables: dict[str, int]
    files: list[Path]

    @property
    def is_clean(self) -> bool:
        return not self.tables and not self.files


@dataclass(frozen=True)
class Record:
    """One row of ops.erasures."""

    erasure_id: int
    erased_at: datetime
    erased_by: str
    reason: str
    accounts: int
    identifiers: dict[str, Any]
    rows_touched: dict[str, int]


def prove(settings: Settings, name: str) -> Proof:
    """Look for an identifier (`source:id`, e-mail, phone or card) in every text of every table, and in the state folder's files.

    A card, and the bare number of an account, only where such a thing can stand: another's order number or amount may be the
    same. Raises UserError for one that is too short to be looked for.
    """
    name = name.strip()
    if len(name) < SHORTEST:
        raise UserError(
            f"A text of fewer than {SHORTEST} characters stands everywhere: it proves nothing.",
            hint="An account is named source:id.",
        )
    with looking(settings) as connection:
        use_key(connection, settings)
        make_spelled(connection)
        when = erased_on(connection, settings, name)
        said = dict(normals_of(connection, settings, name))
        if said.keys() & {EMAIL, PHONE} or _is_key(name):
            names = Names((name, *said.values()))
        elif CUSTOMER_ID in said:
            names = Names((name,))
        else:
            names = Names((), (name, *said.values()))
        found = in_tables(connection, names.said)
        if names.codes:
            found |= in_tables(connection, [f"{CARD}:{said[CARD]}"] if CARD in said else [])
            for place, number in with_pattern(connection, names.in_words, ("ops",)).items():
                found[place] = max(found.get(place, 0), number)
        for place, number in _where_they_stand(connection, settings, said):
            if number:
                found[place] = max(found.get(place, 0), number)
    return Proof(when, found, files_naming(settings, names))


def _is_key(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True


def _where_they_stand(
    connection: psycopg.Connection[Any], settings: Settings, said: dict[str, str]
) -> Iterator[tuple[str, int]]:
    """(table and column, rows) of cards and accounts, which are looked for in columns of their kind only."""
    card, (source, _, number) = said.get(CARD), said.get(CUSTOMER_ID, "").partition(":")
    for schema, table, columns in tables_of(connection, KEPT_BY_RETAIN):
        relation = sql.Identifier(schema, table)
        if card is not None and CARD in columns:
            same = sql.SQL("{} = {}").format(
                normal(CARD, sql.Identifier(CARD), settings, sql.Literal("")), sql.Literal(card)
            )
            yield f"{schema}.{table}.{CARD}", _count(connection, relation, same)
        if number and columns.keys() >= {"source", CUSTOMER_ID}:
            same = sql.SQL("source = {} and customer_id = {}").format(sql.Literal(source), sql.Literal(number))
            yield f"{schema}.{table}.{CUSTOMER_ID}", _count(connection, relation, same)
    for mapping in landed_mappings(connection, settings):
        fields, _ = OF_A_PERSON[mapping.entity.name]
        wanted = [field for field in (CARD, CUSTOMER_ID) if field in fields and said.get(field)]
        if not wanted:
            continue
        rows = [*fields, *([ACCOUNT_SOURCE] if ACCOUNT_SOURCE in mapping.entity.fields else [])]
        map_landed(connection, settings, mapping, rows)
        for field in wanted:
            value = normal(field, sql.SQL("said.{}").format(sql.Identifier(field)), settings, account_source(mapping))
            same = sql.SQL("{} = {}").format(value, sql.Literal(said[field]))
            table = f"landing.{mapping.source}__{mapping.entity.name}"
            yield f"{table}.{field}", _count(connection, sql.SQL("pg_temp.said as said"), same)
    if number:
        for table, named in (
            ("quarantine", "record_key = {}"),
            ("alerts", "{} = any(keys)"),
        ):
            theirs = sql.SQL("source = {} and entity = 'customers' and " + named).format(
                sql.Literal(source), sql.Literal(number)
            )
            yield f"ops.{table}", _count(connection, sql.Identifier("ops", table), theirs)


def _count(connection: psycopg.Connection[Any], relation: sql.Composable, condition: sql.Composable) -> int:
    row = connection.execute(sql.SQL("select count(*) from {} where {}").format(relation, condition)).fetchone()
    assert row is not None
    return int(row[0])


def records(settings: Settings) -> list[Record]:
    """The erasures, oldest first."""
    with warehouse.connect(settings) as connection:
        rows = connection.execute(
            "select erasure_id, erased_at, erased_by, reason, accounts, identifiers, rows_touched from ops.erasures order by 1"
        ).fetchall()
    return [Record(*row) for row in rows]
