"""The processes of a local server: started together, watched, and ended together with everything they started."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from retain.cli.screen import step
from retain.embedded import port_is_taken
from retain.errors import OutOfReach, UserError

SECONDS_TO_END = 15.0


@dataclass
class Component:
    """One running process, with its log; `name` is what a person calls it, like `Airflow's scheduler`."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path


def refuse_taken_port(port: int, command: str) -> None:
    """Raise UserError when another program listens at `port` of loopback; `command` is how to ask for another one."""
    if port_is_taken(port):
        raise UserError(
            f"Port {port} on 127.0.0.1 is in use by another program.",
            hint=f"Stop that program, or choose another port: `{command} {port + 1}`.",
        )


def in_the_foreground(name: str, begin: Callable[[list[Component], threading.Event], None]) -> None:
    """Let `begin` start components, which it adds to the list, and stay until Ctrl-C or SIGTERM; then end every process.

    `begin` returns early when the event is set. Raises OutOfReach when a component ends by itself; the others are ended
    first.
    """
    running: list[Component] = []
    with asked_to_stop() as stopping:
        try:
            begin(running, stopping)
            while not stopping.wait(1.0):
                check(running)
        finally:
            if running:
                with step(f"Stop {name}"):
                    stop(running)


def run_once(
    name: str, command: list[str], environment: dict[str, str], log: Path, stopping: threading.Event
) -> Component:
    """Run a command to its end, or until `stopping`; raises OutOfReach with the log's name when it fails."""
    component = start(name, command, environment, log)
    while (ended := component.process.poll()) is None:
        if stopping.wait(0.1):
            stop([component])
            return component
    if ended != 0:
        raise OutOfReach(f"{name} failed: {last_words(log)}", hint=f"Log: {log}")
    return component


def start(name: str, command: list[str], environment: dict[str, str], log: Path) -> Component:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=log.parent,
            start_new_session=True,  # a Ctrl-C in the terminal reaches us, and we end them in order
        )
    return Component(name, process, log)


def check(components: Iterable[Component]) -> None:
    """Raise OutOfReach when one of them has ended by itself."""
    for component in components:
        ended = component.process.poll()
        if ended is not None:
            raise OutOfReach(
                f"{component.name} ended by itself (exit code {ended}): {last_words(component.log)}",
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


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM or a closed terminal sets, so that no exception comes between a start and its end."""
    event = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        event.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
