"""`retain win-back`: the list for a marketer, in a file that only its owner reads; the screen shows no contact data."""

from pathlib import Path

from rich.markup import escape

from retain import outreach
from retain.cli.instance import settings_of
from retain.cli.looking import require_warehouse
from retain.cli.screen import console
from retain.counting import count
from retain.warehouse import connect


def win_back(config: Path | None, format: str, output: Path | None) -> None:
    settings = settings_of(config)
    with connect(settings) as connection:
        require_warehouse(connection)
    written = outreach.write_win_back(settings, output, format)
    people = count(written.customers, "customer")
    worth = f", {written.value_at_stake:,} {written.currency} at stake" if written.customers else ""
    console.print(f"{people}{worth}: {escape(str(written.path))}", soft_wrap=True)
    console.print(
        "[dim]It holds names, addresses and numbers, and only you can read it: delete it when it has served. Who refuses "
        "from now on is not on the next one.[/dim]"
    )
