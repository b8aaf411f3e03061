"""`retain superset`: a local Superset in the foreground, on loopback, with Retain's dashboards, until Ctrl-C."""

import threading
import time
import urllib.request
from pathlib import Path

from retain import warehouse
from retain.cli.screen import console, heading, step
from retain.components import Component, check, in_the_foreground, last_words, refuse_taken_port, run_once, start
from retain.config import Settings
from retain.dashboards import FOLDER
from retain.errors import OutOfReach
from retain.relations import exists
from retain.superset.surroundings import FILES, PASSWORD, USER, environment_of, home_of, logs_of, make_environment

SECONDS_TO_START = 180.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def run_superset(settings: Settings, port: int) -> None:
    """Start Superset on 127.0.0.1:`port`, print how to log in, and stay until Ctrl-C or SIGTERM; then end every process.

    Raises UserError when the port is taken (before anything is started), OutOfReach when it does not come up or ends by
    itself.
    """
    refuse_taken_port(port, "retain superset --port")
    heading(f"Superset for {settings.business.name}")
    in_the_foreground("Superset", lambda running, stopping: _start(settings, port, running, stopping))


def _start(settings: Settings, port: int, running: list[Component], stopping: threading.Event) -> None:
    with step("Prepare the warehouse"):
        warehouse.prepare(settings)
    home_of(settings).mkdir(parents=True, exist_ok=True, mode=0o700)
    with step("Superset's environment (the first time: 200 MB to download, a few minutes)") as current:
        programs = make_environment(settings)
        current.note = str(programs.parent)
    if stopping.is_set():
        return
    with step("Superset's own database, and the dashboards") as current:
        environment, current.note = environment_of(settings)
        command = [str(programs / "python"), str(FILES / "provision.py"), str(FOLDER)]
        log = logs_of(settings) / "provision.log"
        run_once("Provisioning Superset", command, environment, log, stopping)
        current.note = current.note or last_words(log)
    if stopping.is_set():
        return
    with step("Start Superset"):
        server = _server(programs, port)
        running.append(start("Superset's web server", server, environment, logs_of(settings) / "web.log"))
        _wait_until_ready(port, running, stopping)
    if not stopping.is_set():
        console.print(f"\nSuperset is at http://127.0.0.1:{port}", style="bold")
        console.print(
            f"User {USER}; the password is {PASSWORD} in {settings.state_folder / 'secrets.json'}", soft_wrap=True
        )
        if not _marts_are_there(settings):
            console.print("The marts are empty yet: `retain run` builds them.", style="yellow")
        console.print("Every chart reads the marts as they are at that moment. Ctrl-C stops it.")


def _server(programs: Path, port: int) -> list[str]:
    return [
        str(programs / "gunicorn"),
        *("--bind", f"127.0.0.1:{port}"),
        *("--workers", "1", "--worker-class", "gthread", "--threads", "8"),
        *("--timeout", "300"),  # as long as a statement of the read-only role may take
        "superset.app:create_app()",
    ]


def _wait_until_ready(port: int, running: list[Component], stopping: threading.Event) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not stopping.wait(0.5):
        check(running)
        if _answers(port):
            return
        if time.monotonic() > deadline:
            raise OutOfReach(
                f"Superset did not come up in {SECONDS_TO_START:.0f} s: {last_words(running[0].log)}",
                hint=f"Log: {running[0].log}",
            )


def _answers(port: int) -> bool:
    try:
        with DIRECT.open(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.read() == b"OK")
    except OSError:
        return False


def _marts_are_there(settings: Settings) -> bool:
    with warehouse.connect(settings) as connection:
        return exists(connection, "marts.key_figures")
