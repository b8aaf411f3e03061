"""Compare keys with a source: what it no longer has was deleted there, what raw lacks was never read.

Absence from an increment means nothing, absence from the whole does.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql

import retain
from retain.config import FilesEntity, RestEntity, Settings
from retain.counting import count
from retain.entities import ENTITIES, Entity
from retain.landing import only_one_load
from retain.person.arriving import stand_in_for_keys
from retain.reconciliation import keys_from_text, reconciled
from retain.records import key_values
from retain.relations import exists, has_rows
from retain.rewritten import list_keys_of_files, lost_in_rewriting, mapped_anew, rewritten
from retain.roles import LOADER
from retain.sources import PagedSource, open_source
from retain.warehouse import connect

EVERY = timedelta(hours=24)
BELIEVABLE_SHARE, BELIEVABLE_ROWS = 0.2, 20  # a source that has suddenly lost more than this is refused, not believed


@dataclass(frozen=True)
class Compared:
    """A comparison, which is a load of kind `deletions`: records of raw that the source no longer has, why they were not
    marked ('' if they were), records of the source that are neither in raw nor in quarantine, and what is to be said besides."""

    load_id: int
    missing: int
    refusal: str
    unread: int
    note: str = ""


def is_due(settings: Settings, source: str, entity: str) -> bool:
    """Whether the last comparison, or the first load (which read everything there was), is more than a day ago; of files that
    replace what they had before, whether one was written again; of any files, whether retain.yml reads them in another way."""
    with connect(settings, LOADER) as connection:
        if mapped_anew(connection, source, entity) is not None:
            return True
        if _replaces(settings, source, entity):
            return bool(rewritten(connection, source, entity))
        row = connection.execute(
            "select coalesce(max(started_at) filter (where kind = 'deletions'), min(started_at)) < clock_timestamp() - %s "
            "from ops.loads where source = %s and entity = %s and status = 'published'",
            [EVERY, source, entity],
        ).fetchone()
    return bool(row and row[0])


def _replaces(settings: Settings, source: str, entity: str) -> bool:
    shape = settings.source(source).entities[entity]
    return isinstance(shape, FilesEntity | RestEntity) and bool(shape.replaces)


def _leaves_out(settings: Settings, source: str, entity: str) -> bool:
    """Whether records that the list has are read and not kept, or marked, by a condition that the list knows nothing of."""
    shape = settings.source(source).entities[entity]
    return isinstance(shape, RestEntity) and bool(shape.where or shape.deleted)


def mark_deleted(settings: Settings, source: str, entity: str) -> Compared | None:
    """Mark the records of raw that the source no longer has, and note those that raw does not have.

    Entries in quarantine whose record is gone close. None for a source that cannot list its keys, but for files that replace
    what they had before: of those the records count that an earlier version of a file had and no file has now. Refused, with nothing
    marked, when more than a fifth would go at once. Raises OutOfReach or UserError as the source does.
    """
    shape = ENTITIES[entity]
    with connect(settings, LOADER) as connection, only_one_load(connection, source, entity):
        found = _look(connection, settings, source, shape)
        if found is None:
            return None
        missing, known = found.missing, found.known
        refusal = ""
        if missing > max(BELIEVABLE_ROWS, BELIEVABLE_SHARE * known) and not found.is_meant:
            refusal = f"{missing:,} of {known:,} {entity} are no longer at the source: too many to be believed, none was marked"
        row = connection.execute(
            "insert into ops.loads (source, entity, kind, status, rows_sent, rows_changed, published_at, code_version, "
            "message, control_totals) values (%s, %s, 'deletions', %s, %s, %s, clock_timestamp(), %s, %s, %s) returning load_id",
            [
                *(source, entity, "refused" if refusal else "published", known, 0 if refusal else missing),
                *(retain.__version__, refusal or found.note or None, json.dumps({"keys": found.listed})),
            ],
        ).fetchone()
        assert row is not None
        if not refusal and exists(connection, sql.Identifier("pg_temp", "gone")):
            _mark(connection, settings, source, shape, row[0])
        may_lack = found.listed is not None and not _leaves_out(settings, source, entity)
        unread = _note_unread(connection, source, shape, row[0]) if may_lack else 0
        connection.commit()
        return Compared(row[0], missing, refusal, unread, found.note)


@dataclass(frozen=True)
class _Found:
    """Records that raw has and the source has not (`missing`, of `known`), which pg_temp.gone names; how many keys the source's
    list had, of one that has a list; and whether that many go because retain.yml says so, so that any number is believed."""

    missing: int
    known: int
    listed: int | None = None
    note: str = ""
    is_meant: bool = False


def _look(connection: psycopg.Connection[Any], settings: Settings, source: str, entity: Entity) -> _Found | None:
    """By the source's own list of keys, or by what its files gave and give."""
    reader = open_source(settings, source)
    keys = reader.keys(entity.name)
    if keys is not None:
        found = _gone_from_list(connection, settings, source, entity, keys)
        if isinstance(reader, PagedSource) and has_rows(connection, sql.Identifier("pg_temp", "gone")):
            again = reader.keys(entity.name)
            assert again is not None
            return _gone_from_list(connection, settings, source, entity, again)
        return found
    since = mapped_anew(connection, source, entity.name)
    if since is not None:
        return _gone_by_mapping(connection, settings, source, entity, since)
    if _replaces(settings, source, entity.name) and (pairs := rewritten(connection, source, entity.name)):
        return _Found(*lost_in_rewriting(connection, settings, source, entity, pairs))
    return None


def _gone_by_mapping(
    connection: psycopg.Connection[Any], settings: Settings, source: str, entity: Entity, since: int
) -> _Found:
    """Note what only the way made in which retain.yml read the files before the load `since`."""
    given = list_keys_of_files(connection, settings, source, entity, since)
    if given is None:
        earlier = f"of what {source} was read from the earlier way not all is there any more"
        return _Found(0, 0, note=f"{earlier}: {entity.name} of that stay as they were")
    missing, known = _compare(connection, source, entity)
    is_meant, note = bool(given), ""
    if missing and is_meant:
        are = "is" if missing == 1 else "are"
        only = f"{count(missing, 'record')} of {entity.name} that only the earlier way of reading made"
        note = f"{only} {are} marked as deleted"
    return _Found(missing, known, note=note, is_meant=is_meant)


def never_read(settings: Settings, source: str, entity: str, load_id: int) -> str:
    """Of the records that a comparison noted as not read: a sentence about those that a load since then has not brought.

    '' when there are none. The sentence is a finding on the comparison, in `ops.validation_results`.
    """
    with connect(settings, LOADER) as connection:
        shape = ENTITIES[entity]
        # named by its table, for a version in quarantine has a key_values too
        noted = [sql.SQL("unread_records.key_values[{}]").format(sql.Literal(n + 1)) for n in range(len(shape.key))]
        connection.execute(
            sql.SQL("delete from ops.unread_records where load_id = {} and ({})").format(
                sql.Literal(load_id), sql.SQL(" or ").join(_places(source, shape, noted))
            )
        )
        row = connection.execute(
            "select count(*), (array_agg(array_to_string(key_values, '/') order by key_values))[:5] "
            "from ops.unread_records where load_id = %s",
            [load_id],
        ).fetchone()
        assert row is not None
        if not row[0]:
            return ""
        sentence = (
            f"{row[0]:,} {entity} are at the source, and no load brought them: {', '.join(row[1])}"
            f"{' …' if row[0] > len(row[1]) else ''}. Their time of change is older than the loads reach back; "
            f"`retain load --source {source} --entity {entity} --full` reads them"
        )
        connection.execute(
            "insert into ops.validation_results (load_id, expectation, judges, severity, success, rows_failed, message) "
            "values (%s, 'keys_read', 'load', 'warning', false, %s, %s)",
            [load_id, row[0], sentence],
        )
        connection.execute(
            "update ops.loads set message = concat_ws('; ', message, %s::text) where load_id = %s", [sentence, load_id]
        )
        return sentence


def _note_unread(connection: psycopg.Connection[Any], source: str, entity: Entity, load_id: int) -> int:
    """Put down the listed keys that are neither in raw nor in quarantine, in the place of those noted before."""
    connection.execute(
        "delete from ops.unread_records using ops.loads where loads.load_id = unread_records.load_id "
        "and loads.source = %s and loads.entity = %s",
        [source, entity.name],
    )
    listed = [sql.SQL("btrim(keys_now.{})").format(sql.Identifier(name)) for name in entity.key]
    return connection.execute(
        sql.SQL(
            "insert into ops.unread_records (load_id, key_values) select distinct {load_id}::bigint, array[{listed}] "
            "from keys_now where {present} and not {known}"
        ).format(
            load_id=sql.Literal(load_id),
            listed=sql.SQL(", ").join(listed),
            present=sql.SQL(" and ").join(sql.SQL("{} <> ''").format(one) for one in listed),
            known=sql.SQL(" and not ").join(_places(source, entity, listed)),
        )
    ).rowcount


def _places(source: str, entity: Entity, values: list[sql.Composed]) -> list[sql.Composed]:
    """That raw holds the record of these key values, and that quarantine holds a version of it, each as a condition."""
    return [
        sql.SQL(
            "exists (select 1 from {raw} as held where held.source = {source} and not held.is_deleted and ({ours}) = ({values}))"
        ).format(
            raw=sql.Identifier("raw", entity.name),
            source=sql.Literal(source),
            ours=sql.SQL(", ").join(sql.SQL("held.{}::text").format(sql.Identifier(name)) for name in entity.key),
            values=sql.SQL(", ").join(values),
        ),
        sql.SQL(
            "exists (select 1 from ops.quarantine as entry where entry.source = {source} and entry.entity = {entity} "
            "and entry.status in ('open', 'discarded') and entry.key_values = array[{values}])"
        ).format(source=sql.Literal(source), entity=sql.Literal(entity.name), values=sql.SQL(", ").join(values)),
    ]


def _gone_from_list(
    connection: psycopg.Connection[Any],
    settings: Settings,
    source: str,
    entity: Entity,
    keys: Iterable[tuple[str, ...]],
) -> _Found:
    """Note what the list lacks.

    Called again, what was on either list is there. A list in pages that loses a record while it is read moves others from a page
    that is still to come into one that was read.
    """
    listed = _list_keys(connection, entity, keys)
    stand_in_for_keys(connection, settings, source, entity)
    return _Found(*_compare(connection, source, entity), listed=listed)


def _list_keys(connection: psycopg.Connection[Any], entity: Entity, keys: Iterable[tuple[str, ...]]) -> int:
    """The source's keys into a temporary table, beside those that are there; returns how many."""
    connection.execute(
        sql.SQL("create temporary table if not exists keys_now ({}) on commit drop").format(
            sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in entity.key)
        )
    )
    listed = 0
    with connection.cursor().copy("copy keys_now from stdin") as copy:
        for values in keys:
            copy.write_row(values)
            listed += 1
    connection.execute("analyze keys_now")
    return listed


def _compare(connection: psycopg.Connection[Any], source: str, entity: Entity) -> tuple[int, int]:
    """Note which records of raw, and which that wait in quarantine, keys_now does not list: (missing, known) of raw."""
    at_source = sql.SQL(", ").join(sql.SQL("btrim(keys_now.{})").format(sql.Identifier(name)) for name in entity.key)
    connection.execute("drop table if exists pg_temp.gone")
    connection.execute(
        sql.SQL(
            "create temporary table gone on commit drop as select {values} as key_values, true as was_in_raw "
            "from {raw} as held where source = {source} and not is_deleted and not exists ("
            "select 1 from keys_now where ({at_source}) = ({ours})) "
            "union all select distinct entry.key_values, false from ops.quarantine as entry "
            "where source = {source} and entity = {entity} and status = 'open' and key_values is not null "
            "and not exists (select 1 from keys_now where array[{at_source}] = entry.key_values)"
        ).format(
            values=key_values(entity, "held"),
            raw=sql.Identifier("raw", entity.name),
            source=sql.Literal(source),
            entity=sql.Literal(entity.name),
            at_source=at_source,
            ours=sql.SQL(", ").join(sql.SQL("held.{}::text").format(sql.Identifier(name)) for name in entity.key),
        )
    )
    row = connection.execute(
        sql.SQL(
            "select (select count(*) from gone where was_in_raw), count(*) from {} where source = %s and not is_deleted"
        ).format(sql.Identifier("raw", entity.name)),
        [source],
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _mark(connection: psycopg.Connection[Any], settings: Settings, source: str, entity: Entity, load_id: int) -> None:
    touched = sql.SQL("select distinct {}, null::date as sent_day, false as is_sent from gone").format(
        keys_from_text(entity, "key_values")
    )
    with reconciled(connection, settings, source, entity, load_id, touched):
        connection.execute(
            "insert into ops.deleted_records (load_id, key_values) select %s, key_values from gone where was_in_raw",
            [load_id],
        )
        mark_in(connection, load_id, source, entity, sql.Identifier("raw", entity.name))
        connection.execute(
            "update ops.quarantine set status = 'closed', closed_at = clock_timestamp(), closed_by_load_id = %s, "
            "closing_note = 'the source no longer has the record' "
            "where source = %s and entity = %s and status = 'open' and key_values in (select key_values from gone)",
            [load_id, source, entity.name],
        )


def mark_in(
    connection: psycopg.Connection[Any], load_id: int, source: str, entity: Entity, target: sql.Composable
) -> int:
    """Mark the records of ops.deleted_records in `target`, which has the shape of raw.<entity>; returns how many.

    They were deleted when the comparison says so, so that doing it again gives the same row.
    """
    return connection.execute(
        sql.SQL(
            "with listed as (select {keys}, published_at from ops.deleted_records join ops.loads using (load_id) "
            "where load_id = {load_id}) update {target} as current set is_deleted = true, "
            "deleted_at = listed.published_at, _load_id = {load_id} from listed "
            "where current.source = {source} and not current.is_deleted and {same}"
        ).format(
            keys=keys_from_text(entity, "key_values"),
            load_id=sql.Literal(load_id),
            target=target,
            source=sql.Literal(source),
            same=sql.SQL(" and ").join(
                sql.SQL("current.{0} = listed.{0}").format(sql.Identifier(name)) for name in entity.key
            ),
        )
    ).rowcount
