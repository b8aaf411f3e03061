"""`retain bench transform`: what a task for each model costs, beside one bare `dbt build` of the same project and data."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.demo_shop import demo_shop
from bench.running import Options, show
from bench.scratch import scratch_folder, scratch_server
from retain import transform, warehouse
from retain.airflow.surroundings import USER, password_file
from retain.config import Settings
from retain.embedded import free_port
from retain.loads import load_sources

Tell = Callable[[str], None]
MOST_TIMES_BARE = 2.0
DAG = "transform_marts"
MODELS = "models."
BY_WORKERS = ("wait_for_loads", "prepare", "build_models", "show_marts")  # every other task waits in the triggerer
SECONDS_OF_A_RUN, SECONDS_TO_START = 3600.0, 300.0
UNDER_WAY = ("queued", "running")


def run(format: str, options: Options) -> None:
    """Run the bench and print what it found."""
    show(measure, lines, headline, format, options)


def measure(tell: Tell, *, customers: int = 20_000, rounds: int = 2) -> dict[str, Any]:
    """Build the demo shop's marts by turns, once by `dbt build` and once by Airflow, so many times.

    What is told is the round with the median ratio, the better of two.
    """
    with scratch_folder("transform") as folder, scratch_server(folder) as server:
        tell("fill the demo shop and load it")
        settings = demo_shop(server, folder, customers)
        warehouse.prepare(settings)
        for outcome in load_sources(settings, [one.name for one in settings.sources]):
            if outcome.status != "published":
                raise RuntimeError(f"{outcome.source} {outcome.entity} was not loaded: {outcome.message}")
        shop = server.dsn("shop")
        shown = {f"RETAIN_SHOP_{name.upper()}": str(shop[name]) for name in ("user", "password", "port")}
        tell("start Airflow")
        with running_airflow(settings, shown) as airflow:
            bare_build(settings)  # not counted: dbt has parsed nothing yet, as Airflow had at its first build
            pairs = []
            for number in range(1, rounds + 1):
                pairs.append((bare_build(settings), airflow.transform()))
                tell(f"round {number}: dbt build {pairs[-1][0]:.0f} s, Airflow {pairs[-1][1]['seconds']:.0f} s")
        bare, by_airflow = sorted(pairs, key=lambda pair: pair[1]["seconds"] / pair[0])[(rounds - 1) // 2]
        return {
            "customers": customers,
            "rounds": rounds,
            "dbt_build_seconds": round(bare, 1),
            "airflow_seconds": round(by_airflow["seconds"], 1),
            "ratio": round(by_airflow["seconds"] / bare, 2),
            "models": by_airflow["models"],
            "seconds_of_tasks": by_airflow["of_tasks"],
        }


def bare_build(settings: Settings) -> float:
    """Seconds by the clock of `dbt build`, started as a person starts it, over an empty `marts_next`."""
    with warehouse.connect(settings) as connection:
        transform.clear_next(connection)
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", *transform.arguments(settings, "build")]
    began = time.monotonic()
    done = subprocess.run(
        command,
        env={**os.environ, **transform.environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"dbt build failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - began


class Airflow:
    """A running `retain airflow`, by its API."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._token = str(self.ask("/auth/token", {"username": USER, "password": password})["access_token"])

    def alone(self) -> None:
        """Let the DAGs end what they begin by themselves at a start, and only what is asked for run from then on."""
        self._wait("the first build and forecast", lambda: self._ended("forecast_customers") and not self._under_way())
        for dag in self.ask("/api/v2/dags?limit=100")["dags"]:
            if dag["dag_id"] != DAG:
                self.ask(f"/api/v2/dags/{dag['dag_id']}", {"is_paused": True}, "PATCH")

    def transform(self) -> dict[str, Any]:
        """One run of transform_marts to its end: its seconds, and those of each task that a worker ran."""
        run = str(self.ask(f"/api/v2/dags/{DAG}/dagRuns", {"logical_date": None})["dag_run_id"])
        address = f"/api/v2/dags/{DAG}/dagRuns/{run}"
        self._wait(run, lambda: self.ask(address)["state"] not in UNDER_WAY)
        done = self.ask(address)
        if done["state"] != "success":
            raise RuntimeError(f"{DAG} ended as {done['state']}")
        tasks = self._tasks(f"{address}/taskInstances")
        models = [task for task in tasks if task["task_id"].startswith(MODELS)]
        return {
            "seconds": _between(done["start_date"], done["end_date"]),
            "models": len(models),
            "of_tasks": {one["task_id"]: round(one["duration"], 1) for one in tasks if one["task_id"] in BY_WORKERS},
        }

    def _tasks(self, address: str) -> list[dict[str, Any]]:
        """All tasks of a run; a page of Airflow's API has a hundred."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.ask(f"{address}?limit=100&offset={len(found)}")
            found.extend(page["task_instances"])
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.address + path, headers={"Content-Type": "application/json"}, method=method
        )
        if path != "/auth/token":
            request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.data = json.dumps(body).encode()
        with self._opener.open(request, timeout=60) as answer:
            words: dict[str, Any] = json.load(answer)
        return words

    def _ended(self, dag: str) -> bool:
        runs = self.ask(f"/api/v2/dags/{dag}/dagRuns?limit=100")["dag_runs"]
        return any(run["state"] not in UNDER_WAY for run in runs)

    def _under_way(self) -> list[str]:
        runs = self.ask("/api/v2/dags/~/dagRuns?limit=100")["dag_runs"]
        return [run["dag_run_id"] for run in runs if run["state"] in UNDER_WAY]

    def _wait(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS_OF_A_RUN
        while not is_so():
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited {SECONDS_OF_A_RUN:.0f} s for {what}")
            time.sleep(1)


@contextmanager
def running_airflow(settings: Settings, shown: dict[str, str]) -> Iterator[Airflow]:
    """`retain airflow` as a person starts it, quiet; `shown` is what its retain.yml names of the environment."""
    port = free_port()
    log = settings.state_folder / "airflow.out"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "retain", "airflow", "--port", str(port), "--config", str(settings.path)]
    with (
        log.open("w") as output,
        subprocess.Popen(command, env={**os.environ, **shown}, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        try:
            deadline = time.monotonic() + SECONDS_TO_START
            while "Ctrl-C stops it" not in log.read_text():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Airflow did not start: {log.read_text()[-2000:]}")
                time.sleep(0.5)
            airflow = Airflow(f"http://127.0.0.1:{port}", json.loads(password_file(settings).read_text())[USER])
            airflow.alone()
            yield airflow
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: the two, and what the tasks of Airflow's run took."""
    rows = [
        ["dbt build", f"{document['dbt_build_seconds']:,.1f}"],
        ["transform_marts", f"{document['airflow_seconds']:,.1f}"],
        *[[f"of it {name}", f"{seconds:,.1f}"] for name, seconds in document["seconds_of_tasks"].items()],
    ]
    return [f"{document['models']} models", "seconds"], rows


def headline(document: dict[str, Any]) -> list[str]:
    """What came out, in a sentence."""
    met = document["ratio"] <= MOST_TIMES_BARE
    return [
        f"A task for each model costs {document['ratio']:.2f} times a bare dbt build (goal: at most {MOST_TIMES_BARE:.0f}): "
        f"{'met' if met else 'NOT met'}."
    ]
