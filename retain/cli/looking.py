"""`retain status` and `retain loads`: what the warehouse says of itself."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from rich.markup import escape
from rich.table import Table

from retain import alerts, data_docs, warehouse
from retain.cli.instance import settings_of
from retain.cli.screen import console, heading
from retain.config import Settings
from retain.counting import count
from retain.errors import UserError
from retain.metrics import last_loads
from retain.progress import verified_through
from retain.relations import exists

WIDTH_OF_LOADS = 125  # columns that `retain loads` asks for in full


def status(config: Path | None) -> None:
    settings = settings_of(config)
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
        heading(f"{settings.business.name}, as of {settings.as_of_on}")
        rows = connection.execute(
            "select distinct on (source, entity) source, entity, status, started_at, rows_sent, message from ops.loads "
            "where kind in ('incremental', 'full') order by source, entity, load_id desc"
        ).fetchall()
        others = connection.execute(
            "select * from (select distinct on (source, entity, kind) source, entity, kind, status, started_at, message "
            "from ops.loads where kind not in ('incremental', 'full', 'retry') order by source, entity, kind, load_id desc) "
            "as last where status in ('refused', 'failed') order by started_at"
        ).fetchall()
        waiting = dict(
            connection.execute(
                "select source || '.' || entity, count(*) from ops.quarantine where status = 'open' group by 1"
            ).fetchall()
        )
        counts = connection.execute(_counts()).fetchall()
        lost = connection.execute(
            "select source, entity, sum(difference), count(*), min(day) from ops.reconciliation where difference <> 0 "
            "group by source, entity order by source, entity"
        ).fetchall()
        complete = verified_through(connection, settings)
        marts = connection.execute("select count(*) from pg_tables where schemaname = 'marts'").fetchone()
        seconds = {(load.source, load.entity): load.seconds for load in last_loads(connection)}
        problems, silent = alerts.open_alerts(connection), alerts.silent_channels(connection)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("source", "entity", "last load"):
        table.add_column(column, overflow="fold")
    for column in ("seconds", "rows", "in raw", "held"):
        table.add_column(column, justify="right")
    table.add_column("complete until")
    held = {(source, entity): number for source, entity, number in counts}
    now = datetime.now(UTC)
    for source, entity, state, started, sent, message in rows:
        when = f"{_ago(now - started)} ago"
        table.add_row(
            source, entity, when if state == "published" else f"[red]{state}[/red] {when}",
            _seconds(seconds.get((source, entity))), f"{sent or 0:,}",
            f"{held.get((source, entity), 0):,}", f"{waiting.get(f'{source}.{entity}', 0):,}",
            _today(settings, complete.get((source, entity)), now),
        )  # fmt: skip
        if message and state != "published":
            table.add_row("", "", f"[dim]{escape(message)}[/dim]")
    console.print(table)
    _completeness(settings, complete)
    for source, entity, kind, state, started, message in others:
        console.print(
            f"[red]{state}[/red]: {kind} of {source} {entity}, {_ago(now - started)} ago: {escape(message or '')}"
        )
    for source, entity, number, days, since in lost:
        console.print(
            f"[red]{source} {entity} does not add up[/red]: {count(number, 'record')} on {count(days, 'day')} (the first {since}); "
            "`select * from ops.reconciliation where difference <> 0` lists them, docs/runbooks/restore_from_landing.md helps."
        )
    if problems:
        are_open = "1 problem is open" if len(problems) == 1 else f"{len(problems)} problems are open"
        titles = escape("; ".join(alert.title for alert in problems))
        console.print(f"[red]{are_open}[/red]: {titles} [dim](`retain alerts` says more)[/dim]", soft_wrap=True)
    say_who_is_silent(settings, silent)
    assert marts is not None
    parameters = warehouse.dsn(settings)
    console.print(
        f"\n{count(marts[0], 'mart')} in PostgreSQL at {parameters['host']}:{parameters['port']}/{parameters['dbname']}, schema marts"
    )


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.1f}"


def _today(settings: Settings, at: datetime | None, now: datetime) -> str:
    """The time of day where that says enough: eight columns then fit a terminal of eighty."""
    zone = settings.business.zone
    if at is None or at.astimezone(zone).date() != now.astimezone(zone).date():
        return moment(settings, at)
    return f"today {at.astimezone(zone):%H:%M}"


def say_who_is_silent(settings: Settings, silent: list[tuple[str, datetime, str]]) -> None:
    """A red line for each channel that did not take its last message."""
    for channel, at, error in silent:
        console.print(
            f"{channel} did not take its last message ({moment(settings, at)}): {error}.",
            style="red",
            markup=False,
            soft_wrap=True,
        )


def _completeness(settings: Settings, complete: Mapping[tuple[str, str], datetime | None]) -> None:
    """A line a source: until when its figures are complete, and which entity holds it back."""
    for source in settings.sources:
        known = {entity: complete.get((source.name, entity)) for entity in source.entities}
        never = [entity for entity, moment in known.items() if moment is None]
        if never:
            console.print(
                f"{source.name} is not complete: {', '.join(never)} {'was' if len(never) == 1 else 'were'} never published"
            )
            continue
        moments = {entity: moment for entity, moment in known.items() if moment is not None}
        until = min(moments.values())
        behind = [entity for entity, moment in moments.items() if moment == until]
        held = "" if len(set(moments.values())) == 1 else f"  [dim](the others are ahead of {', '.join(behind)})[/dim]"
        console.print(f"{source.name} is complete until {moment(settings, until)}{held}")


def moment(settings: Settings, at: datetime | None) -> str:
    """By the shop's clock, to the minute."""
    return "never" if at is None else f"{at.astimezone(settings.business.zone):%Y-%m-%d %H:%M}"


def _counts() -> sql.Composed:
    from retain.entities import ENTITIES

    return sql.SQL(" union all ").join(
        sql.SQL("select source, {}, count(*) from {} where not is_deleted group by source").format(
            sql.Literal(entity), sql.Identifier("raw", entity)
        )
        for entity in ENTITIES
    )


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def require_warehouse(connection: psycopg.Connection[Any]) -> None:
    if not exists(connection, "ops.loads"):
        raise UserError("The warehouse is empty: nothing has been loaded yet.", hint="`retain run` does it.")
    if not exists(connection, "ops.alerts"):
        raise UserError("The warehouse was prepared by an older Retain.", hint="`retain load` brings it up to date.")


def loads(config: Path | None, limit: int) -> None:
    settings = settings_of(config)
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
        rows = connection.execute(
            "select load_id, source, entity, kind, status, started_at, rows_sent, rows_changed, rows_quarantined, "
            "coalesce(published_at, validated_at, landed_at) - started_at, message from ops.loads order by load_id desc limit %s",
            [limit],
        ).fetchall()
    said: list[str] = []
    is_narrow = console.width < WIDTH_OF_LOADS  # then without what `retain loads show` says too
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("load", "source", "entity", *(() if is_narrow else ("kind",)), "status", "started"):
        table.add_column(column, overflow="fold", no_wrap=column != "entity")
    for column in ("sent", "held") if is_narrow else ("sent", "changed", "quarantined", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    for load_id, source, entity, kind, state, started, sent, changed, held, took, message in rows:
        colour = "green" if state == "published" else "yellow" if state in ("started", "landed", "validated") else "red"
        numbers = (sent, held) if is_narrow else (sent, changed, held)
        table.add_row(
            str(load_id), source, entity, *(() if is_narrow else (kind,)),
            f"[{colour}]{state}[/{colour}]", moment(settings, started),
            *("" if number is None else f"{number:,}" for number in numbers),
            *(() if is_narrow else (f"{took.total_seconds():.1f}" if took is not None else "",)),
        )  # fmt: skip
        if message and (state in ("refused", "failed") or kind in ("release", "replay")):
            said.append(f"[dim]{load_id}[/dim]  {escape(message)}")
    console.print(table)
    for line in said:
        console.print(line, soft_wrap=True)


def loads_show(config: Path | None, load_id: int) -> None:
    settings = settings_of(config)
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
        cursor = connection.execute("select * from ops.loads where load_id = %s", [load_id])
        row = cursor.fetchone()
        if row is None or cursor.description is None:
            raise UserError(f"There is no load {load_id}.", hint="`retain loads` lists them.")
        names = [column.name for column in cursor.description]
        results = connection.execute(
            "select success, severity, judges, rows_failed, message, expectation from ops.validation_results "
            "where load_id = %s order by success, severity, expectation",
            [load_id],
        ).fetchall()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in zip(names, row, strict=True):
        if value is not None:
            text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
            text = value.isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else text
            table.add_row(name.replace("_", " "), escape(text if len(text) < 400 else f"{text[:400]} …"))
    if page := data_docs.path_of(load_id, settings):
        table.add_row("Data Docs", str(page))
    console.print(table)
    heading(count(len(results), "expectation"))
    checks = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("", "judges", "severity", "rows failed", "what", "rule"):
        checks.add_column(column, justify="right" if column == "rows failed" else "left")
    for success, severity, judges, failed, message, rule in results:
        mark = "[green]✓[/green]" if success else "[yellow]![/yellow]" if severity == "warning" else "[red]✗[/red]"
        number = "" if failed is None else f"{failed:,}"
        checks.add_row(mark, judges, severity, number, escape(message or ""), f"[dim]{rule}[/dim]")
    console.print(checks)
