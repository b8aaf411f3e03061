"""`retain quarantine`: what is held back and why, and what a person decides about it."""

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from rich.markup import escape
from rich.table import Table

from retain import alerts, decisions, warehouse
from retain.cli.instance import settings_of
from retain.cli.looking import moment, require_warehouse
from retain.cli.options import unknown, unknown_entity
from retain.cli.screen import console, heading
from retain.config import Settings
from retain.counting import count
from retain.entities import ENTITIES
from retain.errors import UserError
from retain.landing import landing_table
from retain.releases import release_and_take_up

CHOSEN = (
    "status = 'open' and (%(source)s::text is null or source = %(source)s) "
    "and (%(entity)s::text is null or entity = %(entity)s) and (%(rule)s::text is null or %(rule)s = any(rules))"
)


def listed(
    config: Path | None,
    source: str | None = None,
    entity: str | None = None,
    rule: str | None = None,
    limit: int = 50,
) -> None:
    """Counts by source, entity and rule; with a filter also the entries themselves."""
    settings = settings_of(config)
    chosen = {"source": source, "entity": entity, "rule": rule, "limit": limit}
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
        counts = connection.execute(
            "select source, entity, broken.rule, min(broken.reason), count(*), min(opened_at), min(quarantine_id), "
            "bool_and(waits_for_reference) from ops.quarantine, unnest(rules, reasons) as broken(rule, reason) "
            f"where {CHOSEN} and (%(rule)s::text is null or broken.rule = %(rule)s) "
            "group by source, entity, broken.rule order by count(*) desc, source, entity, rule",
            chosen,
        ).fetchall()
        entries = connection.execute(
            "select quarantine_id, source, entity, record_key, opened_at, reasons, count(*) over () from ops.quarantine "
            f"where {CHOSEN} order by quarantine_id desc limit %(limit)s",
            chosen,
        ).fetchall()
    if not counts:
        _say_nothing(settings, source, entity, rule)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("source", "entity", "reason", "rule"):
        table.add_column(column, overflow="fold")
    for column in ("rows", "since", "e.g."):
        table.add_column(column, justify="right")
    for name, of, rule_name, reason, number, since, example, waits in counts:
        text = f"{escape(reason)} [dim](tried again by itself)[/dim]" if waits else escape(reason)
        table.add_row(name, of, text, rule_name, f"{number:,}", moment(settings, since)[:10], str(example))
    console.print(table)
    if any((source, entity, rule)):
        _show_entries(settings, entries)
    console.print(
        "[dim]`retain quarantine show N` shows one row; `list --rule …` lists the rows. A corrected record at the source closes "
        "its entry by itself; `release N --reason …` and `discard N --reason …` are for what will not be corrected.[/dim]"
    )


def _say_nothing(settings: Settings, source: str | None, entity: str | None, rule: str | None) -> None:
    """That nothing is held; a misspelled name is no good news, and raises UserError."""
    names = [one.name for one in settings.sources]
    if source is not None and source not in names:
        raise unknown("source", source, names)
    if entity is not None and entity not in ENTITIES:
        raise unknown_entity(entity)
    console.print("Nothing of that is in quarantine." if source or entity or rule else "Nothing is in quarantine.")


def _show_entries(settings: Settings, entries: list[tuple[Any, ...]]) -> None:
    heading(count(entries[0][-1], "row") if entries else "No rows")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("entry", "source", "entity", "key", "since", "reasons"):
        table.add_column(column, overflow="fold")
    for number, source, entity, key, since, reasons, _ in entries:
        table.add_row(
            str(number), source, entity, escape(key or "(none)"), moment(settings, since), escape("; ".join(reasons))
        )
    console.print(table)
    if entries and entries[0][-1] > len(entries):
        console.print(f"[dim]… and {entries[0][-1] - len(entries):,} more (--limit)[/dim]")


def show(config: Path | None, quarantine_id: int) -> None:
    settings = settings_of(config)
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
        row = connection.execute(
            "select source, entity, origin_load_id, row_number, record_key, reasons, status, opened_at, closing_note, "
            "decided_at from ops.quarantine left join ops.quarantine_decisions using (quarantine_id) "
            "where quarantine_id = %s",
            [quarantine_id],
        ).fetchone()
        if row is None:
            raise UserError(f"There is no entry {quarantine_id} in quarantine.", hint="`retain quarantine` lists them.")
        source, entity, load_id, row_number, key, reasons, state, opened, note, decided = row
        record = _landed(connection, source, entity, row_number)
    since = moment(settings, opened)
    when = f"{state} since {since}" if state == "open" else f"{state}, opened {since}"
    console.print(f"[bold]{entity} {escape(key or '(no key)')}[/bold] from {source}, load {load_id}: {when}")
    for reason in reasons:
        console.print(f"[red]✗[/red] {escape(reason)}", soft_wrap=True)
    if note:
        console.print(f"{escape(note)}{f' ({moment(settings, decided)})' if decided else ''}", soft_wrap=True)
    heading("As it was sent")
    if not record:
        console.print("The retention policy has deleted the row from landing.")
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in record.items():
        if name not in ("_load_id", "_row"):
            table.add_row(name, "[dim]null[/dim]" if value is None else escape(str(value)))
    console.print(table)


def _landed(connection: psycopg.Connection[Any], source: str, entity: str, row_number: int) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(sql.SQL("select * from {} where _row = %s").format(landing_table(source, entity)), [row_number])
        return cursor.fetchone() or {}


def release(config: Path | None, quarantine_ids: list[int], reason: str) -> None:
    settings = _prepared(config)
    done, outcomes = release_and_take_up(settings, quarantine_ids, reason)
    console.print(f"Released {count(done.entries, 'row')}: {done.rows_changed:,} new or changed in raw{_before(done)}.")
    for outcome in outcomes:
        if outcome.rows_changed:
            console.print(
                f"{outcome.rows_changed:,} {outcome.entity} from {outcome.source} had waited, and were taken up."
            )
    if done.rows_changed:
        console.print("[dim]The next build brings them into the marts.[/dim]")


def discard(config: Path | None, quarantine_ids: list[int], reason: str) -> None:
    settings = _prepared(config)
    done = decisions.discard(settings, quarantine_ids, reason)
    alerts.observe(settings)
    console.print(
        f"Discarded {count(done.entries, 'row')}{_before(done)}. What was sent stays in landing; a changed version is judged anew."
    )


def _prepared(config: Path | None) -> Settings:
    settings = settings_of(config)
    warehouse.prepare(settings)
    return settings


def _before(done: decisions.Decided) -> str:
    return f" ({count(done.decided_before, 'row')} had been before)" if done.decided_before else ""
