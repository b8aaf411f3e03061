"""Land what a source sends: every row as text, append-only, under a load's number, in one transaction."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

import retain
from retain.config import FilesEntity, Settings
from retain.errors import Busy, RetainError
from retain.logs import tell
from retain.roles import LOADER
from retain.sources import Batch, Source, Window, open_source
from retain.warehouse import connect

ENTITY_LOCK = 727_002
Progress = Callable[[int], None]  # called with the number of bytes that went in since the last call


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
    published is superseded here, and its rows are asked for again.

    Raises OutOfReach or UserError as the source does (nothing is landed then), Busy when the entity is being loaded.
    """
    with connect(settings, LOADER) as connection, only_one_load(connection, source, entity):
        reader = open_source(settings, source)
        kind = "backfill" if window is not None else "full" if full else "incremental"
        load_id, state = _begin(connection, source, entity, kind)
        try:
            batch = reader.plan(entity, state, now or _now(connection), full=full, window=window)
            return _land(connection, settings, reader, batch, source, entity, load_id, progress)
        except Exception as error:
            _record_failure(connection, load_id, error)
            tell("failed", load_id, source, entity)
            raise


def _now(connection: psycopg.Connection[Any]) -> datetime:
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def _begin(
    connection: psycopg.Connection[Any], source: str, entity: str, kind: str
) -> tuple[int, dict[str, Any] | None]:
    superseded = connection.execute(
        "update ops.loads set status = 'failed', message = 'ended before it was published; its rows were asked for again' "
        "where source = %s and entity = %s and status in ('started', 'landed', 'validated') returning load_id",
        [source, entity],
    ).fetchall()
    for (unfinished,) in superseded:
        drop_gate_tables(connection, unfinished)
    cursor = connection.execute(
        "select state from ops.cursors where source = %s and entity = %s", [source, entity]
    ).fetchone()
    state = cursor[0] if cursor else None
    row = connection.execute(
        "insert into ops.loads (source, entity, kind, status, cursor_before, code_version) "
        "values (%s, %s, %s, 'started', %s, %s) returning load_id",
        [source, entity, kind, None if state is None else json.dumps(state), retain.__version__],
    ).fetchone()
    connection.commit()
    assert row is not None
    return row[0], state


def _record_failure(connection: psycopg.Connection[Any], load_id: int, error: Exception) -> None:
    """Best effort: when the warehouse itself is gone, the next load of this entity marks this one as failed."""
    sentence = str(error) if isinstance(error, RetainError) else f"{type(error).__name__} while landing"
    try:
        connection.rollback()
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
        is_new = _fit_landing(connection, table, extract.columns)
        connection.execute("select set_config('retain.load_id', %s, true)", [str(load_id)])
        statement = sql.SQL("copy {} ({}) from stdin (format csv{})").format(
            table,
            sql.SQL(", ").join(map(sql.Identifier, extract.columns)),
            sql.SQL(", freeze" if is_new else ""),  # else whoever reads it first would write all of it once more
        )
        cursor = connection.cursor()
        with cursor.copy(statement) as copy:
            for chunk in extract.copy_chunks:
                copy.write(chunk)
                if progress is not None:
                    progress(len(chunk))
        from retain.person.arriving import land_without_the_erased  # which maps rows of landing, as this makes them

        of_erased = land_without_the_erased(connection, settings, source, entity, load_id)
        warnings = [*extract.warnings, *([_still_sent(of_erased, source)] if of_erased else [])]
        window = batch.window
        connection.execute(
            "update ops.loads set status = 'landed', landed_at = clock_timestamp(), rows_sent = %s, control_totals = %s, "
            "columns = %s, offered = %s, cursor_after = %s, window_from = %s, window_to = %s, message = %s, "
            "rows_of_erased = %s where load_id = %s",
            [
                extract.rows_sent,
                json.dumps(extract.control_totals),
                json.dumps(extract.columns),
                json.dumps(_offered(connection, settings, reader, source, entity)) if extract.rows_sent else None,
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


def _offered(
    connection: psycopg.Connection[Any], settings: Settings, reader: Source, source: str, entity: str
) -> dict[str, str]:
    """The columns that the source offers now, with their types; of JSON Lines, which leave out what is empty, also those of before."""
    offered = {column.name: column.type_text for column in reader.columns(entity)}
    shape = settings.source(source).entities[entity]
    if not isinstance(shape, FilesEntity) or shape.file_format != "jsonl":
        return offered
    before = connection.execute(
        "select offered from ops.loads where source = %s and entity = %s and offered is not null order by load_id desc limit 1",
        [source, entity],
    ).fetchone()
    return {**(before[0] if before else {}), **offered}


def _fit_landing(connection: psycopg.Connection[Any], table: sql.Identifier, columns: list[str]) -> bool:
    """Make the landing table, or add the columns that the source did not have before; returns whether it is new.

    Nothing is ever taken away.
    """
    there = connection.execute("select to_regclass(%s) is not null", [table.as_string(connection)]).fetchone()
    is_new = not there or not there[0]
    if is_new:  # load and row rise together, so a block range says where a load is
        connection.execute(
            sql.SQL(
                "create table {0} (_load_id bigint not null default current_setting('retain.load_id')::bigint, "
                "_row bigint generated always as identity); "
                "create index on {0} using brin (_load_id, _row) with (pages_per_range = 16)"
            ).format(table)
        )
    known = {
        row[0]
        for row in connection.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
            [table.as_string(connection)],
        )
    }
    for name in columns:
        if name not in known:
            connection.execute(sql.SQL("alter table {} add column {} text").format(table, sql.Identifier(name)))
    return is_new
