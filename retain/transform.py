"""Run dbt: build into `marts_next`, and move what was built to `marts` in one transaction when every test has passed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from retain import alerts, outreach
from retain.basis import Basis, basis_of, basis_of_marts, forecasts_of, write_basis
from retain.config import Settings
from retain.errors import Busy, Refused, RetainError, UserError
from retain.roles import TRANSFORMER
from retain.warehouse import connect, role_dsn

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
BUILD_LOCK = 727_003
FOUNDATIONS = "path:models/staging path:models/utilities path:models/intermediate"
MARTS = "path:models/marts tag:forecast"  # after the forecast: its predictions enter by the models tagged so
FORECAST_MARTS = "tag:forecast"
OF_LOADS = "path:models/marts/operations"  # they tell how loads went, and no other model reads them
# What changes every day goes by the environment: dbt reads a project anew when its vars are others.
DAYS = {"as_of_on": "RETAIN_AS_OF_ON", "observed_until_on": "RETAIN_OBSERVED_UNTIL_ON"}
THREADS, FEWEST, MOST = "RETAIN_DBT_THREADS", 2, 4  # models at a time; of a large shop each may take half a gigabyte
NO_TELEMETRY = {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
Progress = Callable[[str, int, int], None]  # name of the finished node, its number, how many there are


@dataclass(frozen=True)
class Build:
    """What a build made: models and tests that ran, and the seconds of each."""

    models: int
    tests: int
    seconds: dict[str, float]


def variables(settings: Settings) -> dict[str, Any]:
    """The dbt vars that retain.yml decides; Airflow passes them all, a command of ours those of DAYS by the environment."""
    business = settings.business
    return {
        "business_timezone": business.timezone,
        "week_start": business.week_start,
        "calendar": business.calendar,
        "reporting_currency": business.reporting_currency,
        "as_of_on": settings.as_of_on.isoformat(),
        "observed_until_on": settings.observed_until_on.isoformat(),
        "active_days": business.active_days,
        "lapse_days": business.lapse_days,
        "count_free_orders": business.count_free_orders,
        "identity_rules": list(settings.identity.rules),
        "identity_limits": settings.identity.limits.model_dump(),
        "identity_one_per_person": list(settings.identity.one_per_person),
        "identity_dotless_domains": [domain.lower() for domain in settings.identity.dotless_domains],
        **settings.segments.variables(),
    }


def environment(settings: Settings) -> dict[str, str]:
    """What dbt_project/profiles.yml reads, the days to build as of where no var names them, and no telemetry.

    Raises UserError when RETAIN_DBT_THREADS is no number of threads.
    """
    parameters, known = role_dsn(settings, TRANSFORMER), variables(settings)
    return {
        "RETAIN_PG_HOST": str(parameters["host"]),
        "RETAIN_PG_PORT": str(parameters["port"]),
        "RETAIN_PG_USER": str(parameters["user"]),
        "RETAIN_PG_PASSWORD": str(parameters["password"]),
        "RETAIN_PG_DBNAME": str(parameters["dbname"]),
        THREADS: str(threads()),
        **{name: known[variable] for variable, name in DAYS.items()},
        **NO_TELEMETRY,
    }


def threads() -> int:
    """How many models dbt builds at a time: as many as this process may use processors, within bounds, or RETAIN_DBT_THREADS."""
    asked = os.environ.get(THREADS, "").strip()
    if not asked:
        return min(MOST, max(FEWEST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else FEWEST))
    if not asked.isascii() or not asked.isdigit() or int(asked) == 0:
        raise UserError(
            f"{THREADS} is '{asked}', and a number from 1 on was expected.", hint="Unset it, or correct it."
        )
    return int(asked)


def target_folder(settings: Settings) -> Path:
    return settings.state_folder / "dbt" / "target"


def logs_of(settings: Settings) -> Path:
    return settings.state_folder / "logs" / "dbt"


def places(target: Path, logs: Path) -> list[str]:
    """dbt's options for where the project is, and where it writes what it makes and its log."""
    folders = {"--project-dir": PROJECT, "--profiles-dir": PROJECT, "--target-path": target, "--log-path": logs}
    return [str(word) for pair in folders.items() for word in pair]


def arguments(settings: Settings, command: str) -> list[str]:
    """The start of any dbt command of ours. Unit tests judge the SQL, not the data: they belong to `retain test`."""
    import json

    lasting = {name: value for name, value in variables(settings).items() if name not in DAYS}
    return [
        command,
        *(("--exclude-resource-type", "unit_test") if command == "build" else ()),
        *places(target_folder(settings), logs_of(settings)),
        *("--vars", json.dumps(lasting)),
    ]


def build(
    settings: Settings,
    *,
    select: str | None = None,
    replace_all: bool | None = None,
    full_refresh: bool = False,
    progress: Progress | None = None,
) -> Build:
    """Build and test the models (all, or what `select` names in dbt's syntax), then show the new marts.

    `replace_all`: what was built is all there is, and any other mart is dropped; by default so when everything is built.
    Raises Refused when a model or test fails: the marts that people see stay as they were.
    """
    is_whole = select is None if replace_all is None else replace_all
    told = alerts.watching(settings, alerts.Kind.BUILD_FAILED, "" if is_whole else select or "")
    with connect(settings, TRANSFORMER) as connection, only_one_build(connection), told:
        clear_next(connection)
        command = [*arguments(settings, "build"), *(["--full-refresh"] if full_refresh else [])]
        return build_and_show(settings, connection, command, select, replace_all=is_whole, progress=progress)


def build_and_show(
    settings: Settings,
    connection: psycopg.Connection[Any],
    command: list[str],
    select: str | None,
    *,
    replace_all: bool = False,
    progress: Progress | None = None,
    manifest: "Manifest | None" = None,
) -> Build:
    """Run dbt's `command` for what `select` names, and show what it made: for who holds the lock, with nothing in marts_next."""
    basis = _basis_after(settings, connection, select)
    result = run_dbt(settings, [*command, *_selection(select)], progress, manifest=manifest)
    show_next(settings, connection, replace_all=replace_all, basis=basis)
    return result


def _basis_after(settings: Settings, connection: psycopg.Connection[Any], select: str | None) -> Basis | None:
    """Of all marts, when what `select` names will have been built; None where nobody could say."""
    if select is None:
        return basis_of(settings, connection)
    shown = basis_of_marts(connection)
    if shown and select == FORECAST_MARTS:
        return shown._replace(forecasts=forecasts_of(connection))
    return shown if select == OF_LOADS else None


def build_foundations(settings: Settings, *, progress: Progress | None = None) -> Build:
    """Build and test what the marts and the forecast stand on, without touching what people see."""
    told = alerts.watching(settings, alerts.Kind.BUILD_FAILED, ends=False)
    with connect(settings, TRANSFORMER) as connection, only_one_build(connection), told:
        return run_dbt(settings, [*arguments(settings, "build"), *_selection(FOUNDATIONS, "cautious")], progress)


def _selection(select: str | None, indirect: str = "buildable") -> list[str]:
    """`buildable`: a test runs when everything it compares is built now or stands already; `cautious`: is built now."""
    return ["--indirect-selection", indirect, "--select", *select.split()] if select else []


@contextmanager
def only_one_build(connection: psycopg.Connection[Any]) -> Iterator[None]:
    held = connection.execute("select pg_try_advisory_lock(%s)", [BUILD_LOCK]).fetchone()
    connection.commit()
    if not held or not held[0]:
        raise Busy("Another build of the marts is running.", hint="Wait for it to end.")
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.rollback()
            connection.execute("select pg_advisory_unlock(%s)", [BUILD_LOCK])
            connection.commit()


def run_dbt(
    settings: Settings,
    command: list[str],
    progress: Progress | None = None,
    *,
    listen: Callable[[Any], None] | None = None,
    manifest: "Manifest | None" = None,
) -> Build:
    """Run one dbt command in this process; raises Refused naming every model and test that failed.

    `listen` is called with each of dbt's events, from any of its threads.
    `manifest`: the project as it was parsed before, for the same vars; without it dbt parses what has changed.
    """
    ours = environment(settings)
    previous = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        from dbt.cli.main import dbtRunner

        from retain.lasting_sessions import lasting_sessions

        listeners = [*([_listener(progress)] if progress else []), *([listen] if listen else [])]
        with lasting_sessions():
            outcome = dbtRunner(manifest, callbacks=listeners).invoke(["--quiet", *command])
    finally:
        for name, value in previous.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    if outcome.exception is not None:
        raise RetainError(f"dbt could not run: {_first_line(str(outcome.exception))}")
    results = list(getattr(outcome.result, "results", []))
    failed = [result for result in results if str(result.status) in ("error", "fail", "runtime error")]
    if failed:
        lines = "\n".join(
            f"  {result.node.name}: {_first_line(result.message or str(result.status))}" for result in failed
        )
        raise Refused(
            f"The build failed; the marts are still those of the last good build. {len(failed)} failed:\n{lines}",
            hint=f"dbt's log: {logs_of(settings) / 'dbt.log'}",
        )
    kinds = [str(result.node.resource_type) for result in results]
    seconds = {result.node.name: round(result.execution_time, 3) for result in results}
    return Build(sum("model" in kind for kind in kinds), sum("test" in kind for kind in kinds), seconds)


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return " ".join(lines[:3])


def _listener(progress: Progress) -> Callable[[Any], None]:
    def listen(event: Any) -> None:
        if event.info.name in ("LogModelResult", "LogTestResult", "LogSnapshotResult", "LogSeedResult"):
            data = event.data
            progress(data.node_info.node_name, int(getattr(data, "index", 0)), int(getattr(data, "num_models", 0)))

    return listen


def _tables_of(connection: psycopg.Connection[Any], schema: str) -> list[str]:
    rows = connection.execute("select tablename from pg_tables where schemaname = %s order by tablename", [schema])
    return [row[0] for row in rows]


def clear_next(connection: psycopg.Connection[Any]) -> None:
    """Drop what an earlier build left unfinished."""
    for table in _tables_of(connection, "marts_next"):
        connection.execute(sql.SQL("drop table {} cascade").format(sql.Identifier("marts_next", table)))
    connection.commit()


def show_next(
    settings: Settings, connection: psycopg.Connection[Any], *, replace_all: bool, basis: Basis | None
) -> None:
    """Put the tables of marts_next in the place of those of marts: readers see all of the old, then all of the new.

    `replace_all`: a mart that was not built now is one that no longer exists. `basis`: what all marts are built from then.
    """
    built = _tables_of(connection, "marts_next")
    if not built:
        raise Refused("The build made no marts; the marts are still those of the last good build.")
    gone = set(_tables_of(connection, "marts")) if replace_all else set(built)
    connection.execute("set local lock_timeout = '5min'")  # a long query of an analyst is waited for
    for table in sorted(gone):
        connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("marts", table)))
    for table in built:
        connection.execute(sql.SQL("alter table {} set schema marts").format(sql.Identifier("marts_next", table)))
    if outreach.SOURCE in built:
        outreach.fill(connection, settings.identity.dotless_domains)
    write_basis(connection, basis)
    connection.commit()
