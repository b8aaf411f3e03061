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
from retain.cli.looking import require_warehouse
from retain.cli.screen import console, heading
from retain.config import Settings
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
        console.print(
            "Nothing is in quarantine." if not any((source, entity, rule)) else "Nothing of that is in quarantine."
        )
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("source", "entity", "reason", "rule"):
        table.add_column(column)
    for column in ("rows", "since", "e.g."):
        table.add_column(column, justify="right")
    for name, of, rule_name, reason, number, since, example, waits in counts:
        text = f"{escape(reason)} [dim](tried again by itself)[/dim]" if waits else escape(reason)
        table.add_row(name, of, text, rule_name, f"{number:,}", f"{since:%Y-%m-%d}", str(example))
    console.print(table)
    if any((source, entity, rule)):
        _show_entries(entries)
    console.print(
        "[dim]`retain quarantine show N` shows one row; `list --rule …` lists the rows. A corrected record at the source closes "
        "its entry by itself; `release N --reason …` and `discard N --reason …` are for what will not be corrected.[/dim]"
    )


def _show_entries(entries: list[tuple[Any, ...]]) -> None:
    heading(f"{entries[0][-1]:,} rows" if entries else "No rows")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("entry", "source", "entity", "key", "since", "reasons"):
        table.add_column(column)
    for number, source, entity, key, since, reasons, _ in entries:
        table.add_row(
            str(number), source, entity, escape(key or "(none)"), f"{since:%Y-%m-%d %H:%M}", escape("; ".join(reasons))
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
    when = f"{state} since {opened:%Y-%m-%d %H:%M}" if state == "open" else f"{state}, opened {opened:%Y-%m-%d %H:%M}"
    console.print(f"[bold]{entity} {escape(key or '(no key)')}[/bold] from {source}, load {load_id}: {when}")
    for reason in reasons:
        console.print(f"[red]✗[/red] {escape(reason)}", soft_wrap=True)
    if note:
        console.print(f"{escape(note)}{f' ({decided:%Y-%m-%d %H:%M})' if decided else ''}", soft_wrap=True)
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
    console.print(f"Released {_rows(done.entries)}: {done.rows_changed:,} new or changed in raw{_before(done)}.")
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
        f"Discarded {_rows(done.entries)}{_before(done)}. What was sent stays in landing; a changed version is judged anew."
    )


def _prepared(config: Path | None) -> Settings:
    settings = settings_of(config)
    warehouse.prepare(settings)
    return settings


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _before(done: decisions.Decided) -> str:
    return f" ({_rows(done.decided_before)} had been before)" if done.decided_before else ""
