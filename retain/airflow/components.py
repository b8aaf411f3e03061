"""The processes of a local Airflow: started together, watched, and ended together with everything they started."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from retain.errors import OutOfReach

# Logs are read from the folder, so nobody serves them over the network: every port but the web page's stays closed.
COMMANDS: dict[str, list[str]] = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
SECONDS_TO_END = 15.0


@dataclass
class Component:
    """One running process of Airflow, with its log."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path


def run_once(name: str, command: list[str], environment: dict[str, str], logs: Path, stopping: threading.Event) -> None:
    """Run an Airflow command to its end, or until `stopping`; raises OutOfReach with the log's name when it fails."""
    component = start(name, command, environment, logs)
    while (ended := component.process.poll()) is None:
        if stopping.wait(0.1):
            stop([component])
            return
    if ended != 0:
        raise OutOfReach(
            f"`airflow {' '.join(command)}` failed: {last_words(component.log)}", hint=f"Log: {component.log}"
        )


def start(name: str, command: list[str], environment: dict[str, str], logs: Path) -> Component:
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=logs,
            start_new_session=True,  # a Ctrl-C in the terminal reaches us, and we end them in order
        )
    return Component(name, process, log)


def check(components: Iterable[Component]) -> None:
    """Raise OutOfReach when one of them has ended by itself."""
    for component in components:
        ended = component.process.poll()
        if ended is not None:
            raise OutOfReach(
                f"Airflow's {component.name} ended by itself (exit code {ended}): {last_words(component.log)}",
                hint=f"Log: {component.log}",
            )


def last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it wrote nothing."


def stop(components: Iterable[Component]) -> None:
    """End the components and every process below them: asked first, and killed when they take too long.

    A task that is running is ended too: what it was loading is asked for again by its next try.
    """
    components = list(components)
    family = _families(components)
    for component in reversed(components):
        _signal(component.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < deadline and any(component.process.poll() is None for component in components):
        time.sleep(0.1)
    for component in components:
        _signal(component.process.pid, signal.SIGKILL)
        component.process.wait()
    for process in family:  # tasks have sessions of their own
        if process.is_running():
            _quietly_kill(process)
    psutil.wait_procs(family, timeout=5)


def _families(components: Iterable[Component]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for component in components:
        try:
            found += psutil.Process(component.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            continue
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def _quietly_kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
