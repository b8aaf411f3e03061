"""What a local Superset finds around it: an environment of its own, its database, its settings as environment variables."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from retain import warehouse
from retain.cli import NO_TELEMETRY
from retain.config import Settings
from retain.errors import OutOfReach, UserError
from retain.metadata import metadata_beside_warehouse
from retain.state_folder import secret

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = REPOSITORY / "docker" / "superset"
LOCK = "docker/superset/requirements.txt"
USER = "admin"
PASSWORD = "superset_password"  # its name in secrets.json
VERSIONS = ((3, 11), (3, 12))  # what the releases that Superset pins have wheels for


def home_of(settings: Settings) -> Path:
    return settings.state_folder / "superset"


def logs_of(settings: Settings) -> Path:
    return settings.state_folder / "logs" / "superset"


def make_environment(settings: Settings) -> Path:
    """The folder of an environment with what the lock says, made when it is not there yet; returns its `bin`.

    Superset needs SQLAlchemy 1.4 and Airflow needs 2: they cannot share one. Raises UserError where no Python fits,
    OutOfReach when the packages cannot be installed.
    """
    folder = home_of(settings) / "environment"
    installed = folder / "installed-requirements.txt"
    if not installed.exists() or installed.read_bytes() != (REPOSITORY / LOCK).read_bytes():
        made = subprocess.run(
            [find_python(), REPOSITORY / "bin" / "make_environment.py", folder, LOCK],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise OutOfReach(
                f"Superset could not be installed into {folder}: {made.stdout.strip()}",
                hint="Is the package index reachable, and is there space on the disk? Run the same command again to go on.",
            )
    return folder / "bin"


def find_python() -> Path:
    """A Python that Superset runs on: this one, or one on PATH."""
    if sys.version_info[:2] in VERSIONS:
        return Path(sys.executable)
    for major, minor in VERSIONS:
        found = shutil.which(f"python{major}.{minor}")
        if found is not None:
            return Path(found)
    raise UserError(
        f"Superset runs on Python 3.11 or 3.12; this is {sys.version.split()[0]}, and neither was found on PATH.",
        hint="Install one of them, or use the Superset of `docker compose up`.",
    )


def environment_of(settings: Settings) -> tuple[dict[str, str], str]:
    """The environment of every process of Superset, and a sentence about its database when that is not the first choice.

    Secrets travel here and in no command line.
    """
    metadata = metadata_beside_warehouse(settings, "superset", home_of(settings) / "superset.db")
    reader = warehouse.bi_dsn(settings)
    state = settings.state_folder
    ours = {
        **NO_TELEMETRY,
        "PYTHONPATH": str(FILES),
        "SUPERSET_HOME": str(home_of(settings)),
        "RETAIN_BI_SECRET_KEY": secret(state, "superset_secret_key"),
        "RETAIN_BI_METADATA_URL": metadata.sync_url,
        "RETAIN_BI_ADMIN_PASSWORD": secret(state, PASSWORD),
        "RETAIN_BI_HOST": str(reader.get("host", "localhost")),
        "RETAIN_BI_PORT": str(reader["port"]),
        "RETAIN_BI_DATABASE": str(reader["dbname"]),
        "RETAIN_BI_USER": str(reader["user"]),
        "RETAIN_BI_PASSWORD": str(reader["password"]),
    }
    if "sslmode" in reader:
        ours["PGSSLMODE"] = str(reader["sslmode"])
    strange = ("PYTHONDONTWRITEBYTECODE", "SUPERSET_CONFIG", "SUPERSET_CONFIG_PATH", "FLASK_APP")
    inherited = {name: value for name, value in os.environ.items() if name not in strange}
    return {**inherited, **ours}, metadata.note
