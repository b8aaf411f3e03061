"""The dbt project as Airflow reads it: parsed once into the state folder, and again when the project has changed."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retain.config import Settings
from retain.errors import RetainError
from retain.transform import NO_TELEMETRY, PROJECT, logs_of, places

PROFILE, TARGET = "retain", "warehouse"

FOLDERS = ("models", "macros", "tests", "seeds", "snapshots")


def manifest_of(settings: Settings) -> Path:
    """The manifest's place. It has a folder of its own: builds of the command line write to another."""
    return settings.state_folder / "dbt" / "airflow" / "manifest.json"


def write_manifest(settings: Settings) -> Path:
    """Make the manifest with `dbt parse` where it is missing or older than the project. Needs no database.

    Raises RetainError with dbt's own words when the project cannot be parsed.
    """
    manifest = manifest_of(settings)
    if is_current(manifest):
        return manifest
    with one_at_a_time(manifest.parent):
        if not is_current(manifest):
            _parse(manifest, logs_of(settings))
    return manifest


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Held by whoever reads or writes what is kept in `folder`; the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_current(manifest: Path) -> bool:
    try:
        made_at = manifest.stat().st_mtime_ns
    except FileNotFoundError:
        return False
    return made_at > changed_at()


def changed_at() -> int:
    """When the project was last changed, in nanoseconds since 1970; a folder changes when a file in it comes or goes."""
    inside = [path for folder in FOLDERS for path in (PROJECT / folder).rglob("*")]
    return max(path.stat().st_mtime_ns for path in [PROJECT / "dbt_project.yml", *inside])


def _parse(manifest: Path, logs: Path) -> None:
    """In a process of its own: what dbt leaves behind in memory would stay in a DAG processor for good."""
    half_done, started = manifest.parent / "parsing", time.time_ns()
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--quiet", "parse"]
    done = subprocess.run(
        [*command, *places(half_done, logs)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **NO_TELEMETRY},
    )
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise RetainError(f"dbt cannot read the project in {PROJECT}: {' '.join(lines[:6])}")
    os.utime(half_done / "manifest.json", ns=(started, started))  # a change made meanwhile is newer
    (half_done / "manifest.json").replace(manifest)
