"""`retain alerts list`, `retain alerts test`: what is wrong, who was told, and whether the channels work."""

from datetime import datetime
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from retain import alerts, warehouse
from retain.cli.instance import settings_of
from retain.cli.looking import moment, require_warehouse, say_who_is_silent
from retain.cli.screen import console, heading
from retain.config import Settings
from retain.errors import OutOfReach, Refused, UserError

DELIVERIES_SHOWN = 10
NOBODY = "Nobody is told: retain.yml names no channel under `alerts: {to: [...]}`."
WORDS = {"ok": "[green]arrived[/green]", "failed": "[red]failed[/red]", "sending": "[yellow]on its way[/yellow]"}


def listed(config: Path | None) -> None:
    """The open problems with who was told, the last messages, and the channels that did not take theirs."""
    settings = settings_of(config)
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
        found = alerts.open_alerts(connection)
        told = alerts.last_deliveries(connection)
        recent = alerts.recent_deliveries(connection, DELIVERIES_SHOWN)
        silent = alerts.silent_channels(connection)
    if found:
        console.print(_problems(settings, found, told))
    else:
        console.print("No problem is open.")
    if recent:
        heading("Last messages")
        console.print(_messages(settings, recent))
    say_who_is_silent(settings, silent)
    if not settings.alerts.to:
        console.print(NOBODY, style="dim", markup=False)


def _problems(
    settings: Settings,
    found: list[alerts.Alert],
    told: dict[int, list[tuple[str, str, datetime, str | None]]],
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("open problem", "since", "rows", "told"):
        table.add_column(column, overflow="fold", justify="right" if column == "rows" else "left")
    for alert in found:
        deliveries = [
            f"{channel} {'✓' if state == 'ok' else state}" for channel, state, _, _ in told.get(alert.alert_id, [])
        ]
        table.add_row(
            escape(alert.title),
            moment(settings, alert.since),
            "" if alert.rows is None else f"{alert.rows:,}",
            escape(", ".join(deliveries)) or "nobody",
        )
    return table


def _messages(settings: Settings, recent: list[tuple[datetime, str, str, str | None, str, str | None]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("when", "channel", "event", "problem", "how it went"):
        table.add_column(column, overflow="fold")
    for at, channel, event, title, status, error in recent:
        note = f" {escape(error)}" if error else ""
        table.add_row(moment(settings, at), escape(channel), event, escape(title or ""), f"{WORDS[status]}{note}")
    return table


def test(config: Path | None) -> None:
    """Send one message to every channel and say of each how it went. Raises OutOfReach when none arrived, Refused when some."""
    settings = settings_of(config)
    if not settings.alerts.to:
        raise UserError(NOBODY, hint="docs/runbooks/alert_silence.md shows how a channel is written.")
    attempts = alerts.send_test(settings)
    for attempt in attempts:
        if attempt.error:
            console.print(
                f"[red]✗[/red] {escape(attempt.channel)} did not take it: {escape(attempt.error)}.", soft_wrap=True
            )
        else:
            note = f", but {escape(attempt.note)}" if attempt.note else ""
            console.print(f"[green]✓[/green] {escape(attempt.channel)} took it{note}.", soft_wrap=True)
    failed = [attempt.channel for attempt in attempts if attempt.error]
    if failed:
        ending = OutOfReach if len(failed) == len(attempts) else Refused
        raise ending(
            f"No message went out by {', '.join(failed)}.", hint="docs/runbooks/alert_silence.md says what to try."
        )
