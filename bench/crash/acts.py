"""What is killed: commands and single steps of a load, each in a process of its own that began with everything imported."""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

SLOW_TO_IMPORT = (
    "great_expectations", "great_expectations.expectations", "expectations", "dbt.cli.main", "dbt.adapters.postgres",
    "retain.cli.app", "retain.cli.running", "retain.gate", "retain.loads", "retain.publish", "retain.transform",
)  # fmt: skip
LONGEST = 180.0  # seconds; an act that takes longer hangs
FAULT_IN_RETAIN = "This is a fault in Retain"


def command(config: Path, *arguments: str) -> None:
    """`retain ARGUMENTS`, as the launcher runs it."""
    from retain.cli import main

    sys.argv = ["retain", *arguments, "--config", str(config)]
    main()


def step(config: Path, source: str, entity: str, name: str) -> None:
    """One task of the load DAG: `land`, `gate` or `publish` of the entity's newest load, or `waiting` for all entities."""
    from retain.cli import main
    from retain.cli.app import app

    @app.command("step", hidden=True)
    def run() -> None:  # inside `main`, which turns what happens into a sentence and an exit code
        _step(config, source, entity, name)

    sys.argv = ["retain", "step"]
    main()


def _step(config: Path, source: str, entity: str, name: str) -> None:
    from retain import warehouse
    from retain.config import load_settings
    from retain.gate import judge
    from retain.landing import land_changes
    from retain.loads import retry_waiting
    from retain.publish import publish_load

    settings = load_settings(config)
    if name == "land":
        land_changes(settings, source, entity)
        return
    if name == "waiting":
        retry_waiting(settings)
        return
    with warehouse.connect(settings) as connection:
        row = connection.execute(
            "select max(load_id) from ops.loads where source = %s and entity = %s", [source, entity]
        ).fetchone()
    assert row is not None
    if name == "gate":
        judge(settings, row[0]).raise_if_refused()
    else:
        publish_load(settings, row[0])


@dataclass(frozen=True)
class Ended:
    """How an act ended: its exit code (negative: killed by that signal), seconds, and what it printed."""

    code: int
    seconds: float
    printed: str

    @property
    def is_fault(self) -> bool:
        return FAULT_IN_RETAIN in self.printed or "Traceback (most recent call last)" in self.printed


class Stage:
    """Starts acts by forking a server process that has imported what is slow to import: moments are then moments of work."""

    def __init__(self, folder: Path, preload: Sequence[str] = SLOW_TO_IMPORT) -> None:
        self.context: ForkServerContext = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(list(preload))
        # The server process finds modules by the environment, not by what this process has put into sys.path.
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self.output = folder / "output.txt"
        self.output.touch()
        self.output.chmod(0o666)

    def play(self, act: Callable[..., None], *arguments: object, kill: "Kill | None" = None) -> Ended:
        """Run one act to its end; `kill` is carried out at its moment, if the act lasts so long."""
        started = time.monotonic()
        process = self.context.Process(target=_printing, args=(self.output, act, arguments))
        process.start()
        try:
            if kill is not None:
                process.join(kill.after)
                if process.is_alive():
                    kill.strike(process.pid or 0)
            process.join(LONGEST)
            if process.is_alive():
                return Ended(-99, LONGEST, f"did not end within {LONGEST:.0f} s")
            return Ended(process.exitcode or 0, time.monotonic() - started, self.output.read_text(errors="replace"))
        finally:
            process.kill()
            process.join()


@dataclass
class Kill:
    """`after` so many seconds, do `strike` with the number of the process that works."""

    after: float
    strike: Callable[[int], None]


def _printing(output: Path, act: Callable[..., None], arguments: tuple[object, ...]) -> None:
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(GX_ANALYTICS_ENABLED="False", DO_NOT_TRACK="1")
    act(*arguments)
