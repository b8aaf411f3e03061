"""Bring the rows of an extract into their landing table: its columns, the COPY, and what the source offers beside it."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from psycopg import sql

from retain.config import FilesEntity, Settings
from retain.relations import columns_of, exists
from retain.sources import Extract, ExtractInSteps, Source

Progress = Callable[[int], None]  # called with the number of bytes that went in since the last call


def copy_rows(
    connection: psycopg.Connection[Any], statement: sql.Composed, chunks: Iterable[bytes], progress: Progress | None
) -> None:
    with connection.cursor().copy(statement) as copy:
        for chunk in chunks:
            copy.write(chunk)
            if progress is not None:
                progress(len(chunk))


def copy_steps(
    connection: psycopg.Connection[Any],
    statement: sql.Composed,
    extract: ExtractInSteps,
    load_id: int,
    progress: Progress | None,
) -> None:
    """Each step in a transaction of its own, together with where to go on after it: a crash costs the running one alone."""
    for step in extract.steps:
        connection.execute("select set_config('retain.load_id', %s, true)", [str(load_id)])
        copy_rows(connection, statement, [step.chunk] if step.rows else [], progress)
        connection.execute(
            "update ops.loads set progress = %s, rows_sent = %s where load_id = %s",
            [json.dumps(step.progress), extract.rows_sent, load_id],
        )
        connection.commit()


def offered_columns(
    connection: psycopg.Connection[Any],
    settings: Settings,
    reader: Source,
    extract: Extract,
    source: str,
    entity: str,
) -> dict[str, str]:
    """The columns that the source offers now, with their types; of JSON, which leaves out what is empty, also those of before."""
    shape = settings.source(source).entities[entity]
    if isinstance(extract, ExtractInSteps):
        offered = extract.offered
    else:
        offered = {column.name: column.type_text for column in reader.columns(entity)}
        if not isinstance(shape, FilesEntity) or shape.file_format != "jsonl":
            return offered
    before = connection.execute(
        "select offered from ops.loads where source = %s and entity = %s and offered is not null order by load_id desc limit 1",
        [source, entity],
    ).fetchone()
    return {**(before[0] if before else {}), **offered}


def fit_landing(connection: psycopg.Connection[Any], table: sql.Identifier, columns: list[str]) -> bool:
    """Make the landing table, or add the columns that the source did not have before; returns whether it is new.

    Nothing is ever taken away.
    """
    is_new = not exists(connection, table)
    if is_new:  # load and row rise together, so a block range says where a load is
        connection.execute(
            sql.SQL(
                "create table {0} (_load_id bigint not null default current_setting('retain.load_id')::bigint, "
                "_row bigint generated always as identity); "
                "create index on {0} using brin (_load_id, _row) with (pages_per_range = 16)"
            ).format(table)
        )
    known = columns_of(connection, table)
    for name in columns:
        if name not in known:
            connection.execute(sql.SQL("alter table {} add column {} text").format(table, sql.Identifier(name)))
    return is_new
