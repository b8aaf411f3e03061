"""Who is meant by an account, an e-mail, a phone, a loyalty card or a customer_key."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.errors import UserError
from retain.identity import is_built
from retain.person.identifiers import CONTACTS, CUSTOMER_ID, digest, make_spelled, normal, use_key, write_spelled


@dataclass(frozen=True)
class Person:
    """One customer of the last build: the key, and the identities (`source:id`) with their accounts (source, id; not of guests)."""

    customer_key: UUID
    source_ids: tuple[str, ...]
    accounts: tuple[tuple[str, str], ...]


def find(connection: psycopg.Connection[Any], settings: Settings, name: str) -> Person:
    """The customer named by customer_key, `source:id`, e-mail, phone or card.

    Raises UserError, without repeating what was given, when it is nobody's in the last build, of several, or of somebody who
    was erased.
    """
    if not is_built(connection):
        raise UserError("No customer is known yet.", hint="`retain build` resolves who is one.")
    name = name.strip()
    use_key(connection, settings)
    make_spelled(connection)
    keys = _keys_of(connection, settings, name)
    gone = erased_on(connection, settings, name)
    if not keys and gone is not None:
        raise UserError(
            f"This person was erased on {gone:%Y-%m-%d}: there is nothing left that says who.",
            hint="`retain person prove` shows it.",
        )
    if not keys:
        raise UserError(
            "There is no such customer in the last build.",
            hint="Name one by source:id, e-mail, phone, loyalty card or customer_key; who came since is known after `retain build`.",
        )
    if len(keys) > 1:
        listed = ", ".join(sorted(map(str, keys)))
        raise UserError(
            f"That is an identifier of {len(keys)} customers: {listed}.",
            hint="Name one of them by customer_key; `retain identity show CUSTOMER_KEY` says who each is.",
        )
    key = keys.pop()
    if connection.execute("select 1 from ops.erased_identities where customer_key = %s", [key]).fetchone():
        raise UserError(f"Customer {key} is somebody who was erased: there is nothing left that says who.")
    return person_of(connection, key)


def person_of(connection: psycopg.Connection[Any], customer_key: UUID) -> Person:
    """The customer of that key, as the last build has it."""
    rows = connection.execute(
        "select source_id, source, customer_id from intermediate.int_customer_identities where customer_key = %s order by source_id",
        [customer_key],
    ).fetchall()
    accounts = tuple((row[1], row[2]) for row in rows if row[2] is not None)
    return Person(customer_key, tuple(row[0] for row in rows), accounts)


def _keys_of(connection: psycopg.Connection[Any], settings: Settings, name: str) -> set[UUID]:
    try:
        key: UUID | None = UUID(name)
    except ValueError:
        key = None
    found = connection.execute(
        "select distinct customer_key from intermediate.int_customer_identities where source_id = %s or customer_key = %s",
        [name, key],
    ).fetchall()
    if not found:
        said = dict(normals_of(connection, settings, name))
        found = connection.execute(
            "select distinct identities.customer_key from intermediate.int_customer_identities as identities "
            "join intermediate.int_identities as given using (source_id) "
            "left join intermediate.int_identity_links as links using (source_id) "
            "where given.email = %(email)s or given.e164 = %(phone)s or given.loyalty_card = %(loyalty_card)s "
            "or links.identifier = any(%(links)s)",
            {
                **{kind: said.get(kind) for kind in CONTACTS},
                "links": [f"{kind}:{value}" for kind, value in said.items()],
            },
        ).fetchall()
    return {row[0] for row in found}


def normals_of(connection: psycopg.Connection[Any], settings: Settings, name: str) -> list[tuple[str, str]]:
    """(kind, normalised value) of everything that a text may be: an account's number, an e-mail, a phone, a card."""
    write_spelled(connection, settings, {name} - _spelled(connection))
    source, _, number = name.partition(":")
    kinds: list[tuple[str, sql.Composable, sql.Composable]] = [
        (kind, sql.Literal(name), sql.Literal("")) for kind in CONTACTS
    ]
    if number:
        kinds.append((CUSTOMER_ID, sql.Literal(number), sql.Literal(source)))
    values = sql.SQL(", ").join(normal(kind, value, settings, of) for kind, value, of in kinds)
    row = connection.execute(sql.SQL("select {}").format(values)).fetchone()
    assert row is not None
    return [(kind, value) for (kind, _, _), value in zip(kinds, row, strict=True) if value]


def _spelled(connection: psycopg.Connection[Any]) -> set[str]:
    return {row[0] for row in connection.execute("select phone from pg_temp.spelled")}


def erased_on(connection: psycopg.Connection[Any], settings: Settings, name: str) -> datetime | None:
    """When somebody of that identifier was erased; the key must be in use."""
    for kind, value in normals_of(connection, settings, name):
        row = connection.execute(
            sql.SQL("select max(erased_at) from ops.erased_identifiers where kind = {} and digest = {}").format(
                sql.Literal(kind), digest(kind, sql.Literal(value))
            )
        ).fetchone()
        if row is not None and row[0] is not None:
            return row[0]  # type: ignore[no-any-return]
    return None
