"""Rebuild `raw` from landing alone: every published load again, in the order of publication, with the decisions of its time.

Nothing is asked of a source and nothing is judged anew: which rows were held, taken up, released or deleted is on record
(`ops.held_rows`, `ops.taken_up_rows`, `ops.deleted_records`), so the same landing gives the same bytes on any day. The new
table grows beside the old one and takes its place in one transaction; stopped anywhere, everything is as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

import retain
from retain.config import Settings
from retain.deletions import mark_in
from retain.entities import ENTITIES, Entity
from retain.errors import Refused, UserError
from retain.gate_rows import Selection, write_gate_table
from retain.landing import drop_gate_tables, gate_table, landing_table, only_one_load
from retain.mapping import Mapping, mapping_of
from retain.phones import new_spellings, normalise
from retain.publish import OF_EARLIER_LOADS
from retain.quarantine import keep_out_none
from retain.raw_rows import merge
from retain.reconciliation import keys_from_text, recount
from retain.records import keys_of, same_key, unfit_values
from retain.roles import LOADER
from retain.tiers import keep_tiers
from retain.versions import is_newer_in_replay
from retain.warehouse import connect

Progress = Callable[[str, str, int, int], None]  # source, entity, loads done, loads in all


@dataclass(frozen=True)
class Rebuilt:
    """One entity of one source, rebuilt: loads gone through, records rebuilt, and rows of raw that were not as they should be."""

    source: str
    entity: str
    loads: int
    records: int
    rows_restored: int


@dataclass(frozen=True)
class Past:
    """A published load, and whether what was recorded of it is all there."""

    load_id: int
    kind: str
    rows_sent: int
    rows_dropped: int
    recorded: int
    to_be_recorded: int


def no_progress(source: str, entity: str, done: int, total: int) -> None:
    return None


def replay(
    settings: Settings,
    *,
    load_id: int | None = None,
    source: str | None = None,
    entity: str | None = None,
    progress: Progress = no_progress,
) -> list[Rebuilt]:
    """Rebuild the records of one load; or everything, of one source or entity if given.

    Raises UserError for a load that does not exist or is not in raw, Refused when the entity is being loaded or when what
    landing and the records hold is not enough; nothing of that entity is changed then.
    """
    if load_id is not None:
        pairs = [_entity_of(settings, load_id)]
    else:
        pairs = [
            (name, entity_name)
            for entity_name in ENTITIES
            for name in settings.sources_of(entity_name)
            if source in (None, name) and entity in (None, entity_name)
        ]
    return [
        done
        for one, name in pairs
        if (done := _replay_entity(settings, one, ENTITIES[name], load_id, progress)) is not None
    ]


def _entity_of(settings: Settings, load_id: int) -> tuple[str, str]:
    with connect(settings, LOADER) as connection:
        row = connection.execute(
            "select source, entity, kind, status from ops.loads where load_id = %s", [load_id]
        ).fetchone()
    if row is None:
        raise UserError(f"There is no load {load_id}.", hint="`retain loads` lists them.")
    source, entity, kind, status = row
    if status != "published" or kind == "replay":
        what = "is itself a replay" if kind == "replay" else f"is {status}: nothing of it is in raw"
        raise UserError(
            f"Load {load_id} {what}, so there is nothing to rebuild.",
            hint=f"`retain load --source {source} --entity {entity}` asks the source for what is missing.",
        )
    if entity not in settings.source(source).entities:
        raise UserError(f"retain.yml no longer maps {entity} from {source}: load {load_id} cannot be read again.")
    return source, entity


def _replay_entity(
    settings: Settings, source: str, entity: Entity, only: int | None, progress: Progress
) -> Rebuilt | None:
    """None where nothing was ever published. With `only`, just the records of that load are put in place."""
    with connect(settings, LOADER) as connection, only_one_load(connection, source, entity.name):
        _clear_up(connection, source, entity)
        history = _history(connection, source, entity)
        if not history:
            return None
        replay_id = _begin(connection, source, entity, only)
        target = sql.Identifier("gate", f"replay_{replay_id}")
        mapping = mapping_of(settings, source, entity.name)
        try:
            connection.execute(
                sql.SQL("create unlogged table {} (like {} including defaults including indexes)").format(
                    target, sql.Identifier("raw", entity.name)
                )
            )
            connection.execute(
                sql.SQL("create temporary table wanted as select {} from {} as known limit 0").format(
                    keys_of(entity, "known"), target
                )
            )
            connection.commit()
            for number, past in enumerate(history, 1):
                _play(connection, settings, mapping, past, target, is_wanted=past.load_id == only)
                connection.commit()
                progress(source, entity.name, number, len(history))
            return _put_in_place(connection, settings, source, entity, target, replay_id, len(history), only)
        except BaseException as error:
            if not connection.closed and not connection.broken:
                connection.rollback()
                connection.execute(
                    "update ops.loads set status = 'failed', message = %s where load_id = %s",
                    [str(error) if isinstance(error, Refused) else "the replay did not end", replay_id],
                )
                connection.execute(sql.SQL("drop table if exists {}").format(target))
                connection.commit()
            raise


def _clear_up(connection: psycopg.Connection[Any], source: str, entity: Entity) -> None:
    """What a replay that was killed has left behind."""
    left = connection.execute(
        "select tablename from pg_tables where schemaname = 'gate' and tablename in (select 'replay_' || load_id "
        "from ops.loads where source = %s and entity = %s and kind = 'replay')",
        [source, entity.name],
    ).fetchall()
    for (name,) in left:
        connection.execute(sql.SQL("drop table {}").format(sql.Identifier("gate", name)))
    connection.execute(
        "update ops.loads set status = 'failed', message = 'the replay did not end' "
        "where source = %s and entity = %s and kind = 'replay' and status = 'started'",
        [source, entity.name],
    )
    connection.commit()


def _history(connection: psycopg.Connection[Any], source: str, entity: Entity) -> list[Past]:
    """The published loads, in the order in which they were. Raises Refused when the record of one is incomplete."""
    rows = connection.execute(
        "select load_id, kind, coalesce(rows_sent, 0), coalesce(rows_dropped, 0), "
        "case when kind = 'deletions' then (select count(*) from ops.deleted_records as gone where gone.load_id = past.load_id) "
        "when kind = any(%(earlier)s) then "
        "(select count(*) from ops.taken_up_rows as taken where taken.load_id = past.load_id) "
        "else (select count(*) from ops.held_rows as held where held.load_id = past.load_id) end, "
        "coalesce(case when kind = 'deletions' then rows_changed when kind = any(%(earlier)s) then rows_accepted "
        "else rows_quarantined end, 0) "
        "from ops.loads as past where source = %(source)s and entity = %(entity)s and status = 'published' "
        "and kind <> 'replay' order by published_at, load_id",
        {"source": source, "entity": entity.name, "earlier": list(OF_EARLIER_LOADS)},
    ).fetchall()
    history = [Past(*row) for row in rows]
    for past in history:
        if past.recorded != past.to_be_recorded:
            raise Refused(
                f"{entity.name} from {source} cannot be rebuilt: of load {past.load_id} ({past.kind}), {past.to_be_recorded:,} "
                f"decisions about rows were made, and {past.recorded:,} are on record in ops. Nothing was changed.",
                hint="Restore the schema ops from a backup, or let `retain load --full` read and judge everything anew.",
            )
    return history


def _begin(connection: psycopg.Connection[Any], source: str, entity: Entity, only: int | None) -> int:
    row = connection.execute(
        "insert into ops.loads (source, entity, kind, status, code_version, message) "
        "values (%s, %s, 'replay', 'started', %s, %s) returning load_id",
        [source, entity.name, retain.__version__, f"the records of load {only}" if only is not None else "all records"],
    ).fetchone()
    assert row is not None
    connection.commit()
    return int(row[0])


def _play(
    connection: psycopg.Connection[Any],
    settings: Settings,
    mapping: Mapping,
    past: Past,
    target: sql.Identifier,
    *,
    is_wanted: bool,
) -> None:
    source, entity = mapping.source, mapping.entity
    if past.kind == "deletions":
        if is_wanted:
            connection.execute(
                sql.SQL("insert into wanted select {} from ops.deleted_records where load_id = {}").format(
                    keys_from_text(entity, "key_values"), sql.Literal(past.load_id)
                )
            )
        mark_in(connection, past.load_id, source, entity, target)
        return
    selections = _selections(connection, mapping, past)
    if not selections:
        return
    write_gate_table(connection, settings, mapping, past.load_id, selections)
    keep_out_none(connection)
    connection.execute(
        "insert into kept_out select row_number, quarantine_id from ops.held_rows where load_id = %s", [past.load_id]
    )
    _refuse_unfit(connection, entity, past.load_id)
    if is_wanted:  # also what it held: a later load may have taken it up
        connection.execute(
            sql.SQL("insert into wanted select distinct {} from {} as incoming").format(
                keys_of(entity, "incoming"), gate_table(past.load_id)
            )
        )
    newer = is_newer_in_replay(connection, settings, past.load_id, source, entity, past.kind)
    merge(connection, past.load_id, source, entity, target, newer)
    if "phone" in entity.fields:
        spellings = new_spellings(connection, gate_table(past.load_id))
        normalise(connection, spellings, settings.business.country)
    if "tier" in entity.fields:
        keep_tiers(connection, past.load_id, source)
    drop_gate_tables(connection, past.load_id)


def _selections(connection: psycopg.Connection[Any], mapping: Mapping, past: Past) -> list[Selection]:
    """Which landed rows the load published or held. Raises Refused when landing does not hold them all."""
    if past.kind in OF_EARLIER_LOADS:
        rows = connection.execute(
            "select origin_load_id, array_agg(row_number order by row_number) from ops.taken_up_rows "
            "where load_id = %s group by origin_load_id order by origin_load_id",
            [past.load_id],
        )
        return [Selection(origin, tuple(numbers)) for origin, numbers in rows]
    kept = past.rows_sent - past.rows_dropped
    if not kept:
        return []
    row = connection.execute(
        sql.SQL("select count(*) from {} where _load_id = %s").format(
            landing_table(mapping.source, mapping.entity.name)
        ),
        [past.load_id],
    ).fetchone()
    assert row is not None
    if row[0] != kept:
        raise Refused(
            f"{mapping.entity.name} from {mapping.source} cannot be rebuilt: of the {kept:,} rows of load {past.load_id}, "
            f"landing holds {row[0]:,}. Nothing was changed.",
            hint="Restore the schema landing from a backup, or let `retain load --full` read everything again.",
        )
    return [Selection(past.load_id)]


def _refuse_unfit(connection: psycopg.Connection[Any], entity: Entity, load_id: int) -> None:
    row = connection.execute(
        sql.SQL(
            "select count(*), min(unfit[1]) from (select {} as unfit from {} as incoming where not exists "
            "(select 1 from kept_out as kept where kept.row_number = incoming.row_number)) as rows where unfit <> '{{}}'"
        ).format(unfit_values(entity, "incoming"), gate_table(load_id))
    ).fetchone()
    assert row is not None
    if row[0]:
        raise Refused(
            f"{entity.name} cannot be rebuilt: with the mapping that retain.yml has now, {row[0]:,} rows of load {load_id} that "
            f"were published cannot be read any more ({row[1]}). Nothing was changed.",
            hint="Put the mapping back, or let `retain load --full` read and judge everything with the new one.",
        )


def _put_in_place(
    connection: psycopg.Connection[Any],
    settings: Settings,
    source: str,
    entity: Entity,
    target: sql.Identifier,
    replay_id: int,
    loads: int,
    only: int | None,
) -> Rebuilt:
    """Make raw say what the new table says, touching only rows that differ; in one transaction."""
    raw = sql.Identifier("raw", entity.name)
    within = (
        sql.SQL(" and exists (select 1 from wanted where {})").format(same_key(entity, "wanted", "one"))
        if only is not None
        else sql.SQL("")
    )
    gone = connection.execute(
        sql.SQL(
            "delete from {raw} as one where one.source = {source} {within} "
            "and not exists (select 1 from {target} as rebuilt where {same})"
        ).format(
            raw=raw,
            source=sql.Literal(source),
            within=within,
            target=target,
            same=same_key(entity, "rebuilt", "one"),
        )
    ).rowcount
    names = ["source", *entity.fields, "is_deleted", "deleted_at", "_load_id"]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    changed = connection.execute(
        sql.SQL(
            "insert into {raw} as known ({columns}) select {columns} from {target} as one where true {within} "
            "on conflict (source, {keys}) do update set {assignments} where ({known}) is distinct from ({rebuilt})"
        ).format(
            raw=raw,
            columns=columns,
            target=target,
            within=within,
            keys=sql.SQL(", ").join(map(sql.Identifier, entity.key)),
            assignments=sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names
            ),
            known=sql.SQL(", ").join(sql.SQL("known.{}").format(sql.Identifier(name)) for name in names),
            rebuilt=sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in names),
        )
    ).rowcount
    counted = connection.execute(
        sql.SQL("select count(*) from {} as one where true {}").format(target, within)
    ).fetchone()
    assert counted is not None
    recount(connection, settings, source, entity, replay_id)
    connection.execute(sql.SQL("drop table {}").format(target))
    connection.execute("drop table wanted")
    connection.execute(
        "update ops.loads set status = 'published', published_at = clock_timestamp(), rows_sent = %s, rows_changed = %s, "
        "message = message || %s where load_id = %s",
        [counted[0], gone + changed, f", rebuilt from {loads} loads in landing", replay_id],
    )
    connection.commit()
    return Rebuilt(source, entity.name, loads, int(counted[0]), gone + changed)
