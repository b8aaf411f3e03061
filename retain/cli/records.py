"""The commands about what is on record: `retain sources`, `loads`, `quarantine` and `alerts`, as their `--help` shows them."""

from typing import Annotated

import typer

from retain.cli.options import Config, Reason

sources_app = typer.Typer(
    help="Where the data comes from: how far it was read, and whether it answers.", invoke_without_command=True
)
loads_app = typer.Typer(help="The last loads, or one of them in full.", invoke_without_command=True)
alerts_app = typer.Typer(help="What is wrong, since when, and who was told of it.", invoke_without_command=True)
quarantine_app = typer.Typer(help="The rows that no mart may count, and why.", invoke_without_command=True)


SourceName = Annotated[str, typer.Argument(metavar="NAME", help="The source, by its name in retain.yml.")]


@sources_app.callback()
def sources(context: typer.Context, config: Config = None) -> None:
    """The sources of retain.yml; `retain sources check` asks them."""
    if context.invoked_subcommand is None:
        sources_list(config)


@sources_app.command("list")
def sources_list(config: Config = None) -> None:
    """Every entity of every source: when it was last loaded, and how far."""
    from retain.cli import sources as reading

    reading.listed(config)


@sources_app.command("check")
def sources_check(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Only these.", show_default=False)] = None,
    config: Config = None,
) -> None:
    """Ask every source, and say what is wrong with its address, credentials, rights, clock or shape; exit code 2 if so."""
    from retain.cli import sources as reading

    reading.check(config, names)


@sources_app.command("preview")
def sources_preview(
    name: SourceName,
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="Of what, like orders.")],
    config: Config = None,
    rows: Annotated[int, typer.Option("--rows", "-n", help="How many.", min=1, max=100)] = 3,
) -> None:
    """The first records as they are sent. Nothing is kept. They may be about people: mind who sees the screen."""
    from retain.cli import sources as reading

    reading.preview(config, name, entity, rows)


@sources_app.command("reset")
def sources_reset(
    name: SourceName,
    entity: Annotated[
        list[str] | None, typer.Option("--entity", "-e", help="Only this entity (may be repeated).")
    ] = None,
    config: Config = None,
) -> None:
    """Forget how far a source was read: the next load reads everything. What is in raw stays."""
    from retain.cli import sources as reading

    reading.reset(config, name, entity)


@loads_app.callback()
def loads(
    context: typer.Context, config: Config = None, limit: Annotated[int, typer.Option(help="How many.", min=1)] = 20
) -> None:
    """The last loads; `retain loads show N` for one of them."""
    if context.invoked_subcommand is None:
        from retain.cli import looking

        looking.loads(config, limit)


@loads_app.command("show")
def loads_show(
    load_id: Annotated[int, typer.Argument(metavar="N", help="The load, by its number.")], config: Config = None
) -> None:
    """One load: its window, its counts, what every expectation found."""
    from retain.cli import looking

    looking.loads_show(config, load_id)


@quarantine_app.callback()
def quarantine(context: typer.Context, config: Config = None) -> None:
    """What is held back, by source, entity and reason; `retain quarantine show N` for one row."""
    if context.invoked_subcommand is None:
        from retain.cli import quarantine as keeping

        keeping.listed(config)


@quarantine_app.command("list")
def quarantine_list(
    config: Config = None,
    source: Annotated[str | None, typer.Option("--source", "-s", help="Only rows of this source.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", "-e", help="Only rows of this entity.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", "-r", help="Only rows that this rule holds.")] = None,
    limit: Annotated[int, typer.Option(help="How many rows to list at most.", min=1)] = 50,
) -> None:
    """How many rows are held back, by source and rule; with a filter, the rows too."""
    from retain.cli import quarantine as keeping

    keeping.listed(config, source, entity, rule, limit)


@quarantine_app.command("show")
def quarantine_show(
    quarantine_id: Annotated[int, typer.Argument(metavar="N", help="The entry, by its number.")], config: Config = None
) -> None:
    """One row in quarantine: every reason, and the record as it was sent."""
    from retain.cli import quarantine as keeping

    keeping.show(config, quarantine_id)


Entries = Annotated[list[int], typer.Argument(metavar="N", help="Entries, by their numbers.")]


@quarantine_app.command("release")
def quarantine_release(quarantine_ids: Entries, reason: Reason, config: Config = None) -> None:
    """Publish these rows as they were sent, past the rules that held them. All of them or none."""
    from retain.cli import quarantine as keeping

    keeping.release(config, quarantine_ids, reason)


@quarantine_app.command("discard")
def quarantine_discard(quarantine_ids: Entries, reason: Reason, config: Config = None) -> None:
    """End these entries: what was sent will never count, even if it is sent again."""
    from retain.cli import quarantine as keeping

    keeping.discard(config, quarantine_ids, reason)


@alerts_app.callback()
def alerts(context: typer.Context, config: Config = None) -> None:
    """What is wrong, since when, and who was told of it; `retain alerts test` tries every channel."""
    if context.invoked_subcommand is None:
        from retain.cli import alerting

        alerting.listed(config)


@alerts_app.command("list")
def alerts_list(config: Config = None) -> None:
    """The open problems, the last messages, and the channels that did not take theirs."""
    from retain.cli import alerting

    alerting.listed(config)


@alerts_app.command("test")
def alerts_test(config: Config = None) -> None:
    """Send one message through every channel of retain.yml, and say of each whether it arrived."""
    from retain.cli import alerting

    alerting.test(config)


def add_to(app: typer.Typer, look: str) -> None:
    """Put these commands into the panel `look` of the help."""
    app.add_typer(sources_app, name="sources", rich_help_panel=look)
    app.add_typer(loads_app, name="loads", rich_help_panel=look)
    app.add_typer(alerts_app, name="alerts", rich_help_panel=look)
    app.add_typer(quarantine_app, name="quarantine", rich_help_panel=look)
