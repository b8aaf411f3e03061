"""Find what was deleted at a source by comparing keys: absence from an increment means nothing, absence from the whole does."""

from datetime import timedelta

from psycopg import sql

import retain
from retain.config import Settings
from retain.entities import ENTITIES
from retain.landing import only_one_load
from retain.sources import open_source
from retain.warehouse import connect

EVERY = timedelta(hours=24)
BELIEVABLE_SHARE, BELIEVABLE_ROWS = 0.2, 20  # a source that has suddenly lost more than this is refused, not believed


def is_due(settings: Settings, source: str, entity: str) -> bool:
    """Whether the last comparison, or the first load (which read everything there was), is more than a day ago."""
    with connect(settings) as connection:
        row = connection.execute(
            "select coalesce(max(started_at) filter (where kind = 'deletions'), min(started_at)) < clock_timestamp() - %s "
            "from ops.loads where source = %s and entity = %s and status = 'published'",
            [EVERY, source, entity],
        ).fetchone()
    return bool(row and row[0])


def mark_deleted(settings: Settings, source: str, entity: str) -> tuple[int, int, str] | None:
    """Mark the records of raw that the source no longer has: (load id, records marked, why it was refused or '').

    None for a source that cannot list its keys. Refused, with nothing marked, when more than a fifth would go at once.
    Raises OutOfReach or UserError as the source does.
    """
    key = ENTITIES[entity].key
    with connect(settings) as connection, only_one_load(connection, source, entity):
        keys = open_source(settings, source).keys(entity)
        if keys is None:
            return None
        connection.execute(
            sql.SQL("create temporary table keys_now ({}) on commit drop").format(
                sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in key)
            )
        )
        with connection.cursor().copy("copy keys_now from stdin") as copy:
            for values in keys:
                copy.write_row(values)
        connection.execute("analyze keys_now")
        raw = sql.Identifier("raw", entity)
        gone = sql.SQL(
            "current.source = {source} and not current.is_deleted and not exists "
            "(select 1 from keys_now where ({keys}) = ({ours}))"
        ).format(
            source=sql.Literal(source),
            keys=sql.SQL(", ").join(sql.SQL("btrim(keys_now.{})").format(sql.Identifier(name)) for name in key),
            ours=sql.SQL(", ").join(sql.SQL("current.{}::text").format(sql.Identifier(name)) for name in key),
        )
        counted = connection.execute(
            sql.SQL(
                "select count(*) filter (where {gone}), count(*) from {raw} as current "
                "where source = {source} and not is_deleted"
            ).format(gone=gone, raw=raw, source=sql.Literal(source))
        ).fetchone()
        assert counted is not None
        missing, known = int(counted[0]), int(counted[1])
        refusal = ""
        if missing > max(BELIEVABLE_ROWS, BELIEVABLE_SHARE * known):
            refusal = f"{missing:,} of {known:,} {entity} are no longer at the source: too many to be believed, none was marked"
        row = connection.execute(
            "insert into ops.loads (source, entity, kind, status, rows_sent, rows_changed, published_at, code_version, message) "
            "values (%s, %s, 'deletions', %s, %s, %s, clock_timestamp(), %s, %s) returning load_id",
            [
                *(source, entity, "refused" if refusal else "published", known, 0 if refusal else missing),
                *(retain.__version__, refusal or None),
            ],
        ).fetchone()
        assert row is not None
        if missing and not refusal:
            connection.execute(
                sql.SQL(
                    "update {raw} as current set is_deleted = true, deleted_at = clock_timestamp(), _load_id = {load_id} "
                    "where {gone}"
                ).format(raw=raw, load_id=sql.Literal(row[0]), gone=gone)
            )
        connection.commit()
        return row[0], missing, refusal
