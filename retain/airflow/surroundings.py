"""What a local Airflow finds around it: its metadata database, its secrets, its settings as environment variables."""

import base64
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from retain.airflow.history import METADATA
from retain.cli import NO_TELEMETRY
from retain.config import Settings
from retain.metadata import Metadata, metadata_beside_warehouse
from retain.state_folder import secret

REPOSITORY = Path(__file__).resolve().parents[2]
DAGS = REPOSITORY / "dags"
USER = "admin"
LINEAGE = "retain.airflow.lineage.RetainExtractor"


def home_of(settings: Settings) -> Path:
    return settings.state_folder / "airflow"


def logs_of(settings: Settings) -> Path:
    return settings.state_folder / "logs" / "airflow"


def password_file(settings: Settings) -> Path:
    return home_of(settings) / "passwords.json"


def metadata_of(settings: Settings) -> Metadata:
    return metadata_beside_warehouse(settings, "airflow", home_of(settings) / "airflow.db")


def write_password(settings: Settings) -> Path:
    """Put the web page's password where Airflow looks for it: a file that only its owner can read."""
    path = password_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    words = {USER: secret(settings.state_folder, "airflow_password")}
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".passwords-", delete=False) as new:  # 0600 by nature
        new.write(json.dumps(words) + "\n")
    Path(new.name).replace(path)
    return path


def fernet_key(settings: Settings) -> str:
    """The key that Airflow encrypts connections with: 32 bytes, in the form that Fernet asks for."""
    digest = hashlib.sha256(secret(settings.state_folder, "airflow_fernet_secret").encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()


def environment_of(settings: Settings, port: int, metadata: Metadata) -> dict[str, str]:
    """The environment of every Airflow process. Secrets travel here and in no command line."""
    page = f"http://127.0.0.1:{port}"
    home, logs, state = home_of(settings), logs_of(settings), settings.state_folder
    ours = {
        **NO_TELEMETRY,
        "RETAIN_CONFIG": str(settings.path),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "retain.airflow.executor.WarmLocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(
            min(4, (os.cpu_count() or 2) + 1) + 1
        ),  # one may only be waiting; one is for loads
        "AIRFLOW__CORE__FERNET_KEY": fernet_key(settings),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(settings)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{page}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata.sync_url,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": metadata.async_url,
        METADATA: metadata.sync_url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": page,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret(state, "airflow_api_secret"),
        "AIRFLOW__API_AUTH__JWT_SECRET": secret(state, "airflow_jwt_secret"),
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "great_expectations=WARNING py.warnings=ERROR",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs / "tasks"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",  # of a first parse on a busy machine
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "180",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",  # parsing the dbt project again costs seconds
        "AIRFLOW__OPENLINEAGE__EXTRACTORS": LINEAGE,  # asked only where AIRFLOW__OPENLINEAGE__TRANSPORT says where to send it
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "retain",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([str(REPOSITORY), *_paths("PYTHONPATH")])),
        "PATH": os.pathsep.join(dict.fromkeys([str(Path(sys.executable).parent), *_paths("PATH")])),
        "NO_PROXY": ",".join(dict.fromkeys(["127.0.0.1", "localhost", *os.environ.get("NO_PROXY", "").split(",")])),
    }
    ours["no_proxy"] = ours["NO_PROXY"] = ours["NO_PROXY"].strip(",")
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **ours}


def _paths(name: str) -> list[str]:
    return [path for path in os.environ.get(name, "").split(os.pathsep) if path]
