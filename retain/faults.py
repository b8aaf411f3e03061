"""How many of a load's failing rows are news of a fault in it: not what a person decided about, not what is known to be on its way."""

from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import ENTITIES
from retain.judged import Load
from retain.landing import failures_table, gate_table
from retain.mapping import Mapping
from retain.records import version_of

RATES = "exchange_rates"
NOT_DECIDED = (
    "not (exists (select 1 from ops.quarantine as entry where entry.source = {source} and entry.entity = {entity} "
    "and entry.status in ('released', 'discarded')) and {version} in (select record_hash from ops.quarantine "
    "where source = {source} and entity = {entity} and status in ('released', 'discarded')))"
)


def count_faults(connection: psycopg.Connection[Any], settings: Settings, load: Load, mapping: Mapping) -> int:
    """Failing rows that say something of this load, which too many of refuse it.

    Left out are versions that a person has released or discarded, which are no news when they are read again; and rows
    with no other fault than to wait for an exchange rate while no source has ever brought one, or for a record of their
    source that waits itself. Those come by themselves, and the load that is late with them has its own message.
    """
    excused = [
        *([sql.SQL("rule = 'rate_exists'")] if _rates_are_to_come(connection, settings) else []),
        *_waiting_themselves(connection, load, mapping),
    ]
    is_excused = sql.SQL(" or ").join(excused) if excused else sql.SQL("false")
    row = connection.execute(
        sql.SQL(
            "with faulty as (select distinct row_number from {failures} as failed join {gate} as incoming "
            "using (row_number) where not (waits and ({is_excused}))) "
            "select count(*) from faulty join {gate} as incoming using (row_number) where " + NOT_DECIDED
        ).format(
            failures=failures_table(load.load_id),
            gate=gate_table(load.load_id),
            is_excused=is_excused,
            source=sql.Literal(load.source),
            entity=sql.Literal(load.entity),
            version=version_of(mapping.entity, "incoming"),
        )
    ).fetchone()
    assert row is not None
    return int(row[0])


def rates_have_come(connection: psycopg.Connection[Any]) -> bool:
    """Whether any source has ever published an exchange rate."""
    row = connection.execute("select exists (select 1 from raw.exchange_rates)").fetchone()
    return bool(row and row[0])


def _rates_are_to_come(connection: psycopg.Connection[Any], settings: Settings) -> bool:
    return bool(settings.sources_of(RATES)) and not rates_have_come(connection)


def _waiting_themselves(connection: psycopg.Connection[Any], load: Load, mapping: Mapping) -> list[sql.Composable]:
    """A condition for each entity that the rows refer to and of which records wait: their fault was counted in their own load."""
    waiting = {
        row[0]
        for row in connection.execute(
            "select distinct entity from ops.quarantine where source = %s and status = 'open' and waits_for_reference",
            [load.source],
        )
    }
    return [
        sql.SQL(
            "(rule = {rule} and exists (select 1 from ops.quarantine as entry where entry.source = {source} "
            "and entry.entity = {entity} and entry.record_key = incoming.{field} and entry.status = 'open' "
            "and entry.waits_for_reference))"
        ).format(
            rule=sql.Literal(f"{name}_exists"),
            source=sql.Literal(load.source),
            entity=sql.Literal(referred.name),
            field=sql.Identifier(name),
        )
        for name in mapping.entity.fields
        for referred in ENTITIES.values()
        if referred.key == (name,) and referred.name in waiting and referred.name != load.entity
    ]
