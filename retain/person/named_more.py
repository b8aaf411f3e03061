"""What rows of landing that are somebody's name besides what is known of them, and the orders that are theirs."""

import re
from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.mapping import Mapping
from retain.person.identifiers import CONTACTS, CUSTOMER_ID, ORDER_ID, digest, normal, replaced
from retain.person.landing_rows import OF_A_PERSON, Known
from retain.person.merged import digests_of

NAME_MORE = ("customers", "orders")  # their rows may name an identifier of the person that was not known before
NAME = re.compile(r"'(?:[^']|'')*'|([\w.]*[^\W\d][\w.]*)")


def tells_whose(mapping: Mapping) -> bool:
    """Whether the number of an order is made of what identifies its customer."""
    of_orders = mapping.written.get(ORDER_ID, "")
    of_people = " ".join(mapping.written.get(field, "") for field in (CUSTOMER_ID, *CONTACTS))
    return bool(_names(of_orders) & _names(of_people))


def _names(expression: str) -> set[str]:
    return {name.lower() for name in NAME.findall(expression) if name}


def note_orders(settings: Settings, mapping: Mapping, known: Known) -> sql.Composed:
    """The statement that adds the orders in pg_temp.theirs to those that are known, by the number that they keep."""
    value = sql.SQL("said.order_id")
    stands = replaced(ORDER_ID, value, settings, sql.Literal(mapping.source), known.identifiers)
    return sql.SQL(
        "insert into {orders} (source, order_id) select distinct {source}::text, coalesce({stands}, {value}) from pg_temp.theirs as said "
        "where {value} is not null on conflict do nothing"
    ).format(orders=known.orders, source=sql.Literal(mapping.source), stands=stands, value=value)


def new_identifiers(
    connection: psycopg.Connection[Any], settings: Settings, mapping: Mapping, known: Known
) -> list[tuple[str, bytes, int, Any]]:
    """Of the rows in pg_temp.theirs: (kind, digest, erasure, when) of identifiers that `known` does not have."""
    fields, _ = OF_A_PERSON[mapping.entity.name]
    source = sql.Literal(mapping.source)
    kinds = [*fields, *([ORDER_ID] if mapping.entity.name == "orders" and tells_whose(mapping) else [])]
    digests = {
        kind: digest(kind, normal(kind, sql.SQL("said.{}").format(sql.Identifier(kind)), settings, source))
        for kind in kinds
    }
    same = [
        sql.SQL("(sought.kind = {} and sought.recognises and sought.digest = said.{})").format(
            sql.Literal(name), sql.Identifier(name)
        )
        for name in kinds
    ]
    if mapping.entity.name == "customers":
        digests["merged"] = digests_of("said", settings, source)
        same.append(
            sql.SQL("(sought.kind = {} and sought.recognises and sought.digest = any(said.merged))").format(
                sql.Literal(CUSTOMER_ID)
            )
        )
    found = []
    for kind in kinds:
        found += connection.execute(
            sql.SQL(
                "select {kind}, said.{field}, min(sought.erasure_id), min(sought.erased_at) "
                "from (select {digests} from pg_temp.theirs as said) as said join {known} as sought on {same} "
                "where said.{field} is not null and not exists ("
                "select 1 from {known} as before where before.kind = {kind} and before.digest = said.{field}) group by 2"
            ).format(
                kind=sql.Literal(kind),
                field=sql.Identifier(kind),
                known=known.identifiers,
                digests=sql.SQL(", ").join(
                    sql.SQL("{} as {}").format(value, sql.Identifier(name)) for name, value in digests.items()
                ),
                same=sql.SQL(" or ").join(same),
            )
        ).fetchall()
    return found
