"""What a person does with `retain`: types a command and reads what it says, starts a server and ends it, opens a page."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def typed(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `retain` with these arguments to its end, in an environment with these values beside the test's own."""
    return subprocess.run(
        [sys.executable, "-m", "retain", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=environment.pop("cwd", REPOSITORY),
        env=surroundings() | {"COLUMNS": "220"} | environment,
    )


def surroundings() -> dict[str, str]:
    """The test's environment, without what tests of the DAGs have set in this process for Airflow."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return inherited | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "160"}


def begun(*arguments: str, stderr: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    """A command as a terminal begins one: what a shell runs in the background is deaf to Ctrl-C, and so would be its children."""
    return subprocess.Popen(
        [sys.executable, "-m", "retain", *arguments],
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@contextmanager
def until_interrupted(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A `retain` command that serves until Ctrl-C, from the moment it says so; a Ctrl-C ends it."""
    with begun(*arguments, stderr=subprocess.STDOUT) as process:
        try:
            said = []
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if "Ctrl-C stops it" in line:
                    break
            assert process.poll() is None, "".join(said)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """A headless browser that goes through no proxy; without one the test is skipped, but in CI it fails."""
    if BROWSER is None and not os.environ.get("CI"):
        pytest.skip("there is no chromium on this machine; CI installs one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        usual = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-proxy-server"]
        running = playwright.chromium.launch(executable_path=BROWSER, args=[*usual, *flags])
        yield running
        running.close()
