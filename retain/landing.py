"""Land what a source sends: every row as text, append-only, under a load's number, in one transaction."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

import retain
from retain.config import Settings
from retain.copying import Progress, copy_rows, copy_steps, fit_landing, offered_columns
from retain.errors import Busy, NotLetIn, RetainError, UserError
from retain.logs import tell
from retain.roles import LOADER
from retain.sources import Batch, ExtractInSteps, PagedSource, Source, Window, open_source
from retain.warehouse import connect

ENTITY_LOCK = 727_002


@dataclass(frozen=True)
class LandedLoad:
    """A load that is in landing: its number, how many rows the source sent, and what is odd about them, in sentences."""

    load_id: int
    rows_sent: int
    warnings: tuple[str, ...] = ()


def landing_table(source: str, entity: str) -> sql.Identifier:
    return sql.Identifier("landing", f"{source}__{entity}")


def gate_table(load_id: int) -> sql.Identifier:
    return sql.Identifier("gate", f"load_{load_id}")


def failures_table(load_id: int) -> sql.Identifier:
    return sql.Identifier("gate", f"load_{load_id}_failures")


def evidence_table(load_id: int) -> sql.Identifier:
    return sql.Identifier("gate", f"load_{load_id}_evidence")


def drop_gate_tables(connection: psycopg.Connection[Any], load_id: int) -> None:
    connection.execute(
        sql.SQL("drop table if exists {}, {}, {}").format(
            gate_table(load_id), failures_table(load_id), evidence_table(load_id)
        )
    )


@contextmanager
def only_one_load(connection: psycopg.Connection[Any], source: str, entity: str) -> Iterator[None]:
    """Hold the entity for this session; raises Busy with a sentence when another session loads it now."""
    name = f"{source}.{entity}"
    held = connection.execute("select pg_try_advisory_lock(%s, hashtext(%s))", [ENTITY_LOCK, name]).fetchone()
    connection.commit()
    if not held or not held[0]:
        raise Busy(
            f"Another load of {entity} from {source} is running.", hint="Wait for it to end: `retain loads` shows it."
        )
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.rollback()
            connection.execute("select pg_advisory_unlock(%s, hashtext(%s))", [ENTITY_LOCK, name])
            connection.commit()


def land_changes(
    settings: Settings,
    source: str,
    entity: str,
    *,
    full: bool = False,
    window: Window | None = None,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> LandedLoad:
    """Land what changed at the source since the last published load.

    The cursor is read from `ops.cursors`, which moves only when a load is published: a load that was landed and never
    published is superseded here, and its rows are asked for again. One that stopped between two pages goes on there.

    Raises OutOfReach or UserError as the source does (nothing is landed then, but for whole pages, which the next load
    keeps), Busy when the entity is being loaded.
    """
    with connect(settings, LOADER) as connection, only_one_load(connection, source, entity):
        reader = open_source(settings, source)
        kind = "backfill" if window is not None else "full" if full else "incremental"
        state, at = _state(connection, source, entity), now or _now(connection)
        load_id, batch = _resumed(connection, reader, entity, kind, state, at)
        if load_id is None:
            load_id = _begin(connection, source, entity, kind, state)
        try:
            if batch is None:
                batch = reader.plan(entity, state, at, full=full, window=window)
            return _land(connection, settings, reader, batch, source, entity, load_id, progress)
        except Exception as error:
            _record_failure(connection, source, entity, load_id, error)
            tell("failed", load_id, source, entity)
            raise


def _now(connection: psycopg.Connection[Any]) -> datetime:
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def _state(connection: psycopg.Connection[Any], source: str, entity: str) -> dict[str, Any] | None:
    """How far the entity has been published."""
    cursor = connection.execute(
        "select state from ops.cursors where source = %s and entity = %s", [source, entity]
    ).fetchone()
    return cursor[0] if cursor else None


def _resumed(
    connection: psycopg.Connection[Any],
    reader: Source,
    entity: str,
    kind: str,
    state: dict[str, Any] | None,
    now: datetime,
) -> tuple[int | None, Batch | None]:
    """The last load of the entity, and the rest of what it asked for, where it stopped between two pages of the same task."""
    if not isinstance(reader, PagedSource) or kind == "backfill":
        return None, None
    row = connection.execute(
        "select load_id, kind, cursor_before, progress from ops.loads where source = %s and entity = %s "
        "and kind in ('incremental', 'full', 'backfill') order by load_id desc limit 1",
        [reader.name, entity],
    ).fetchone()
    if row is None or row[3] is None or (row[1], row[2]) != (kind, state):
        return None, None
    batch = reader.resume(entity, state, row[3], now)
    if batch is None:
        return None, None
    connection.execute("update ops.loads set status = 'started', message = null where load_id = %s", [row[0]])
    connection.commit()
    return row[0], batch


def _begin(
    connection: psycopg.Connection[Any], source: str, entity: str, kind: str, state: dict[str, Any] | None
) -> int:
    superseded = connection.execute(
        "update ops.loads set status = 'failed', message = 'ended before it was published; its rows were asked for again' "
        "where source = %s and entity = %s and status in ('started', 'landed', 'validated') returning load_id",
        [source, entity],
    ).fetchall()
    for (unfinished,) in superseded:
        drop_gate_tables(connection, unfinished)
    drop_pages(connection, source, entity)
    row = connection.execute(
        "insert into ops.loads (source, entity, kind, status, cursor_before, code_version) "
        "values (%s, %s, %s, 'started', %s, %s) returning load_id",
        [source, entity, kind, None if state is None else json.dumps(state), retain.__version__],
    ).fetchone()
    connection.commit()
    assert row is not None
    return int(row[0])


def drop_pages(connection: psycopg.Connection[Any], source: str, entity: str) -> int:
    """Drop the pages of loads that nobody will finish: they are asked for again, and would be in landing twice."""
    given_up = connection.execute(
        "update ops.loads set progress = null, rows_sent = null where source = %s and entity = %s and progress is not null "
        "returning load_id",
        [source, entity],
    ).fetchall()
    for (load_id,) in given_up:
        connection.execute(
            sql.SQL("delete from {} where _load_id = %s").format(landing_table(source, entity)), [load_id]
        )
    return len(given_up)


def _record_failure(
    connection: psycopg.Connection[Any], source: str, entity: str, load_id: int, error: Exception
) -> None:
    """Best effort: when the warehouse itself is gone, the next load of this entity marks this one as failed.

    What the user has to correct, such as a link that leads nowhere any more, is not gone on with from there.
    """
    sentence = str(error) if isinstance(error, RetainError) else f"{type(error).__name__} while landing"
    try:
        connection.rollback()
        if isinstance(error, UserError) and not isinstance(error, NotLetIn):
            drop_pages(connection, source, entity)
        connection.execute(
            "update ops.loads set status = 'failed', message = %s where load_id = %s", [sentence, load_id]
        )
        connection.commit()
    except psycopg.Error:
        return


def _land(
    connection: psycopg.Connection[Any],
    settings: Settings,
    reader: Source,
    batch: Batch,
    source: str,
    entity: str,
    load_id: int,
    progress: Progress | None,
) -> LandedLoad:
    with reader.read(batch) as extract:
        table = landing_table(source, entity)
        is_new = fit_landing(connection, table, extract.columns)
        connection.execute("select set_config('retain.load_id', %s, true)", [str(load_id)])
        statement = sql.SQL("copy {} ({}) from stdin (format csv{})").format(
            table,
            sql.SQL(", ").join(map(sql.Identifier, extract.columns)),
            # else whoever reads it first would write all of it once more; steps are transactions of their own
            sql.SQL(", freeze" if is_new and not isinstance(extract, ExtractInSteps) else ""),
        )
        if isinstance(extract, ExtractInSteps):
            copy_steps(connection, statement, extract, load_id, progress)
        else:
            copy_rows(connection, statement, extract.copy_chunks, progress)
        from retain.person.arriving import land_without_the_erased  # which maps rows of landing, as this makes them

        of_erased = land_without_the_erased(connection, settings, source, entity, load_id)
        warnings = [*extract.warnings, *([_still_sent(of_erased, source)] if of_erased else [])]
        window = batch.window
        connection.execute(
            "update ops.loads set status = 'landed', landed_at = clock_timestamp(), rows_sent = %s, control_totals = %s, "
            "columns = %s, offered = %s, cursor_after = %s, progress = null, "
            "window_from = %s, window_to = %s, message = %s, rows_of_erased = %s where load_id = %s",
            [
                extract.rows_sent,
                json.dumps(extract.control_totals),
                json.dumps(extract.columns),
                json.dumps(offered_columns(connection, settings, reader, extract, source, entity))
                if extract.rows_sent
                else None,
                json.dumps(extract.state_after),
                window.start if window else None,
                window.end if window else None,
                "; ".join(warnings) or None,
                of_erased,
                load_id,
            ],
        )
        connection.commit()
        tell("landed", load_id, source, entity, rows_sent=extract.rows_sent)
        return LandedLoad(load_id, extract.rows_sent, tuple(warnings))


def _still_sent(rows: int, source: str) -> str:
    return f"{rows:,} rows are of people who were erased; {source} still sends them, and they were landed without what identifies them"
