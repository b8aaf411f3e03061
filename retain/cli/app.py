"""The commands, as `retain --help` shows them."""

from pathlib import Path
from typing import Annotated

import typer

from retain.cli import customers, records
from retain.cli.options import BenchFormat, Config, Format, day
from retain.cli.screen import console

DAILY, LOOK, SERVE, DEVELOP = "Every day", "Look inside", "Servers", "Develop"

app = typer.Typer(
    name="retain",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help=(
        "[bold]Retain[/bold]: a customer-retention data warehouse that a shop runs itself.\n\n"
        "[bold]retain demo[/bold] shows everything on a simulated shop; [bold]retain run[/bold] does the same for yours, "
        "as its retain.yml says: load what changed, validate it, build the marts, forecast, draw the report."
    ),
    epilog="Exit codes: 0 done · 1 done with refused loads or failed checks · 2 your input · 3 a source or server out of reach",
)


@app.command(rich_help_panel=DAILY)
def demo() -> None:
    """Fill a demo shop, load it, build everything, and say where to look."""
    from retain.cli import running

    running.demo()


@app.command(rich_help_panel=DAILY)
def run(config: Config = None) -> None:
    """Load what changed, build the marts, forecast, draw the report."""
    from retain.cli import running

    running.run(config)


@app.command(rich_help_panel=DAILY)
def load(
    config: Config = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", "-s", help="Only this source (may be repeated).")
    ] = None,
    entity: Annotated[
        list[str] | None, typer.Option("--entity", "-e", help="Only this entity (may be repeated).")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, not only what changed.")] = False,
    from_on: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DAY", help="Read again what the sources changed from this day on (a backfill)."
        ),
    ] = None,
    until_on: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="DAY", help="… up to this day, which is not read any more; through today if absent."
        ),
    ] = None,
) -> None:
    """Extract, land, validate and publish what changed at the sources; with --from, fill a span of time again."""
    from retain.cli import running

    running.load(config, source, entity, full, day("--from", from_on), day("--to", until_on))


@app.command(rich_help_panel=SERVE)
def prepare(config: Config = None) -> None:
    """Bring the warehouse to this release's shape: migrations, tables, roles. Other commands do it before they write."""
    from retain.cli import serving

    serving.prepare(config)


@app.command(rich_help_panel=DAILY)
def replay(
    config: Config = None,
    load_id: Annotated[int | None, typer.Option("--load", "-l", metavar="N", help="The records of this load.")] = None,
    source: Annotated[str | None, typer.Option("--source", "-s", help="Everything of this source.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", "-e", help="Everything of this entity.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything.")] = False,
) -> None:
    """Rebuild raw from landing alone, with the decisions of the time: the same bytes. No source is asked."""
    from retain.cli import restoring

    restoring.rebuild(config, load_id, source, entity, everything)


@app.command(rich_help_panel=DAILY)
def build(
    config: Config = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Rebuild what is kept incrementally.")] = False,
) -> None:
    """Build and test the marts with dbt."""
    from retain.cli import running

    running.build(config, full_refresh)


@app.command(rich_help_panel=DAILY)
def forecast(
    config: Config = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="CUSTOMER_KEY", help="Say why this customer is at risk; nothing is fitted."),
    ] = None,
) -> None:
    """Fit the models, score every customer, grade what is due; with --explain, say what is known of one customer."""
    from retain.cli import running

    if explain is not None:
        running.explain(config, explain)
    else:
        running.forecast(config)


@app.command(rich_help_panel=DAILY)
def report(
    config: Config = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Draw the marts: one HTML file that opens offline, and a PNG."""
    from retain.cli import running

    running.report(config, open_it)


@app.command(rich_help_panel=LOOK)
def status(config: Config = None) -> None:
    """What the warehouse holds, how fresh it is, what waits for a person."""
    from retain.cli import looking

    looking.status(config)


@app.command(rich_help_panel=LOOK)
def doctor(config: Config = None) -> None:
    """Look at everything the warehouse needs: versions, clocks, disk, roles, secrets, sources; exit code 2 when something is wrong."""
    from retain.cli import examining

    examining.doctor(config)


@app.command(rich_help_panel=LOOK)
def metrics(
    config: Config = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve them at /metrics, until Ctrl-C.")] = False,
    host: Annotated[str, typer.Option(help="The address to listen at, with --serve.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port, with --serve.", min=1, max=65535)] = 9464,
) -> None:
    """How the loads go, in Prometheus's text format: rows, seconds, freshness, refused, quarantined."""
    from retain.cli import serving

    serving.metrics(config, serve, host, port)


@app.command(rich_help_panel=LOOK)
def query(
    statement: Annotated[str, typer.Argument(help='SQL, e.g. "select * from marts.key_figures"')],
    config: Config = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="How to print it.")] = Format.table,
) -> None:
    """Ask the marts in SQL, as the read-only BI role."""
    from retain.cli import asking

    asking.query(config, statement, format.value)


records.add_to(app, LOOK)
customers.add_to(app, DAILY, LOOK)


@app.command(rich_help_panel=SERVE)
def airflow(
    config: Config = None,
    port: Annotated[int, typer.Option(help="Port of its web page, on loopback.", min=1, max=65535)] = 8080,
) -> None:
    """Run a whole local Airflow with Retain's DAGs, until Ctrl-C."""
    from retain.cli import serving

    serving.airflow(config, port)


@app.command(rich_help_panel=SERVE)
def superset(
    config: Config = None,
    port: Annotated[int, typer.Option(help="Port of its web page, on loopback.", min=1, max=65535)] = 8088,
) -> None:
    """Run a local Superset with Retain's dashboards, until Ctrl-C."""
    from retain.cli import serving

    serving.superset(config, port)


@app.command(rich_help_panel=SERVE)
def stop(config: Config = None) -> None:
    """Stop the embedded PostgreSQL."""
    from retain.cli import serving

    serving.stop(config)


@app.command(rich_help_panel=SERVE)
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; FILE.json beside it.")], config: Config = None
) -> None:
    """Copy the whole warehouse into one file, as it is at this moment. Loads may go on."""
    from retain.cli import restoring

    restoring.back_up(config, file)


@app.command(rich_help_panel=SERVE)
def restore(file: Annotated[Path, typer.Argument(help="What `retain backup` wrote.")], config: Config = None) -> None:
    """Bring a backup into an empty warehouse, and prove that every table is as it was."""
    from retain.cli import restoring

    restoring.restore(config, file)


@app.command(rich_help_panel=SERVE)
def secrets(
    file: Annotated[Path | None, typer.Argument(help="The file; .env beside docker-compose.yml if absent.")] = None,
) -> None:
    """Fill the empty secrets of .env with strong random values; keep the others, and refuse weak ones."""
    from retain import passwords

    console.print(passwords.complete(file or passwords.FILE), soft_wrap=True)


@app.command(hidden=True)
def shop(customers: Annotated[int, typer.Option(help="How many customers it has.")] = 20_000) -> None:
    """Be the demo shop of the stack: fill its database and its tills up to yesterday, and go on every day."""
    from retain.cli import serving

    serving.shop(customers)


@app.command(rich_help_panel=DEVELOP, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the tests; arguments go to pytest."""
    from retain.cli import developing

    developing.test(context.args)


@app.command(rich_help_panel=DEVELOP, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which one; docs/bench.md says what each asks.")],
    format: Annotated[BenchFormat, typer.Option("--format", "-f", help="How to print it.")] = BenchFormat.table,
) -> None:
    """Measure Retain: faults, crash, gate, ... Further options are the bench's own, like --orders 100000."""
    from retain.cli import developing

    developing.bench(name, format.value, context.args)


@app.command(rich_help_panel=DEVELOP)
def lint() -> None:
    """ruff, mypy, sqlfluff, as CI runs them."""
    from retain.cli import developing

    developing.lint()


@app.command(hidden=True)
def lock() -> None:
    """Resolve every requirements.in into its lock."""
    from retain.cli import developing

    developing.lock()


@app.command(hidden=True)
def dashboards() -> None:
    """Write dashboards/ from what retain/dashboards/ declares."""
    from retain.cli import developing

    developing.dashboards()
