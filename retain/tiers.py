"""The tiers that customers have had: every accepted version of an account says one, and raw.customers keeps only the newest."""

from typing import Any

import psycopg
from psycopg import sql

from retain.landing import gate_table
from retain.quarantine import KEPT_OUT

MANY = 1000  # new rows: the build that follows would take the table for an empty one, and loop through it for each customer
# Where the source dates its versions each is kept, for a late one may come between; elsewhere one that says something new.
KEEP = """
    with versions as (
        select distinct on (incoming.customer_id, held_from)
            incoming.customer_id,
            coalesce(incoming.changed_at, past.landed_at, past.started_at) as held_from,
            incoming.changed_at is not null as is_dated,
            incoming.tier
        from {gate} as incoming
        cross join (select landed_at, started_at from ops.loads where load_id = {load_id}) as past
        where not exists (select 1 from {kept_out} as kept where kept.row_number = incoming.row_number)
        order by incoming.customer_id, held_from, incoming.row_number desc
    )
    insert into raw.customer_tiers as known (source, customer_id, held_from, tier, _load_id)
    select {source}, customer_id, held_from, tier, {load_id}
    from versions
    where case
        when is_dated
            then tier is not null
            or customer_id in (select customer_id from versions where tier is not null)
            or exists (
                select 1 from raw.customer_tiers as earlier
                where earlier.source = {source} and earlier.customer_id = versions.customer_id
            )
        else tier is distinct from (
            select earlier.tier from raw.customer_tiers as earlier
            where earlier.source = {source} and earlier.customer_id = versions.customer_id
            and earlier.held_from <= versions.held_from
            order by earlier.held_from desc limit 1
        )
    end
    on conflict (source, customer_id, held_from) do update set tier = excluded.tier, _load_id = excluded._load_id
    where known.tier is distinct from excluded.tier
"""


def keep_tiers(connection: psycopg.Connection[Any], load_id: int, source: str) -> None:
    """Note the tier of each version in gate.load_<load_id> that was not kept out; the same load again changes nothing.

    A version holds from the source's own time of change; where it gives none, from when the load came. An account that never
    had a tier leaves no trace, and a load without tiers, of a source that never gave one, is not looked at.
    """
    row = connection.execute(
        sql.SQL(
            "select exists (select 1 from {} where tier is not null) "
            "or exists (select 1 from raw.customer_tiers where source = {})"
        ).format(gate_table(load_id), sql.Literal(source))
    ).fetchone()
    if row is not None and row[0]:
        kept = connection.execute(
            sql.SQL(KEEP).format(
                gate=gate_table(load_id), load_id=sql.Literal(load_id), kept_out=KEPT_OUT, source=sql.Literal(source)
            )
        )
        if kept.rowcount >= MANY:
            connection.execute("analyze raw.customer_tiers")
