"""What a source sends of people who were erased: recognised as it lands, and never landed with what identifies them."""

from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import Entity
from retain.mapping import Mapping, mapping_of
from retain.person.identifiers import CUSTOMER_ID, ORDER_ID, digest, normal, pseudonym, use_key
from retain.person.landing_rows import (
    OF_A_PERSON,
    Known,
    empty_rows,
    find_rows,
)
from retain.person.named_more import NAME_MORE, new_identifiers, note_orders
from retain.relations import has_rows

ERASED = Known(sql.Identifier("ops", "erased_identifiers"), sql.Identifier("ops", "erased_orders"))


def land_without_the_erased(
    connection: psycopg.Connection[Any], settings: Settings, source: str, entity: str, load_id: int
) -> int:
    """Take out of a load that has just landed what identifies people who were erased; returns how many rows were theirs.

    Costs one question where nobody was ever erased. Raises Refused when the key of the erasures is another one.
    """
    if entity not in OF_A_PERSON or not has_rows(connection, ERASED.identifiers):
        return 0
    use_key(connection, settings)
    mapping = mapping_of(settings, source, entity)
    if not find_rows(connection, settings, mapping, ERASED, load_id):
        return 0
    _remember_more(connection, settings, mapping)
    return empty_rows(connection, settings, mapping, ERASED, load_id)


def _remember_more(connection: psycopg.Connection[Any], settings: Settings, mapping: Mapping) -> None:
    """What the rows in pg_temp.theirs name besides what is known of these people: it is theirs too, and so are the orders."""
    if mapping.entity.name not in NAME_MORE:
        return
    for kind, value, erasure, erased_at in new_identifiers(connection, settings, mapping, ERASED):
        connection.execute(
            "insert into ops.erased_identifiers (kind, digest, pseudonym, recognises, erased_at, erasure_id) "
            "values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
            [kind, value, pseudonym(kind), kind in (CUSTOMER_ID, ORDER_ID), erased_at, erasure],
        )
    if mapping.entity.name == "orders":
        connection.execute(note_orders(settings, mapping, ERASED))


def stand_in_for_keys(connection: psycopg.Connection[Any], settings: Settings, source: str, entity: Entity) -> None:
    """Put pseudonyms into pg_temp.keys_now, the keys that a source lists: its records of erased people are not news, nor gone."""
    kinds = {CUSTOMER_ID: CUSTOMER_ID, "touched_value": CUSTOMER_ID, ORDER_ID: ORDER_ID}
    places = [name for name in entity.key if name in kinds and entity.name in OF_A_PERSON]
    if not places or not has_rows(connection, ERASED.identifiers):
        return
    use_key(connection, settings)
    for name in places:
        value = sql.SQL("listed.{}").format(sql.Identifier(name))
        connection.execute(
            sql.SQL(
                "update pg_temp.keys_now as listed set {name} = known.pseudonym from {known} as known "
                "where known.kind = {kind} and known.digest = {digest}{only}"
            ).format(
                name=sql.Identifier(name),
                known=ERASED.identifiers,
                kind=sql.Literal(kinds[name]),
                digest=digest(kinds[name], normal(kinds[name], value, settings, sql.Literal(source))),
                only=sql.SQL(" and listed.touched = 'customer'" if name == "touched_value" else ""),
            )
        )
