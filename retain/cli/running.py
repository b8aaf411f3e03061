"""`retain demo`, `run`, `load`, `build`, `forecast`, `report`: the work, step by step, on the screen."""

import sys
import webbrowser
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from rich.markup import escape
from rich.table import Table

from retain import alerts, transform, warehouse
from retain import loads as loading
from retain.cli.instance import (
    DEMO_CONFIG,
    DEMO_FOLDER,
    DEMO_TIMEZONE,
    enter_demo,
    is_found_unnamed,
    settings_of,
    yesterday,
)
from retain.cli.options import unknown, unknown_entity
from retain.cli.screen import console, heading, step
from retain.config import Settings
from retain.counting import count
from retain.errors import UserError
from retain.roles import FORECASTER
from retain.sources import Window

FIGURES = (  # column of marts.key_figures, what a person calls it, how it is written
    ("customers", "customers who bought", "{:,}"),
    ("orders", "valid orders", "{:,}"),
    ("net_amount", "net sales", "{:,.2f} {currency}"),
    ("active_customers", "active customers", "{:,}"),
    ("repeat_rate", "came back at least once", "{:.1%}"),
    ("repurchased_within_90_rate", "came back within 90 days", "{:.1%}"),
    ("lapse_days", "lapsed after", "{:,} days of silence"),
    ("lapsed_customers", "lapsed customers", "{:,}"),
    ("predicted_value_365", "predicted sales, next 365 days", "{:,.2f} {currency}"),
    ("value_at_risk", "value at risk, a year", "{:,.2f} {currency}"),
)


def demo() -> None:
    """Fill the demo shop up to yesterday and run everything on it."""
    heading("Retain demo: a shop in Yerevan, three years of orders, in six systems")
    with step("Start PostgreSQL (embedded, loopback only)") as current:
        shop = enter_demo()
        current.note = f"127.0.0.1:{shop['port']}"
    with step("Fill the demo shop") as current:
        from retain.demo.fill import fill

        filled = fill(
            shop,
            DEMO_FOLDER / "shop" / "tills",
            DEMO_FOLDER / "truth",
            DEMO_FOLDER / "shop" / "systems",
            until=yesterday(DEMO_TIMEZONE),
            progress=lambda what, done, total: current.say(f"{what}: {done:,} of {total:,}"),
        )
        current.note = str(filled)
    refused = _run_everything(settings_of(DEMO_CONFIG))
    _finish(refused)


def run(config: Path | None) -> None:
    settings = settings_of(config)
    heading(f"Retain: {settings.business.name}, as of {settings.as_of_on}")
    _finish(_run_everything(settings))


def load(
    config: Path | None,
    sources: list[str] | None,
    entities: list[str] | None,
    full: bool,
    from_on: date | None = None,
    until_on: date | None = None,
) -> None:
    from retain.entities import ENTITIES

    settings = settings_of(config)
    names = [source.name for source in settings.sources]
    for source in sources or []:
        if source not in names:
            raise unknown("source", source, names)
    for entity in entities or []:
        if entity not in ENTITIES:
            raise unknown_entity(entity)
    if entities and not any(set(entities) & set(settings.source(name).entities) for name in sources or names):
        raise UserError(
            f"{' and '.join(sources or names)} {'has' if len(sources or names) == 1 else 'have'} no {' or '.join(entities)}.",
            hint="`retain sources` lists what each source has.",
        )
    if full and (from_on or until_on):
        raise UserError("--full reads everything, --from and --to a span of time: only one of them can be meant.")
    if until_on is not None and from_on is None:
        raise UserError("--to is the end of a backfill, which needs its beginning too.", hint="Add --from DAY.")
    window = loading.window_of_days(settings, from_on, until_on) if from_on else None
    with _watched(settings, "load"):
        _prepare(settings)
        refused = _load(settings, sources or names, entities, full, window)
    _finish(refused)


def build(config: Path | None, full_refresh: bool) -> None:
    settings = settings_of(config)
    with _watched(settings, "build"):
        _prepare(settings)
        _show_build("Build and test the marts", partial(transform.build, settings, full_refresh=full_refresh))


def forecast(config: Path | None) -> None:
    settings = settings_of(config)
    with _watched(settings, "forecast"):
        _prepare(settings)
    from retain.forecast import refuse_another_day, render

    with warehouse.connect(settings, FORECASTER) as connection:
        refuse_another_day(connection, settings.as_of_on)
    result = _fit(settings)
    _show_build(
        "Bring the predictions into the marts", partial(transform.build, settings, select=transform.FORECAST_MARTS)
    )
    render(result, console)


def explain(config: Path | None, customer_key: str) -> None:
    """Print the newest forecast of one customer, with its reasons."""
    from retain.forecast.explaining import explain_customer, show_explanation

    settings = settings_of(config)
    with warehouse.connect(settings, FORECASTER) as connection:
        said = explain_customer(connection, customer_key, settings.as_of_on)
    show_explanation(said, settings.business.reporting_currency, console)


def report(config: Path | None, open_it: bool) -> None:
    settings = settings_of(config)
    page = _report(settings)
    if open_it and not webbrowser.open(page.as_uri()):
        console.print("There is no browser to open it with here.")


def _run_everything(settings: Settings) -> int:
    with _watched(settings, "run"):
        _prepare(settings)
        refused = _load(settings, [source.name for source in settings.sources], None, full=False)
        _show_build("Resolve customers, count purchases", partial(transform.build_foundations, settings))
        _fit(settings)
        _show_build(
            "Build and test the marts", partial(transform.build, settings, select=transform.MARTS, replace_all=True)
        )
        page = _report(settings)
    _summary(settings, page)
    return refused


def _watched(settings: Settings, command: str) -> AbstractContextManager[None]:
    """A command that ends before its time is told, unless what ended it was told as a problem of its own."""
    return alerts.watching(settings, alerts.Kind.RUN_FAILED, f"retain {command}")


def _prepare(settings: Settings) -> None:
    with step("Prepare the warehouse"):
        warehouse.prepare(settings)


def _load(
    settings: Settings, sources: list[str], entities: list[str] | None, full: bool, window: Window | None = None
) -> int:
    """Load and show a line an entity; returns how many loads were refused or could not be read (exit code in `_finish`)."""
    heading(
        f"Fill {window.start.date()} to {window.end.date()} again (the last day is not read)"
        if window
        else "Load and validate"
    )
    outcomes: list[loading.LoadOutcome] = []
    total = sum(
        1 for source in sources for entity in settings.source(source).entities if entities is None or entity in entities
    )
    with step(count(total, "load")) as current:

        def watch(source: str, entity: str, doing: str) -> None:
            number = len(seen) if (source, entity) in seen else len(seen) + 1
            seen.add((source, entity))
            current.say(f"{doing} {source} {entity} ({number} of {total})")

        seen: set[tuple[str, str]] = set()
        outcomes = loading.load_sources(settings, sources, entities, full=full, window=window, watch=watch)
        alerts.observe(settings, () if window else outcomes)  # who asks for a backfill sees what cannot be read
        rows = sum(outcome.rows_sent for outcome in outcomes)
        current.note = count(rows, "row")
        current.is_bad = any(outcome.status != "published" for outcome in outcomes)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("source", "entity"):
        table.add_column(column, overflow="fold")
    for column in ("sent", "changed", "quarantined"):
        table.add_column(column, justify="right")
    table.add_column("status")
    for outcome in outcomes:
        if outcome.is_retry and not outcome.rows_changed:
            continue
        status = "[green]published[/green]" if outcome.status == "published" else f"[red]{outcome.status}[/red]"
        table.add_row(
            outcome.source, outcome.entity, f"{outcome.rows_sent:,}", f"{outcome.rows_changed:,}",
            f"{outcome.rows_quarantined:,}", status,
        )  # fmt: skip
    console.print(table)
    for outcome in outcomes:
        for warning in outcome.warnings:
            told = f"{outcome.source} {outcome.entity}: {warning}"
            console.print(told, style="yellow", markup=False, soft_wrap=True)
    bad = [outcome for outcome in outcomes if outcome.status != "published"]
    for outcome in bad:
        console.print(
            f"{outcome.source} {outcome.entity}: {outcome.message}", style="red", markup=False, soft_wrap=True
        )
    if bad and len(bad) == len(outcomes) and all(outcome.error is not None for outcome in bad):
        raise SystemExit(max(outcome.error.exit_code for outcome in bad if outcome.error is not None))
    return len(bad)


def _show_build(title: str, work: Callable[..., Any]) -> None:
    with step(title) as current:
        done = work(progress=lambda name, number, total: current.say(f"{name} ({number} of {total})"))
        current.note = f"{count(done.models, 'model')}, {count(done.tests, 'test')}"


def _fit(settings: Settings) -> Any:
    from retain.forecast import run_forecast

    with (
        step("Forecast") as current,
        alerts.watching(settings, alerts.Kind.FORECAST_FAILED),
        warehouse.connect(settings, FORECASTER) as connection,
    ):
        result = run_forecast(connection, settings, progress=current.say)
        current.note = result.summary
    return result


def _report(settings: Settings) -> Path:
    from retain.report import write_report

    with step("Draw the report") as current:
        page = write_report(settings)
        current.note = str(page)
    return page


def _summary(settings: Settings, page: Path) -> None:
    """The figures that matter, and where everything is."""
    with psycopg.connect(**warehouse.bi_dsn(settings), row_factory=dict_row) as connection:
        figures = connection.execute("select * from marts.key_figures").fetchone()
    heading(f"{settings.business.name}, as of {settings.as_of_on}")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for column, label, form in FIGURES:
        value = (figures or {}).get(column)
        table.add_row(label, "not known yet" if value is None else form.format(value, **(figures or {})))
    console.print(table)
    parameters = warehouse.bi_dsn(settings)
    heading("Where to look")
    places = Table(box=None, pad_edge=False, show_header=False)
    places.add_column(style="dim")
    places.add_column(overflow="fold")
    places.add_row("report", str(page))
    places.add_row("picture", str(page.with_suffix(".png")))
    places.add_row(
        "warehouse", f"PostgreSQL at {parameters['host']}:{parameters['port']}, database {parameters['dbname']}"
    )
    places.add_row(
        "marts", f"schema marts, as {parameters['user']} (its password: {settings.state_folder}/secrets.json)"
    )
    named = "" if is_found_unnamed(settings.path) else f" --config {settings.path}"
    places.add_row("ask", escape(f'bin/retain query "select * from marts.retention_cohorts limit 5"{named}'))
    places.add_row("stop", escape(f"bin/retain stop{named}"))
    console.print(places)


def _finish(refused: int) -> None:
    if refused:
        sys.exit(1)
