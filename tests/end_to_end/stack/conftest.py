"""The stack of docker-compose.yml as it stands in a fresh clone, under a name of its own, on ports that are free."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from retain.embedded import EmbeddedServer, free_port
from retain.passwords import complete, values_of

REPOSITORY = Path(__file__).resolve().parents[3]
PROJECT = "retain-test"
CUSTOMERS = 1000
SECONDS_A_RUN = 3600.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
ENDED = ("success", "failed")
COST = pytest.StashKey[str]()


@dataclass
class Stack:
    """The containers, Airflow's API and the databases of one compose project."""

    env_file: Path
    values: dict[str, str]
    project: str = PROJECT
    changes: tuple[Path, ...] = ()  # compose files laid over the repository's
    profiles: tuple[str, ...] = ("demo",)
    seconds_to_build: float = 0.0
    seconds_to_start: float = 0.0
    _token: str = field(default="", repr=False)

    def compose(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        files = [f"--file={file}" for file in (REPOSITORY / "docker-compose.yml", *self.changes)]
        options = ["-p", self.project, *files, "--env-file", str(self.env_file)]
        options += [f"--profile={profile}" for profile in self.profiles]
        command = ["docker", "compose", *options, *arguments]
        # What the tests of other folders have set in this process is not the stack's.
        surroundings = {
            name: value for name, value in os.environ.items() if not name.startswith(("RETAIN_", "AIRFLOW"))
        }
        done = subprocess.run(command, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done

    @property
    def airflow(self) -> str:
        """The address of its page."""
        return f"http://127.0.0.1:{self.values['RETAIN_AIRFLOW_PORT']}"

    def up(self) -> None:
        """Build the images of the code as it is now, and start: an image of yesterday would be taken otherwise."""
        started = time.monotonic()
        self.compose("build")
        self.seconds_to_build = time.monotonic() - started
        started = time.monotonic()
        self.compose("up", "-d", "--wait")
        self.seconds_to_start = time.monotonic() - started

    def cost(self) -> str:
        """What a start takes, in a sentence: seconds, and megabytes of each image that Retain builds."""
        sizes = [
            f"{image} {int(self._docker('image', 'inspect', '--format', '{{.Size}}', image)) / 1e6:,.0f} MB"
            for image in sorted(set(self.compose("config", "--images").stdout.split()))
            if image.startswith("retain-")
        ]
        return (
            f"images built in {self.seconds_to_build:.0f} s ({', '.join(sizes)}); "
            f"everything healthy after {self.seconds_to_start:.0f} s"
        )

    def _docker(self, *arguments: str) -> str:
        return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    def ask(self, path: str, body: Any = None, method: str | None = None) -> dict[str, Any]:
        """Airflow's API, as the person whose password is in .env."""
        if not self._token:
            login = {"username": "admin", "password": self.values["RETAIN_AIRFLOW_PASSWORD"]}
            self._token = str(self._request("/auth/token", login, None)["access_token"])
        return self._request(path, body, method)

    def _request(self, path: str, body: Any, method: str | None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.airflow}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        with DIRECT.open(request, timeout=60) as answer:
            return dict(json.load(answer))

    def trigger(self, dag: str) -> str:
        return str(self.ask(f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"])

    def runs(self, dag: str) -> list[dict[str, Any]]:
        return list(self.ask(f"/api/v2/dags/{dag}/dagRuns?limit=50&order_by=-start_date")["dag_runs"])

    def last_event(self, dag: str) -> str:
        """When a run of it last told of an asset, on which others run."""
        path = f"/api/v2/assets/events?source_dag_id={dag}&order_by=-timestamp&limit=1"
        return str(self.ask(path)["asset_events"][0]["timestamp"])

    def wait(self, what: str, is_so: Callable[[], Any]) -> Any:
        """Ask until `is_so` answers something true; an API that is being restarted is asked again."""
        deadline = time.monotonic() + SECONDS_A_RUN
        while time.monotonic() < deadline:
            try:
                if found := is_so():
                    return found
            except (OSError, json.JSONDecodeError):
                pass
            time.sleep(5)
        pytest.fail(f"waited {SECONDS_A_RUN:.0f} s for {what}")

    def end_of(self, dag: str, run: str) -> str:
        def state() -> str:
            now = str(self.ask(f"/api/v2/dags/{dag}/dagRuns/{run}")["state"])
            return now if now in ENDED else ""

        return str(self.wait(f"{dag} {run}", state))

    def end(self) -> None:
        """Remove its containers and volumes, those of every profile too."""
        replace(self, profiles=("demo", "celery", "cli")).compose("down", "--volumes", "--remove-orphans", check=False)

    def rows(self, query: str, user: str = "postgres") -> list[tuple[Any, ...]]:
        password = self.values["RETAIN_POSTGRES_PASSWORD" if user == "postgres" else "RETAIN_BI_PASSWORD"]
        with psycopg.connect(
            host="127.0.0.1",
            port=int(self.values["RETAIN_POSTGRES_PORT"]),
            user=user,
            password=password,
            dbname="retain",
        ) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if COST in config.stash:
        terminalreporter.write_line(f"The stack: {config.stash[COST]}.")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Stack]:
    """Started once for all tests with a small demo shop and paused DAGs; its containers and volumes are removed at the end."""
    env_file = tmp_path_factory.mktemp("stack") / ".env"
    complete(env_file)
    lines = [line for line in env_file.read_text().splitlines() if "_PORT=" not in line]
    ports = [f"RETAIN_{name}_PORT={free_port()}" for name in ("AIRFLOW", "SUPERSET", "POSTGRES")]
    lines += [*ports, f"RETAIN_SHOP_CUSTOMERS={CUSTOMERS}", "RETAIN_DAGS_PAUSED=True"]
    env_file.write_text("\n".join(lines) + "\n")
    one = Stack(env_file, values_of(lines))
    one.end()  # what a run left that was killed
    try:
        one.up()
        pytestconfig.stash[COST] = one.cost()
        yield one
    finally:
        one.end()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures of the screens go: the folder RETAIN_PICTURES, or one that pytest clears away."""
    wanted = os.environ.get("RETAIN_PICTURES")
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The same shop, loaded and built by the command line into an embedded warehouse."""
    from retain.cli.instance import DEMO_CONFIG, DEMO_TIMEZONE, yesterday
    from retain.demo.fill import fill
    from retain.demo.serving import Standing

    folder = tmp_path_factory.mktemp("by-hand")
    server = EmbeddedServer(folder)
    server.start()
    try:
        server.create_database("shop")
        shop = server.dsn("shop")
        systems = folder / "systems"
        fill(shop, folder / "tills", folder / "truth", systems, until=yesterday(DEMO_TIMEZONE), customers=CUSTOMERS)
        standing = Standing(systems, port := free_port())
        config = folder / "retain.yml"
        config.write_text(DEMO_CONFIG.read_text().replace("  folder: ../../.retain/demo ", f"  folder: {folder} "))
        named = {"USER": shop["user"], "PASSWORD": shop["password"], "PORT": shop["port"], "TILLS": folder / "tills"}
        named["SYSTEMS"] = f"http://127.0.0.1:{port}"
        surroundings = {**os.environ, **{f"RETAIN_SHOP_{name}": str(value) for name, value in named.items()}}
        command = [sys.executable, "-m", "retain", "run", "--config", str(config)]
        done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
        standing.stop()
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(server.home, ignore_errors=True)
