"""Who is meant, by any of their identifiers, and everything that they are known by in the warehouse."""

from typing import Any, LiteralString

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import ENTITIES
from retain.landing import landing_table
from retain.mapping import Mapping, mapping_of
from retain.person.finding import Person
from retain.person.identifiers import (
    CARD,
    CONTACTS,
    CUSTOMER_ID,
    EMAIL,
    ORDER_ID,
    PHONE,
    digest,
    make_spelled,
    normal,
    pseudonym,
    spell,
)
from retain.person.landing_rows import (
    ACCOUNT_SOURCE,
    OF_A_PERSON,
    ORDER_SOURCE,
    Known,
    find_rows,
)
from retain.person.named_more import NAME_MORE, new_identifiers, note_orders, tells_whose
from retain.relations import exists

SOUGHT = Known(sql.Identifier("pg_temp", "sought"), sql.Identifier("pg_temp", "sought_orders"))
OF_THEM = {
    "customers": "(source, customer_id) in (select source, customer_id from pg_temp.accounts)",
    "orders": "(source, order_id) in (select source, order_id from pg_temp.their_orders)",
}
COLUMNS = {EMAIL: "email", PHONE: "e164", CARD: "loyalty_card"}
TABLES = """
create temporary table given_before (
    kind text, digest bytea, pseudonym text not null, primary key (kind, digest)
) on commit drop;
create temporary table sought (
    kind text not null, digest bytea not null, pseudonym text, recognises boolean not null, erased_at timestamptz not null,
    erasure_id bigint, normal text not null, primary key (kind, digest)
) on commit drop;
create temporary table sought_orders (source text, order_id text, primary key (source, order_id)) on commit drop;
create temporary table spellings (kind text, normal text, spelled text, primary key (kind, spelled)) on commit drop;
create temporary table accounts (
    source text, customer_id text, pseudonym text, primary key (source, customer_id)
) on commit drop;
create temporary table their_orders (
    source text, order_id text, is_guests boolean not null, primary key (source, order_id)
) on commit drop;
"""
ORDERS = """
insert into pg_temp.their_orders
select placed.source, placed.order_id, bool_or(placed.is_guests) from (
    select orders.source, orders.order_id, false as is_guests
    from raw.orders as orders
    join pg_temp.accounts as accounts
        on accounts.source = orders.source and accounts.customer_id = btrim(orders.customer_id)
    union all
    select orders.source, orders.order_id, true
    from intermediate.int_orders_dated as orders
    join intermediate.int_customer_identities as identities
        on identities.source = orders.source and identities.identity_reference = orders.identity_reference
    where identities.customer_key = %(key)s and identities.is_guest
) as placed
group by placed.source, placed.order_id
on conflict do nothing
"""


def seek(connection: psycopg.Connection[Any], settings: Settings, person: Person, again: int | None = None) -> None:
    """Make pg_temp.sought, accounts, their_orders and sought_orders: what the person is known by, in every layer.

    Beginning with the accounts and the orders that the last build knows, then what history, raw and landing name with them.
    Pseudonyms are new, but those of accounts and orders that were erased before, and those of the erasure done `again`: by
    another's, somebody who came back and was erased once more would become one with whom they had been.
    """
    connection.execute(TABLES.encode())
    connection.execute(
        "insert into pg_temp.given_before select kind, digest, pseudonym from ops.erased_identifiers "
        "where pseudonym is not null and (kind in (%s, %s) or erasure_id = %s) on conflict do nothing",
        [CUSTOMER_ID, ORDER_ID, again],
    )
    drawn = sorted(
        pseudonym(CUSTOMER_ID) for _ in person.accounts
    )  # in the order of the numbers: what is first stays first
    for (source, number), stands in zip(sorted(person.accounts, key=_in_bytes), drawn, strict=True):
        kept = _add(connection, CUSTOMER_ID, f"{source}:{number}", recognises=True, stands=stands)
        connection.execute("insert into pg_temp.accounts values (%s, %s, %s)", [source, number, kept])
    connection.execute(ORDERS, {"key": person.customer_key})
    make_spelled(connection)
    for schema in ("raw", "history"):
        for entity, mine in OF_THEM.items():
            _add_from(connection, settings, person, sql.Identifier(schema, entity), mine)
    told = {source for source in settings.sources_of("orders") if tells_whose(mapping_of(settings, source, "orders"))}
    for source, number in connection.execute("select source, order_id from pg_temp.their_orders").fetchall():
        kept = _add(connection, ORDER_ID, f"{source}:{number}", recognises=True) if source in told else number
        connection.execute("insert into pg_temp.sought_orders values (%s, %s) on conflict do nothing", [source, kept])
    while any(
        _look_in_landing(connection, settings, person, mapping) for mapping in landed_mappings(connection, settings)
    ):
        pass  # what a row names besides may be what another is known by


def source_of(field: LiteralString) -> LiteralString:
    """The source whose account, or whose order, a row of raw or history, as `one`, names: the one said in `field`, or its own."""
    return f"coalesce(nullif(btrim(one.{field}), ''), one.source)"


def naming_them(settings: Settings, entity: str) -> sql.Composed:
    """The condition on rows of raw or history, as `one`, that name somebody: their account, or, of no other that is known, what
    they gave, or an order of theirs. The numbers of raw and history are in raw.phone_numbers in every spelling."""
    given: list[sql.Composable] = [
        sql.SQL("{} in (select normal from pg_temp.sought where kind = {} and recognises)").format(
            normal(kind, sql.SQL("one.{}").format(sql.Identifier(kind)), settings, sql.Literal("")), sql.Literal(kind)
        )
        for kind in (EMAIL, CARD)
    ]
    given.append(
        sql.SQL(
            "one.phone in (select spelled.phone from raw.phone_numbers as spelled join pg_temp.sought as ours "
            "on ours.kind = 'phone' and ours.normal = spelled.e164 where ours.recognises)"
        )
    )
    own = source_of(ACCOUNT_SOURCE)
    of_orders = (
        f"({source_of(ORDER_SOURCE)}, btrim(one.order_id)) in (select source, order_id from pg_temp.their_orders)"
    )
    return sql.SQL(
        "(({own}, btrim(one.customer_id)) in (select source, customer_id from pg_temp.accounts) or (({given}) and not exists "
        "(select 1 from raw.customers as known where known.source = {own} and known.customer_id = one.customer_id))"
        + (f" or {of_orders})" if ORDER_SOURCE in ENTITIES[entity].fields else ")")
    ).format(own=sql.SQL(own), given=sql.SQL(" or ").join(given))


def landed_mappings(connection: psycopg.Connection[Any], settings: Settings) -> list[Mapping]:
    """The mapping of every entity of which landing holds something that may be a person's, what is referred to first."""
    return [
        mapping_of(settings, source, entity)
        for entity in ENTITIES
        if entity in OF_A_PERSON
        for source in settings.sources_of(entity)
        if exists(connection, landing_table(source, entity))
    ]


def _look_in_landing(connection: psycopg.Connection[Any], settings: Settings, person: Person, mapping: Mapping) -> bool:
    """Add what the rows of landing that are the person's name besides; whether there was anything."""
    if mapping.entity.name not in NAME_MORE or not find_rows(connection, settings, mapping, SOUGHT):
        return False
    found = new_identifiers(connection, settings, mapping, SOUGHT)
    for kind in (CUSTOMER_ID, *CONTACTS, *({ORDER_ID} & {kind for kind, *_ in found})):
        field = sql.SQL("said.{}").format(sql.Identifier(kind))
        value = normal(kind, field, settings, sql.Literal(mapping.source))
        said = sql.SQL("select distinct {}, {} from pg_temp.theirs as said").format(value, field)
        _add_all(connection, settings, person, kind, said)
    if mapping.entity.name == "orders":
        connection.execute(note_orders(settings, mapping, SOUGHT))
        connection.execute(  # also those that came since the last build
            "insert into pg_temp.their_orders select distinct orders.source, orders.order_id, orders.customer_id is null "
            "from pg_temp.theirs as said join raw.orders as orders on orders.source = %s and orders.order_id = said.order_id "
            "on conflict do nothing",
            [mapping.source],
        )
    return bool(found)


def _add_from(
    connection: psycopg.Connection[Any], settings: Settings, person: Person, table: sql.Identifier, mine: str
) -> None:
    spell(connection, settings, sql.SQL("select phone from {} where " + mine).format(table))
    for kind in CONTACTS:
        value = normal(kind, sql.SQL("one.{}").format(sql.Identifier(kind)), settings, sql.Literal(""))
        _add_all(
            connection,
            settings,
            person,
            kind,
            sql.SQL("select distinct {}, {} from {} as one where " + mine).format(value, sql.Identifier(kind), table),
        )


def _add_all(
    connection: psycopg.Connection[Any], settings: Settings, person: Person, kind: str, said: sql.Composed
) -> None:
    """Add what `said`, a select of normalised values and their spellings, gives."""
    for value, spelled in connection.execute(said).fetchall():
        if value is not None:
            _add_one(connection, settings, person, kind, value)
            connection.execute(
                "insert into pg_temp.spellings values (%s, %s, %s) on conflict do nothing",
                [kind, value, spelled.strip()],
            )


def _add_one(connection: psycopg.Connection[Any], settings: Settings, person: Person, kind: str, value: str) -> None:
    """An identifier that was not known yet: replaced, recognised if it is nobody else's, left where it is if it is a crowd's."""
    if kind == CUSTOMER_ID:  # an account that no build has seen: it came late, or waits in quarantine
        source, _, number = value.partition(":")
        stands = _add(connection, kind, value, recognises=True)
        connection.execute(
            "insert into pg_temp.accounts values (%s, %s, %s) on conflict do nothing", [source, number, stands]
        )
        return
    if kind == ORDER_ID:
        _add(connection, kind, value, recognises=True)
        return
    if connection.execute("select 1 from pg_temp.sought where kind = %s and normal = %s", [kind, value]).fetchone():
        return
    column = sql.Identifier(COLUMNS[kind])
    row = connection.execute(
        sql.SQL(
            "select exists (select 1 from intermediate.int_identity_links where identifier = {link} and is_blocked), "
            "exists (select 1 from intermediate.int_identities as other where other.{column} = {value} and other.source_id <> all({mine})) "
            "or exists (select 1 from intermediate.int_orders_dated as other where other.{column} = {value} "
            "and not exists (select 1 from pg_temp.their_orders as ours where ours.source = other.source "
            "and ours.order_id = other.order_id))"
        ).format(
            link=sql.Literal(f"{kind}:{value}"),
            column=column,
            value=sql.Literal(value),
            mine=sql.Literal(list(person.source_ids)),
        )
    ).fetchone()
    assert row is not None
    is_a_crowds, is_others_too = row
    _add(connection, kind, value, recognises=not is_a_crowds and not is_others_too, stays=is_a_crowds)


def _add(
    connection: psycopg.Connection[Any],
    kind: str,
    value: str,
    *,
    recognises: bool,
    stays: bool = False,
    stands: str | None = None,
) -> str | None:
    """Add to pg_temp.sought, with the pseudonym in pg_temp.given_before where there is one; returns the pseudonym."""
    row = connection.execute(
        sql.SQL(
            "with one as (select {kind}::text as kind, {digest} as digest) "
            "insert into pg_temp.sought (kind, digest, pseudonym, recognises, erased_at, normal) "
            "select one.kind, one.digest, {stands}, {recognises}, clock_timestamp(), {value} from one "
            "on conflict (kind, digest) do update set normal = excluded.normal returning pseudonym"
        ).format(
            kind=sql.Literal(kind),
            digest=digest(kind, sql.Literal(value)),
            stands=sql.SQL("null")
            if stays
            else sql.SQL(
                "coalesce((select before.pseudonym from pg_temp.given_before as before "
                "where before.kind = one.kind and before.digest = one.digest), {})"
            ).format(sql.Literal(stands or pseudonym(kind))),
            recognises=sql.Literal(recognises),
            value=sql.Literal(value),
        )
    ).fetchone()
    return row[0] if row is not None else None


def _in_bytes(account: tuple[str, str]) -> tuple[str, bytes]:
    return account[0], account[1].encode()
