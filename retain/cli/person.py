"""`retain person`: what is held about one person, their erasure, and what proves it."""

import sys
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from retain import warehouse
from retain.cli.instance import settings_of
from retain.cli.looking import moment, require_warehouse
from retain.cli.screen import console
from retain.config import Settings
from retain.counting import count
from retain.errors import UserError
from retain.person import again, erasure, export, proof

BEYOND = "Backups, the source systems and files written elsewhere are beyond Retain: see docs/erasure.md."


def write(config: Path | None, name: str, path: Path | None) -> None:
    target, rows = export.export(_prepared(config), name, path)
    total = sum(rows.values())
    console.print(
        f"{count(total, 'row')} of {count(len(rows), 'table')} in {escape(str(target))}, which only you can read.",
        soft_wrap=True,
    )
    console.print(f"[dim]It is personal data: hand it over, and delete it. {BEYOND}[/dim]", soft_wrap=True)


def erase(config: Path | None, name: str, reason: str, is_agreed: bool) -> None:
    settings = _prepared(config)
    accounts, guests = erasure.described(settings, name)
    if not is_agreed:
        if not sys.stdin.isatty():
            raise UserError(
                "An erasure cannot be undone, and nobody is here to confirm it.", hint="With --yes it is done unasked."
            )
        console.print(
            f"This person has {count(accounts, 'account')} and was {count(guests, 'guest')}. What identifies them goes from every layer; "
            "the orders stay under a random key. This cannot be undone.",
            soft_wrap=True,
        )
        try:
            answer = console.input("Type [bold]erase[/bold] to go on: ").strip()
        except EOFError:  # Ctrl-D
            answer = ""
        if answer != "erase":
            raise UserError("Not confirmed: nothing was changed.")
    done = erasure.erase(settings, name, reason)
    removed = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in sorted(done.identifiers.items()))
    rows = f"{count(sum(done.rows.values()), 'row')} of {count(len(done.rows), 'table')}"
    console.print(
        f"Erasure {done.erasure_id}: {rows} no longer say who ({removed}).",
        soft_wrap=True,
    )
    if done.shared:
        console.print(
            f"{count(done.shared, 'identifier')} of other customers too: removed here, and theirs still.",
            soft_wrap=True,
        )
    if done.left:
        console.print(
            f"{count(done.left, 'identifier')} that too many people gave to be anybody's: left as it is.",
            soft_wrap=True,
        )
    if done.reasons:
        console.print(
            f"{count(done.reasons, 'reason')} given by hand for decisions about this person: erased whole, a name may stand there.",
            soft_wrap=True,
        )
    for path in done.files:
        console.print(f"Put right: {escape(str(path))}", soft_wrap=True)
    for path in done.unreadable_files:
        console.print(
            f"[yellow]![/yellow] {escape(str(path))} names the person and is no text: delete it.", soft_wrap=True
        )
    console.print(
        f"[dim]No figure of the marts has changed. `retain person prove` shows that nothing is left. {BEYOND}[/dim]",
        soft_wrap=True,
    )


def repeat(config: Path | None) -> None:
    erasures, customers = again.repeat(_prepared(config))
    if erasures:
        erased_again(erasures, customers)
    else:
        console.print("Every erasure on record is done in this warehouse.")


def erased_again(erasures: int, customers: int) -> None:
    console.print(
        f"{count(erasures, 'erasure')} newer than this warehouse repeated: {count(customers, 'customer')} no longer say who. "
        "Who came later is recognised when a source sends them.",
        soft_wrap=True,
    )


def prove(config: Path | None, name: str) -> bool:
    """Say whether anything of this identifier is left; returns whether nothing is."""
    settings = _prepared(config)
    found = proof.prove(settings, name)
    if found.erased_at is not None:
        console.print(f"Somebody of this identifier was erased on {moment(settings, found.erased_at)}.")
    else:
        console.print("Nobody of this identifier was ever erased here.")
    if found.is_clean:
        console.print("It stands in no table of the warehouse, and in no file of the state folder.")
        return True
    for place, rows in sorted(found.tables.items()):
        console.print(f"[red]✗[/red] {place}: {count(rows, 'row')}", soft_wrap=True)
    for path in found.files:
        console.print(f"[red]✗[/red] {escape(str(path))}", soft_wrap=True)
    return False


def erasures(config: Path | None) -> None:
    """What was erased, when, by whom and why; never who."""
    settings = _prepared(config)
    records = proof.records(settings)
    if not records:
        console.print("Nobody was ever erased.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("erasure", "on", "by", "reason", "accounts", "identifiers", "rows"):
        table.add_column(column, overflow="fold")
    for one in records:
        removed = sum(one.identifiers["removed"].values())
        cells = (
            one.erasure_id,
            moment(settings, one.erased_at),
            escape(one.erased_by),
            escape(one.reason),
            one.accounts,
            removed,
        )
        table.add_row(*map(str, cells), f"{sum(one.rows_touched.values()):,}")
    console.print(table)


def _prepared(config: Path | None) -> Settings:
    settings = settings_of(config)
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
    warehouse.prepare(settings)
    return settings
