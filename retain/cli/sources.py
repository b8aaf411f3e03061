"""`retain sources`: where the data comes from, how far it was read, whether it answers, and what it sends."""

import csv
import io
from collections.abc import Generator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from retain import warehouse
from retain.cli.examining import end_with
from retain.cli.instance import settings_of
from retain.cli.looking import moment, require_warehouse
from retain.cli.options import unknown
from retain.cli.screen import console, heading
from retain.config import Settings
from retain.counting import count
from retain.source_checks import check_source, forget
from retain.sources import open_source

LONGEST_ROW = 1 << 26  # characters of one value of a record, at most


def listed(config: Path | None) -> None:
    """A line an entity: its source, the end of its last load, and how that ended."""
    settings = settings_of(config)
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
        rows = connection.execute(
            "select distinct on (source, entity) source, entity, status, started_at, progress ->> 'rows', window_to "
            "from ops.loads where kind in ('incremental', 'full') order by source, entity, load_id desc"
        ).fetchall()
    last = {(row[0], row[1]): row[2:] for row in rows}
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("source", "type", "entity", "last load", "", "read up to"):
        table.add_column(column, overflow="fold")
    for source in settings.sources:
        for entity in source.entities:
            status, at, kept, until = last.get((source.name, entity), ("never", None, None, None))
            note = f"{count(int(kept), 'record')} kept" if kept else ""
            when, end = (moment(settings, one) if one else "" for one in (at, until))
            table.add_row(source.name, source.type, entity, f"{status} {when}".strip(), note, end)
    console.print(table)


def check(config: Path | None, names: list[str] | None) -> None:
    """Print every finding; exit code 2 when one of them is wrong."""
    settings = settings_of(config)
    chosen = names or [source.name for source in settings.sources]
    _refuse_unknown(settings, chosen)
    end_with(finding for name in chosen for finding in check_source(settings, name))


def preview(config: Path | None, name: str, entity: str, rows: int) -> None:
    """The first records of everything, value by value."""
    settings = settings_of(config)
    _refuse_unknown(settings, [name], [entity])
    reader = open_source(settings, name)
    with reader.read(reader.plan(entity, None, datetime.now(UTC), full=True)) as extract:
        chunks = iter(extract.copy_chunks)
        text = next(chunks, b"").decode("utf-8")
        if isinstance(chunks, Generator):
            chunks.close()  # while the source is still there
        columns = extract.columns
    csv.field_size_limit(LONGEST_ROW)
    records = list(islice(csv.reader(io.StringIO(text, newline="")), rows))
    for number, values in enumerate((values for values in records if values), 1):
        heading(f"{entity} {number} from {name}")
        _show(dict(zip(columns, values, strict=True)))
    if not any(records):
        console.print(f"{name} answers, and has no {entity} yet.")


def _show(record: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in record.items():
        if value:
            table.add_row(name, escape(value))
    console.print(table)


def reset(config: Path | None, name: str, entities: list[str] | None) -> None:
    settings = settings_of(config)
    _refuse_unknown(settings, [name], entities or [])
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
    for entity in entities or list(settings.source(name).entities):
        done = forget(settings, name, entity)
        what = "the next load reads everything" if done else "nothing was known of how far it was read"
        console.print(f"{entity} from {name}: {what}.")


def _refuse_unknown(settings: Settings, names: list[str], entities: list[str] | None = None) -> None:
    known = [source.name for source in settings.sources]
    for name in names:
        if name not in known:
            raise unknown("source", name, known)
        for entity in entities or []:
            if entity not in settings.source(name).entities:
                raise unknown(f"entity of {name}", entity, list(settings.source(name).entities))
