"""`retain airflow`: a whole local Airflow in the foreground, on loopback, with Retain's DAGs on, until Ctrl-C."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from retain import warehouse
from retain.airflow.manifest import write_manifest
from retain.airflow.page import Page
from retain.airflow.surroundings import (
    DAGS,
    USER,
    environment_of,
    home_of,
    logs_of,
    metadata_of,
    password_file,
    write_password,
)
from retain.cli.screen import console, heading, step
from retain.components import Component, check, in_the_foreground, refuse_taken_port, run_once, start
from retain.config import Settings
from retain.errors import OutOfReach

SECONDS_TO_START = 180.0
# Its own script, and not `python -m airflow`: of the frames of runpy dbt looks for a file among 5,000 modules at each start.
AIRFLOW = [str(Path(sys.executable).with_name("airflow"))]
# Logs are read from the folder, so nobody serves them over the network: every port but the web page's stays closed.
COMMANDS: dict[str, list[str]] = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


def run_airflow(settings: Settings, port: int) -> None:
    """Start Airflow on 127.0.0.1:`port`, print how to log in, and stay until Ctrl-C or SIGTERM; then end every process.

    Raises UserError when the port is taken (before anything is started), OutOfReach when a component does not come up
    or ends by itself; the others are ended first.
    """
    refuse_taken_port(port, "retain airflow --port")
    heading(f"Airflow for {settings.business.name}")

    def begin(running: list[Component], stopping: threading.Event) -> None:
        environment = _prepare(settings, port, stopping)
        _start(settings, port, environment, running, stopping)

    in_the_foreground("Airflow", begin)


def _prepare(settings: Settings, port: int, stopping: threading.Event) -> dict[str, str]:
    with step("Prepare the warehouse"):
        warehouse.prepare(settings)
    with step("Prepare Airflow's own database") as current:
        home_of(settings).mkdir(parents=True, exist_ok=True, mode=0o700)
        metadata = metadata_of(settings)
        current.note = metadata.note
        write_password(settings)
        environment = environment_of(settings, port, metadata)
        for name, command, log in (
            ("`airflow db migrate`", [*AIRFLOW, "db", "migrate"], "migrate.log"),
            ("The making of Airflow's pools", [sys.executable, "-m", "retain.airflow.pools"], "pools.log"),
        ):
            run_once(name, command, environment, logs_of(settings) / log, stopping)
    if not stopping.is_set():
        with step("Read the dbt project"):
            write_manifest(settings)
    return environment


def _start(
    settings: Settings, port: int, environment: dict[str, str], running: list[Component], stopping: threading.Event
) -> None:
    if stopping.is_set():
        return
    page = Page(port, password_file(settings))
    with step("Start Airflow") as current:
        for name, command in COMMANDS.items():
            log = logs_of(settings) / f"{name}.log"
            running.append(start(f"Airflow's {name}", [*AIRFLOW, *command], environment, log))
        _wait_until_ready(settings, page, running, stopping, current.say)
        current.note = ", ".join(COMMANDS)
    if not stopping.is_set():
        console.print(f"\nAirflow is at {page.address}", style="bold")
        console.print(f"User {USER}; the password is in {password_file(settings)}", soft_wrap=True)
        console.print("The DAGs are on: sources load every hour, the marts follow. Ctrl-C stops it.")


def _wait_until_ready(
    settings: Settings,
    page: Page,
    running: list[Component],
    stopping: threading.Event,
    say: Callable[[str], None],
) -> None:
    """Wait for every component's heartbeat, and then for the DAGs."""
    expected = len(settings.sources) + len(list(DAGS.glob("*.py"))) - 1  # load_sources.py makes one for each source
    deadline = time.monotonic() + SECONDS_TO_START
    while not stopping.wait(0.5):
        check(running)
        waiting_for = page.what_is_missing()
        if not waiting_for and page.dag_count() >= expected:
            return
        if not waiting_for and (errors := page.import_errors()):
            raise OutOfReach(f"A DAG cannot be read: {errors[0]}", hint=f"Logs: {logs_of(settings)}")
        if time.monotonic() > deadline:
            raise OutOfReach(
                f"Airflow did not come up in {SECONDS_TO_START:.0f} s: {waiting_for or 'the DAGs'} did not appear.",
                hint=f"Logs: {logs_of(settings)}",
            )
        say(f"waiting for {waiting_for or 'the DAGs'}")
