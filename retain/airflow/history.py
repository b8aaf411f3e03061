"""Airflow's own history of runs: what is older than retain.yml keeps is deleted with Airflow's own command."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from retain.config import Settings
from retain.errors import RetainError

METADATA = "RETAIN_AIRFLOW_METADATA_URL"
BLOCKED = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")


def can_delete_old_runs() -> bool:
    return bool(os.environ.get(METADATA))


def delete_old_runs(settings: Settings, *, now: datetime | None = None) -> str:
    """`airflow db clean` of everything older than `maintenance.keep_runs_days`, without its archive; returns what it said.

    A task has no way to Airflow's database, whose address Airflow takes out of its environment. It is handed to this one
    command under another name. Raises RetainError with the command's last words.
    """
    before = (now or datetime.now(UTC)) - timedelta(days=settings.maintenance.keep_runs_days)
    inherited = {name: value for name, value in os.environ.items() if name not in BLOCKED and name[:9] != "_AIRFLOW_"}
    environment = {**inherited, BLOCKED[0]: os.environ[METADATA], "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive", "--error-on-cleanup-failure"]
    done = subprocess.run(
        [*command, "--clean-before-timestamp", before.isoformat()],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode != 0:
        raise RetainError(f"`airflow db clean` failed: {' '.join(said[-3:])}")
    return "\n".join(said)
