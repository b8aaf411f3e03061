"""The dbt project as Airflow reads it: parsed once into the state folder, and again when the project has changed."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retain.config import Settings
from retain.errors import RetainError
from retain.transform import NO_TELEMETRY, PROJECT, environment, run_dbt

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
    with _one_at_a_time(manifest.parent):
        if not is_current(manifest):
            _parse(manifest, settings.state_folder / "logs" / "dbt")
    return manifest


def write_partial_parse(settings: Settings, variables: dict[str, Any]) -> Path:
    """What dbt remembers of parsing the project under these vars: a command that is given it starts in a second.

    Made by the first that asks while the others wait. dbt uses it for the same vars, connection and project alone, so it
    is made again when one of them is another.
    """
    folder = manifest_of(settings).parent
    parsed, made_for = folder / "partial_parse.msgpack", folder / "partial_parse.key"
    with _one_at_a_time(folder):
        newest = max(path.stat().st_mtime_ns for path in _project())
        material = json.dumps([variables, environment(settings), newest], sort_keys=True)
        key = hashlib.sha256(material.encode()).hexdigest()
        if not (parsed.exists() and made_for.exists() and made_for.read_text() == key):
            folders = {"--project-dir": PROJECT, "--profiles-dir": PROJECT, "--target-path": folder / "parsing"}
            options = [str(word) for pair in folders.items() for word in pair]
            options += ["--log-path", str(settings.state_folder / "logs" / "dbt"), "--no-partial-parse"]
            run_dbt(
                settings,
                ["parse", *options, "--profile", PROFILE, "--target", TARGET, "--vars", json.dumps(variables)],
            )
            (folder / "parsing" / "partial_parse.msgpack").replace(parsed)
            made_for.write_text(key)
    return parsed


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_current(manifest: Path) -> bool:
    try:
        made_at = manifest.stat().st_mtime_ns
    except FileNotFoundError:
        return False
    return made_at > max(path.stat().st_mtime_ns for path in _project())


def _project() -> list[Path]:
    """Every file and folder of the project that dbt reads; a folder changes when a file in it comes or goes."""
    inside = [path for folder in FOLDERS for path in (PROJECT / folder).rglob("*")]
    return [PROJECT / "dbt_project.yml", *inside]


def _parse(manifest: Path, logs: Path) -> None:
    """In a process of its own: what dbt leaves behind in memory would stay in a DAG processor for good."""
    half_done, started = manifest.parent / "parsing", time.time_ns()
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--quiet", "parse"]
    folders = {"--project-dir": PROJECT, "--profiles-dir": PROJECT, "--target-path": half_done, "--log-path": logs}
    options = [str(word) for pair in folders.items() for word in pair]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, env={**os.environ, **NO_TELEMETRY}
    )
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise RetainError(f"dbt cannot read the project in {PROJECT}: {' '.join(lines[:6])}")
    os.utime(half_done / "manifest.json", ns=(started, started))  # a change made meanwhile is newer
    (half_done / "manifest.json").replace(manifest)
