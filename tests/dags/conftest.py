"""An Airflow for the tests, with its metadata in a temporary file, and a small shop in two sources for its DAGs to load."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from shop_in_files import CONFIG, write_files

from retain.airflow.manifest import manifest_of, write_manifest
from retain.config import load_settings
from retain.embedded import EmbeddedServer

REPOSITORY = Path(__file__).parents[2]
DAGS = REPOSITORY / "dags"

# Airflow reads these when it is first imported, which is after this file and before any test.
HOME = Path(tempfile.mkdtemp(prefix="retain-airflow-tests-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PYTHONPATH": str(REPOSITORY),
    }
)


@dataclass(frozen=True)
class Run:
    """How a DAG run ended: its state, the state of every task by its id, the dbt tests that ran in it."""

    state: str
    tasks: dict[str, str]
    dbt_tests: list[str]


@pytest.fixture(scope="session")
def airflow_metadata() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of the dbt project."""
    path = tmp_path_factory.mktemp("project") / "retain.yml"
    path.write_text(CONFIG.format(warehouse="{url: postgresql://nobody@127.0.0.1:1/nothing}"))
    return write_manifest(load_settings(path))


@pytest.fixture(scope="module")
def make_shop(server: EmbeddedServer, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a retain.yml over files of its own and a warehouse that nobody has used."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        database = f"dags_{os.getpid()}_{name}"
        server.create_database(database)
        url = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**server.dsn(database))
        path = folder / "retain.yml"
        path.write_text(CONFIG.format(warehouse=f"{{url: {url}}}"))
        write_files(folder)
        manifest = manifest_of(load_settings(path))
        manifest.parent.mkdir(parents=True)
        shutil.copy2(project, manifest)  # the same for every shop, and seconds each time
        return path

    return make


@pytest.fixture(scope="session")
def run_dags(airflow_metadata: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Run]]:
    """Run DAGs over a retain.yml, one after the other; `conf` is what a person fills in on the form."""

    def run(config: Path, *dag_ids: str, **conf: str) -> dict[str, Run]:
        output = tmp_path_factory.mktemp("runs") / "runs.json"
        environment = {**os.environ, "RETAIN_CONFIG": str(config), "CONF": json.dumps(conf)}
        command = [sys.executable, str(Path(__file__).with_name("run_dags.py")), str(output), *dag_ids]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        print(done.stdout, done.stderr)  # pytest shows it where a test fails
        assert done.returncode == 0, done.stderr
        return {dag_id: Run(**run) for dag_id, run in json.loads(output.read_text()).items()}

    return run
