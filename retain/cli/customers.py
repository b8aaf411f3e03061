"""The commands about customers: `retain identity`, `retain person` and `retain win-back`, as their `--help` shows them."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from retain.cli.options import Config, Reason


class FileFormat(StrEnum):
    csv = "csv"
    json = "json"


identity_app = typer.Typer(
    help="Who is one customer, and what was decided about it by hand.", invoke_without_command=True
)
Identities = Annotated[
    list[str], typer.Argument(metavar="SOURCE:ID", help="Identities, as in dim_customers.source_ids.")
]


@identity_app.callback()
def identity(context: typer.Context, config: Config = None) -> None:
    """What was joined and split by hand; `retain identity show SOURCE:ID` for one customer."""
    if context.invoked_subcommand is None:
        from retain.cli import identity as resolving

        resolving.listed(config)


@identity_app.command("list")
def identity_list(
    config: Config = None,
    with_reverted: Annotated[bool, typer.Option("--all", help="Also the decisions that were reverted.")] = False,
) -> None:
    """The decisions in force, with who made them and why."""
    from retain.cli import identity as resolving

    resolving.listed(config, with_reverted)


@identity_app.command("show")
def identity_show(
    name: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="A customer_key, or any of its identities (source:id).")
    ],
    config: Config = None,
) -> None:
    """One customer: its identities, what joined them and when, what was blocked, what was decided by hand."""
    from retain.cli import identity as resolving

    resolving.show(config, name)


@identity_app.command("join")
def identity_join(source_ids: Identities, reason: Reason, config: Config = None) -> None:
    """These identities are one customer, whatever the rules say."""
    from retain.cli import identity as resolving

    resolving.join(config, source_ids, reason)


@identity_app.command("split")
def identity_split(source_ids: Identities, reason: Reason, config: Config = None) -> None:
    """These identities are a customer of their own, whatever they share with others."""
    from retain.cli import identity as resolving

    resolving.split(config, source_ids, reason)


@identity_app.command("revert")
def identity_revert(
    decision_id: Annotated[int, typer.Argument(metavar="N", help="The decision, by its number.")],
    reason: Reason,
    config: Config = None,
) -> None:
    """End a decision: the rules speak again. It stays on record."""
    from retain.cli import identity as resolving

    resolving.revert(config, decision_id, reason)


def win_back(
    config: Config = None,
    format: Annotated[FileFormat, typer.Option("--format", "-f", help="How to write it.")] = FileFormat.csv,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The file; below the warehouse's folder when left out.", show_default=False
        ),
    ] = None,
) -> None:
    """Write the customers worth winning back who agreed to it, with how to reach them, to a file of your own."""
    from retain.cli import reaching

    reaching.win_back(config, format.value, output)


person_app = typer.Typer(
    help="What is held about one person: export it, erase it, prove it gone.", no_args_is_help=True
)
Who = Annotated[
    str,
    typer.Argument(
        metavar="CUSTOMER", help="An account as source:id, an e-mail, phone or loyalty card, or a customer_key."
    ),
]


@person_app.command("export")
def person_export(
    name: Who,
    config: Config = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; below the state folder if absent.")
    ] = None,
) -> None:
    """Everything that is held about a person, from every layer, as one JSON document that only you can read."""
    from retain.cli import person

    person.write(config, name, out)


@person_app.command("erase")
def person_erase(
    name: Who,
    reason: Annotated[str, typer.Option("--reason", help="Why, without who: it stays on record.")],
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove from every layer what identifies a person, for good; the orders stay under a random key, and no figure changes."""
    from retain.cli import person

    person.erase(config, name, reason, yes)


@person_app.command("repeat")
def person_repeat(config: Config = None) -> None:
    """Do again the erasures that this warehouse does not know, since it came out of an older backup; `retain restore` does so itself."""
    from retain.cli import person

    person.repeat(config)


@person_app.command("prove")
def person_prove(name: Who, config: Config = None) -> None:
    """When somebody of this identifier was erased, and every place in which it stands all the same (exit code 1)."""
    from retain.cli import person

    if not person.prove(config, name):
        sys.exit(1)


@person_app.command("erasures")
def person_erasures(config: Config = None) -> None:
    """The erasures on record: when, by whom and why, never who."""
    from retain.cli import person

    person.erasures(config)


def add_to(app: typer.Typer, daily: str, look: str) -> None:
    """Put these commands into the panels `daily` and `look` of the help."""
    app.command("win-back", rich_help_panel=daily)(win_back)
    app.add_typer(identity_app, name="identity", rich_help_panel=look)
    app.add_typer(person_app, name="person", rich_help_panel=look)
