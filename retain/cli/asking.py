"""`retain query`: one statement as the BI role, and its answer as a table, CSV or JSON."""

import csv
import json
import math
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from retain import warehouse
from retain.cli.instance import settings_of
from retain.cli.screen import console
from retain.counting import count
from retain.errors import UserError

WIDEST = 100_000  # characters of a line that nobody looks at on a terminal


def query(config: Path | None, statement: str, format: str) -> None:
    """Run one statement as the BI role, in a transaction that cannot write. Raises UserError when it may not or cannot run."""
    settings = settings_of(config)
    warehouse.ensure_running(settings)
    with warehouse.open_connection(warehouse.bi_dsn(settings)) as connection:
        connection.read_only = True
        try:
            names, rows = _answer(connection, statement)
        except psycopg.Error as error:
            if isinstance(error, psycopg.OperationalError) and not isinstance(error, psycopg.errors.QueryCanceled):
                raise
            raise _refusal(error) from None
    {"table": _as_table, "csv": _as_csv, "json": _as_json}[format](names, rows)


def _answer(connection: psycopg.Connection[Any], statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    cursor = connection.execute(statement.encode(errors="surrogateescape"))  # what is no UTF-8 the server tells
    if cursor.description is None:
        raise UserError("The statement returns no rows to show.")
    return [column.name for column in cursor.description], cursor.fetchall()


def _refusal(error: psycopg.Error) -> UserError:
    said = str(error).strip()
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return UserError(f"The BI role may only read the schema marts: {said.splitlines()[0]}.")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return UserError("The BI role may only read: the statement would change something.")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return UserError(f"The statement was ended: {said}.", hint="The BI role has five minutes for one.")
    return UserError(f"The statement cannot be run: {said}")


def _as_table(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    show(names, rows, console)


def show(names: list[str], rows: list[tuple[Any, ...]], screen: Console) -> None:
    """Print rows as a table; where a terminal is too narrow for it, a line a value, row by row."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for number, name in enumerate(names):
        numeric = bool(rows) and all(isinstance(row[number], int | float | Decimal | None) for row in rows)
        table.add_column(escape(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    width = Measurement.get(screen, screen.options.update(max_width=WIDEST), table).maximum
    if width <= screen.width:
        screen.print(table)
    elif screen.is_terminal:
        _show_one_by_one(names, rows, screen)
    else:
        Console(file=screen.file, width=width, highlight=False).print(table)
    screen.print(f"[dim]{count(len(rows), 'row')}[/dim]")


def _show_one_by_one(names: list[str], rows: list[tuple[Any, ...]], screen: Console) -> None:
    for number, row in enumerate(rows, 1):
        screen.print(f"[dim]── row {number:,}[/dim]")
        values = Table(box=None, pad_edge=False, show_header=False)
        values.add_column(style="bold")
        values.add_column(overflow="fold")
        for name, value in zip(names, row, strict=True):
            values.add_row(escape(name), _cell(value))
        screen.print(values)


def _cell(value: Any) -> str:
    return "" if value is None else escape(str(_plain(value)))


def _as_csv(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(names)
    for row in rows:
        writer.writerow(["" if value is None else _plain(value) for value in row])


def _as_json(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    """Numbers with decimals are printed with all their digits, as JSON numbers."""
    lines = [
        "{" + ", ".join(f"{json.dumps(name)}: {as_json(value)}" for name, value in zip(names, row, strict=True)) + "}"
        for row in rows
    ]
    sys.stdout.write("[" + ",\n ".join(lines) + "]\n")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return "{" + ",".join(str(item) for item in value) + "}"
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    return value


def as_json(value: Any) -> str:
    """A value of PostgreSQL as JSON: an array as a list, what JSON has no type for as text, NaN and infinity as null."""
    if isinstance(value, list):
        return "[" + ", ".join(map(as_json, value)) + "]"
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else "null"
    if isinstance(value, float):
        return json.dumps(value) if math.isfinite(value) else "null"
    if isinstance(value, datetime):
        return json.dumps(value.isoformat())
    if value is None or isinstance(value, bool | int | str | dict):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(str(_plain(value)), ensure_ascii=False)
