"""The person's rows in raw, history and ops: each identifier gives way to its pseudonym, in place."""

from collections.abc import Iterable, Iterator
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import ENTITIES, NAMING_SOMEBODY
from retain.mapping import Mapping
from retain.person.identifiers import CONTACTS, CUSTOMER_ID, ORDER_ID, make_spelled, replaced, spell
from retain.person.landing_rows import ACCOUNT_SOURCE, ORDER_SOURCE
from retain.person.merged import MERGED, renamed
from retain.person.searching import STANDS
from retain.person.seeking import OF_THEM, SOUGHT, naming_them, source_of
from retain.records import key_text, key_values, version_of

Touched = dict[str, int]  # table: rows
OF_ORDERS = ("orders", "order_items", "returns")
WRITTEN = ("customers", *OF_ORDERS, "experiment_assignments", "business_changes", *NAMING_SOMEBODY)
WITH_PHONES = tuple(name for name, entity in ENTITIES.items() if "phone" in entity.fields)


def erase_from_raw(connection: psycopg.Connection[Any], settings: Settings) -> Touched:
    """Put pseudonyms into raw and history; the trigger that keeps versions keeps none of these."""
    touched: Touched = {}
    make_spelled(connection)
    for entity in WRITTEN:
        connection.execute(
            sql.SQL("alter table {} disable trigger keep_versions").format(sql.Identifier("raw", entity))
        )
    for schema in ("raw", "history"):
        for entity, mine in OF_THEM.items():
            spell(
                connection,
                settings,
                sql.SQL("select phone from {} where " + mine).format(sql.Identifier(schema, entity)),
            )
        touched[f"{schema}.customers"] = _set(
            connection,
            settings,
            schema,
            "customers",
            sql.SQL(OF_THEM["customers"]),
            (CUSTOMER_ID, *CONTACTS),
            ("full_name = null", "city = null", *_merges(settings)),
        )
        touched[f"{schema}.orders"] = _set(
            connection, settings, schema, "orders", sql.SQL(OF_THEM["orders"]), (CUSTOMER_ID, *CONTACTS)
        )
        touched[f"{schema}.experiment_assignments"] = _set(
            connection, settings, schema, "experiment_assignments", sql.SQL(OF_THEM["customers"]), (CUSTOMER_ID,)
        )
        touched[f"{schema}.business_changes"] = connection.execute(
            sql.SQL(
                "update {} as one set touched_value = ours.pseudonym from pg_temp.accounts as ours where one.touched = 'customer' "
                "and one.source = ours.source and one.touched_value = ours.customer_id"
            ).format(sql.Identifier(schema, "business_changes"))
        ).rowcount
        touched[f"{schema}.returns"] = connection.execute(
            sql.SQL("update {} set reason = null where reason is not null and " + OF_THEM["orders"]).format(
                sql.Identifier(schema, "returns")
            )
        ).rowcount
        for entity in NAMING_SOMEBODY:
            theirs, kinds = naming_them(settings, entity), (CUSTOMER_ID, *CONTACTS)
            phones = sql.SQL("select phone from {} as one where {}").format(sql.Identifier(schema, entity), theirs)
            spell(connection, settings, phones)
            touched[f"{schema}.{entity}"] = _set(
                connection, settings, schema, entity, theirs, kinds, source=source_of(ACCOUNT_SOURCE)
            )
    touched["raw.customer_tiers"] = connection.execute(
        "update raw.customer_tiers as one set customer_id = ours.pseudonym from pg_temp.accounts as ours "
        "where one.source = ours.source and one.customer_id = ours.customer_id"
    ).rowcount
    for schema in ("raw", "history"):  # last: by these numbers the rows above were found
        for entity in (*OF_ORDERS, "payments"):
            table = f"{schema}.{entity}"
            touched[table] = max(touched.get(table, 0), _renumber(connection, schema, entity))
    touched["raw.phone_numbers"] = _forget_spellings(connection)
    for entity in WRITTEN:
        connection.execute(sql.SQL("alter table {} enable trigger keep_versions").format(sql.Identifier("raw", entity)))
    return touched


def _set(
    connection: psycopg.Connection[Any],
    settings: Settings,
    schema: str,
    entity: str,
    mine: sql.Composable,
    kinds: tuple[str, ...],
    more: Iterable[LiteralString | sql.Composable] = (),
    source: LiteralString = "one.source",
) -> int:
    assignments: list[sql.Composable] = [
        sql.SQL("{} = {}").format(
            sql.Identifier(kind),
            replaced(
                kind,
                sql.SQL("one.{}").format(sql.Identifier(kind)),
                settings,
                sql.SQL(source),
                SOUGHT.identifiers,
            ),
        )
        for kind in kinds
    ]
    assignments += [sql.SQL(one) if isinstance(one, str) else one for one in more]
    return connection.execute(
        sql.SQL("update {} as one set {} where {}").format(
            sql.Identifier(schema, entity), sql.SQL(", ").join(assignments), mine
        )
    ).rowcount


def _merges(settings: Settings) -> Iterator[sql.Composed]:
    for name in map(sql.Identifier, MERGED):
        stands = renamed(sql.SQL("one.{}").format(name), settings, sql.SQL("one.source"), SOUGHT.identifiers)
        yield sql.SQL("{} = {}").format(name, stands)


def _renumber(connection: psycopg.Connection[Any], schema: str, entity: str) -> int:
    """Orders whose number is made of their customer's get another."""
    of = "one.source" if entity in OF_ORDERS else source_of(ORDER_SOURCE)
    return connection.execute(
        sql.SQL(
            "update {} as one set order_id = ours.pseudonym from pg_temp.sought as ours "
            "where ours.kind = 'order_id' and ours.normal = " + of + " || ':' || btrim(one.order_id)"
        ).format(sql.Identifier(schema, entity))
    ).rowcount


def _forget_spellings(connection: psycopg.Connection[Any]) -> int:
    unused = sql.SQL(" and ").join(
        sql.SQL("not exists (select 1 from {} where phone = known.phone)").format(sql.Identifier(schema, entity))
        for schema in ("raw", "history")
        for entity in WITH_PHONES
    )
    gone = connection.execute(
        sql.SQL(
            "delete from raw.phone_numbers as known where e164 in (select normal from pg_temp.sought where kind = 'phone' "
            "and pseudonym is not null) and {}"
        ).format(unused)
    ).rowcount
    connection.execute(
        "insert into raw.phone_numbers select pseudonym, pseudonym from pg_temp.sought "
        "where kind = 'phone' and pseudonym is not null on conflict do nothing"
    )
    return gone


def erase_from_quarantine(connection: psycopg.Connection[Any], mapping: Mapping, gate: sql.Identifier) -> int:
    """Let the entries of the rows that are in `gate`, mapped anew, name these rows as they are now."""
    entity = mapping.entity
    return connection.execute(
        sql.SQL(
            "update ops.quarantine as entry set record_key = {text}, key_values = {keys}, record_hash = {version} "
            "from {gate} as incoming where entry.source = {source} and entry.entity = {entity} "
            "and entry.row_number = incoming.row_number"
        ).format(
            text=key_text(entity, "incoming"),
            keys=key_values(entity, "incoming"),
            version=version_of(entity, "incoming"),
            gate=gate,
            source=sql.Literal(mapping.source),
            entity=sql.Literal(entity.name),
        )
    ).rowcount


def erase_from_decisions(connection: psycopg.Connection[Any], source_ids: Iterable[str]) -> int:
    """Put `erased` in the place of every reason given by hand for a decision about these identities; returns how many there were.

    It is about this very person, and which word of it is their name nobody can tell.
    """
    about = "source_ids && (%(identities)s::text[] || (select array_agg(old) from pg_temp.texts))"
    values = {"identities": list(source_ids), "stands": STANDS}
    row = connection.execute(
        "select count(*) filter (where reason <> %(stands)s) + count(*) filter (where reverted_because <> %(stands)s) "
        f"from ops.identity_decisions where {about}".encode(),
        values,
    ).fetchone()
    connection.execute("alter table ops.identity_decisions disable trigger keep_identity_decision")
    connection.execute(
        "update ops.identity_decisions set reason = %(stands)s, "
        "reverted_because = case when reverted_because is not null then %(stands)s end "
        f"where {about}".encode(),
        values,
    )
    connection.execute("alter table ops.identity_decisions enable trigger keep_identity_decision")
    assert row is not None
    return int(row[0])


def erase_from_keys(connection: psycopg.Connection[Any]) -> Touched:
    """The keys of records that ops has noted: deleted, not read, waiting; and the identities that were decided about."""
    touched: Touched = {}
    places = {"customers": (1, CUSTOMER_ID), "experiment_assignments": (2, CUSTOMER_ID), "business_changes": (3, CUSTOMER_ID),
              "orders": (1, ORDER_ID), "order_items": (1, ORDER_ID)}  # fmt: skip
    for table in ("deleted_records", "unread_records"):
        touched[f"ops.{table}"] = 0
        for entity, (place, kind) in places.items():
            touched[f"ops.{table}"] += connection.execute(
                sql.SQL(
                    "update {table} as one set key_values[{place}] = ours.pseudonym from ops.loads as loads, pg_temp.sought as ours "
                    "where loads.load_id = one.load_id and loads.entity = {entity} and ours.kind = {kind} "
                    "and ours.normal = loads.source || ':' || btrim(one.key_values[{place}])"
                    + (" and one.key_values[2] = 'customer'" if entity == "business_changes" else "")
                ).format(
                    table=sql.Identifier("ops", table),
                    place=sql.Literal(place),
                    entity=sql.Literal(entity),
                    kind=sql.Literal(kind),
                )
            ).rowcount
    connection.execute("alter table ops.identity_decisions disable trigger keep_identity_decision")
    touched["ops.identity_decisions"] = connection.execute(
        "update ops.identity_decisions set source_ids = array(select coalesce(texts.new, name) "
        "from unnest(source_ids) with ordinality as one (name, place) left join pg_temp.texts on texts.old = name order by place) "
        "where source_ids && (select array_agg(old) from pg_temp.texts)"
    ).rowcount
    connection.execute("alter table ops.identity_decisions enable trigger keep_identity_decision")
    return touched
