"""`retain identity`: who is one customer, why, and what a person decides about it. No e-mail, phone or card is shown."""

from pathlib import Path
from uuid import UUID

from rich.markup import escape
from rich.table import Table

from retain import identity, warehouse
from retain.cli.instance import settings_of
from retain.cli.looking import moment, require_warehouse
from retain.cli.screen import console, heading
from retain.config import Settings
from retain.errors import UserError
from retain.identity import Decision


def listed(config: Path | None, with_reverted: bool = False) -> None:
    """The decisions in force, or all of them."""
    settings = settings_of(config)
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
        decisions = identity.read(connection, with_reverted=with_reverted)
    if not decisions:
        console.print("Nobody has joined or split customers by hand.")
        return
    _show_decisions(decisions)
    console.print(
        "[dim]`retain identity revert N --reason …` ends one; the rules speak again from the next build on.[/dim]"
    )


def _show_decisions(decisions: list[Decision]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("decision", "what", "identities", "reason", "by", "on", "state"):
        table.add_column(column, overflow="fold")
    for one in decisions:
        state = "in force"
        if one.reverted_at is not None:
            state = f"reverted on {one.reverted_at:%Y-%m-%d} by {one.reverted_by}: {one.reverted_because}"
        what = "are one customer" if one.decision == "join" else "are split off"
        names = ", ".join(one.source_ids)
        day = f"{one.decided_at:%Y-%m-%d}"
        cells = (str(one.decision_id), what, names, one.reason, one.decided_by, day, state)
        table.add_row(*map(escape, cells))
    console.print(table)


def show(config: Path | None, name: str) -> None:
    """One customer, by customer_key or any identity: its identities, what joined them, what was blocked, what was decided."""
    settings = settings_of(config)
    with warehouse.connect(settings) as connection:
        require_warehouse(connection)
        if not identity.is_built(connection):
            raise UserError("No customer is known yet.", hint="`retain build` resolves who is one.")
        rows = connection.execute(
            "select source_id, customer_key, is_guest, is_on_record, known_since_on "
            "from intermediate.int_customer_identities where customer_key in "
            "(select customer_key from intermediate.int_customer_identities where source_id = %s or customer_key = %s) "
            "order by known_since_on nulls last, source_id",
            [name, _as_key(name)],
        ).fetchall()
        if not rows:
            raise UserError(
                f"There is no customer {name} in the last build.",
                hint="Name it by customer_key, or by one of its identities as source:id.",
            )
        names = [row[0] for row in rows]
        merges = connection.execute(
            "select event, logged_at, source_id, joined_to_source_id, rule, identifier_masked, load_id "
            "from intermediate.int_identity_merge_log where source_id = any(%(names)s) or joined_to_source_id = any(%(names)s) "
            "order by logged_at, source_id",
            {"names": names},
        ).fetchall()
        blocked = connection.execute(
            "select rule, count(*), max(people), max(people_at_most) from intermediate.int_identity_links "
            "where source_id = any(%s) and is_blocked group by rule order by rule",
            [names],
        ).fetchall()
        decisions = identity.read(connection, about=names)
    console.print(f"[bold]Customer {rows[0][1]}[/bold]: {len(rows)} identit{'y' if len(rows) == 1 else 'ies'}")
    for source_id, _, is_guest, is_on_record, since in rows:
        kind = "guest" if is_guest else "account" if is_on_record else "account, known from orders only"
        console.print(f"  {escape(source_id)}  [dim]{kind}, since {since or 'nobody knows when'}[/dim]", soft_wrap=True)
    if merges:
        heading("How they were joined")
        for event, at, one, other, rule, masked, load_id in merges:
            verb = "joined to" if event == "joined" else "parted from"
            load = f", load {load_id}" if load_id is not None else ""
            console.print(
                f"  {moment(settings, at)}  {escape(one)} {verb} {escape(other)} by {rule.replace('_', ' ')} "
                f"{escape(masked)}[dim]{load}[/dim]",
                soft_wrap=True,
            )
    for rule, number, people, limit in blocked:
        console.print(
            f"[yellow]![/yellow] {number} {rule.replace('_', ' ')} joins nobody: seen with {people} people, more than {limit}"
        )
    if decisions:
        heading("Decided by hand")
        _show_decisions(decisions)


def _as_key(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


def join(config: Path | None, source_ids: list[str], reason: str) -> None:
    number = identity.join(_prepared(config), source_ids, reason)
    console.print(f"Decision {number}: {escape(', '.join(source_ids))} are one customer.")
    _say_when()


def split(config: Path | None, source_ids: list[str], reason: str) -> None:
    number = identity.split(_prepared(config), source_ids, reason)
    console.print(f"Decision {number}: {escape(', '.join(source_ids))} is split off from the rest of its customer.")
    _say_when()


def revert(config: Path | None, decision_id: int, reason: str) -> None:
    done = identity.revert(_prepared(config), decision_id, reason)
    console.print(f"Decision {decision_id} ({done.decision} of {escape(', '.join(done.source_ids))}) is reverted.")
    _say_when()


def _prepared(config: Path | None) -> Settings:
    settings = settings_of(config)
    warehouse.prepare(settings)
    return settings


def _say_when() -> None:
    console.print("[dim]The next build brings it into the marts; every later one keeps it.[/dim]")
