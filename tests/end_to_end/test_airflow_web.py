"""`retain airflow` as a person meets it: log in on its web page, trigger a load there, find the marts of the command line."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from command_line import chromium, typed, until_interrupted
from shop_in_files import CONFIG, marts_of, rows_of, write_files

from retain.assets import STARTED_BY
from retain.config import load_settings
from retain.embedded import EmbeddedServer, free_port
from retain.loads import load_sources
from retain.warehouse import connect

pytestmark = pytest.mark.browser
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# Another day of the shop: somebody who is not known yet buys.
MORE = {
    "web/customers.csv": "c901,new.person@example.com,AM\n",
    "web/orders.csv": "w9001,c901,2025-06-29T10:15:00Z,paid,EUR,77.10\n",
    "web/items.csv": "w9001,1,p1,1,77.10\n",
}
BUILDS = ("transform_marts", "forecast_customers")
# Every run is late, and two rows are too many for one person to release: what then happens is seen in minutes, not in hours.
STRICT = "alerts: {run_within_hours: 0.0005}\ngate: {release_alone_up_to: 1}\n"


class Airflow:
    """A running `retain airflow`, and its API as its administrator."""

    def __init__(self, config: Path, port: int, process: "subprocess.Popen[str]") -> None:
        self.config, self.port, self.process = config, port, process
        self.address = f"http://127.0.0.1:{port}"
        self.password = json.loads((config.parent / "state" / "airflow" / "passwords.json").read_text())["admin"]
        self._token = self.ask("/auth/token", body={"username": "admin", "password": self.password})["access_token"]

    def runs(self) -> dict[str, list[dict[str, Any]]]:
        """Every run of every DAG."""
        found = self.ask("/api/v2/dags/~/dagRuns?limit=100")["dag_runs"]
        return {
            dag_id: [run for run in found if run["dag_id"] == dag_id] for dag_id in {run["dag_id"] for run in found}
        }

    def wait_until_loaded(self) -> None:
        """Wait until the load of the first hour is over."""
        deadline = time.monotonic() + 240
        while {run["state"] for run in self.runs().get("load_web", [])} != {"success"}:
            assert time.monotonic() < deadline, self.story()
            time.sleep(1)

    def wait_until_quiet(self, least: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
        """Wait until each DAG of `least` has that many runs, and none has been under way for ten seconds: what starts another
        takes the scheduler a moment. None may fail."""
        return self._wait_until_idle(least, seconds=10, at_most=600, may_fail=False)

    def wait_until_idle(self) -> None:
        """Wait until no run has been under way for five seconds, whatever became of those before."""
        self._wait_until_idle({}, seconds=5, at_most=300, may_fail=True)

    def _wait_until_idle(
        self, least: dict[str, int], *, seconds: float, at_most: float, may_fail: bool
    ) -> dict[str, list[dict[str, Any]]]:
        deadline, since = time.monotonic() + at_most, time.monotonic()
        while time.monotonic() < deadline:
            runs = self.runs()
            states = {run["state"] for of_dag in runs.values() for run in of_dag}
            assert may_fail or "failed" not in states, self.story()
            if {"queued", "running"} & states or any(len(runs.get(dag, [])) < n for dag, n in least.items()):
                since = time.monotonic()
            elif time.monotonic() - since > seconds:
                return runs
            time.sleep(0.5)
        raise AssertionError(f"Airflow was not done in time. {self.story()}")

    def story(self) -> str:
        """Every run in a line, with its tasks that did not succeed and the last words of the logs of those that failed or go on."""
        lines = ["The runs:"]
        for run in sorted((run for of_dag in self.runs().values() for run in of_dag), key=lambda run: run["run_after"]):
            dag, run_id = run["dag_id"], run["dag_run_id"]
            lines.append(f"{run_id} of {dag}, {run['start_date']} to {run['end_date']}: {run['state']}")
            by_state: dict[str, list[str]] = {}
            for name, task in self.tasks_of(dag, run_id).items():
                if task["state"] == "success":
                    continue
                by_state.setdefault(str(task["state"]), []).append(name)
            lines += [f"  {state}: {', '.join(names[:5])} ({len(names)})" for state, names in by_state.items()]
            for task in [*by_state.get("failed", []), *by_state.get("running", []), *by_state.get("up_for_retry", [])]:
                folder = (
                    self.config.parent / "state" / "logs" / "airflow" / "tasks" / f"dag_id={dag}" / f"run_id={run_id}"
                )
                for log in sorted((folder / f"task_id={task}").glob("*.log")):
                    lines += [f"  {task}, {log.name}: {line[:400]}" for line in log.read_text().splitlines()[-8:]]
        return "\n".join(lines)

    def pause(self, dag_id: str, is_paused: bool) -> None:
        """As the switch on the DAG's page does; waits until Airflow knows the DAG."""
        deadline = time.monotonic() + 120
        while True:
            try:
                self.ask(f"/api/v2/dags/{dag_id}", body={"is_paused": is_paused}, method="PATCH")
                return
            except urllib.error.HTTPError as error:
                if error.code != 404 or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run, as the form of the page does; returns its id."""
        return self.ask(f"/api/v2/dags/{dag_id}/dagRuns", body={"logical_date": None, "conf": conf})["dag_run_id"]

    def tasks_when(self, dag_id: str, run_id: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The tasks of a run by their id, as soon as they are as `wanted`."""
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            found = self.ask(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
            tasks = {task["task_id"]: task for task in found}
            if wanted(tasks):
                return tasks
            time.sleep(0.5)
        raise AssertionError({name: task["state"] for name, task in tasks.items()})

    def run_when(self, dag_id: str, run_id: str, state: str) -> dict[str, Any]:
        """The tasks of a run by their id, as soon as the run is in that state."""
        address, deadline = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", time.monotonic() + 300
        while self.ask(address)["state"] != state:
            assert time.monotonic() < deadline, self.story()
            time.sleep(0.5)
        return self.tasks_of(dag_id, run_id)

    def tasks_of(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """All tasks of a run by their id; a page of the API has a hundred."""
        address = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        pages = [self.ask(f"{address}?limit=100&offset={offset}") for offset in (0, 100)]
        return {task["task_id"]: task for page in pages for task in page["task_instances"]}

    def ask(self, path: str, *, body: dict[str, Any] | None = None, method: str | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, headers=headers, method=method)
        if path != "/auth/token":
            request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.data = json.dumps(body).encode()
        with DIRECT.open(request, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def make_shop() -> Iterator[Any]:
    """Make a retain.yml over files and an embedded warehouse of its own; everything is stopped and removed at the end."""
    folders: list[Path] = []

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(prefix="retain-tests-"))
        folder.chmod(0o755)
        folders.append(folder)
        only_the_web = CONFIG[: CONFIG.index("  - name: till")]  # each source's load would start a build of its own
        (folder / "retain.yml").write_text(only_the_web.format(warehouse="{folder: state}") + STRICT)
        write_files(folder)
        return folder / "retain.yml"

    yield make
    for folder in folders:
        server = EmbeddedServer(folder / "state")
        server.stop("immediate")
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def airflow(make_shop) -> Iterator[Airflow]:
    config, port = make_shop(), free_port()
    with until_interrupted("airflow", "--port", str(port), "--config", str(config)) as process:
        running = Airflow(config, port, process)
        for dag_id in BUILDS:  # of the first hour's load, which begins by itself, nothing need be built
            running.pause(dag_id, True)
        yield running


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()


def log_in(page, airflow, password):
    page.goto(airflow.address)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")


def by_hand(command, config):
    done = typed(command, "--config", str(config))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_port_it_opens_is_on_loopback(airflow):
    family = psutil.Process(airflow.process.pid).children(recursive=True)
    listening = {
        one.laddr for process in family for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN
    }
    assert airflow.port in {address.port for address in listening}
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_nobody_comes_in_without_the_password(airflow, page):
    with pytest.raises(urllib.error.HTTPError, match="401"):
        DIRECT.open(f"{airflow.address}/api/v2/dags/load_web/dagRuns", timeout=30)
    log_in(page, airflow, "admin")
    page.get_by_text("Invalid credentials").wait_for()


def test_a_port_in_use_is_a_sentence(airflow):
    done = typed("airflow", "--port", str(airflow.port), "--config", str(airflow.config))
    assert done.returncode == 2
    assert f"Port {airflow.port} on 127.0.0.1 is in use" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_load_triggered_on_the_page_ends_with_the_marts_of_the_command_line(airflow, page, make_shop):
    twin = make_shop()
    by_hand("load", twin)
    airflow.wait_until_loaded()
    for dag_id in BUILDS:
        airflow.pause(dag_id, False)
    for shop in (airflow.config, twin):
        for name, lines in MORE.items():
            with (shop.parent / name).open("a") as file:
                file.write(lines)
    log_in(page, airflow, airflow.password)
    page.get_by_role("link", name="Dags").first.wait_for()
    page.goto(f"{airflow.address}/dags/load_web")
    page.get_by_role("button", name="Trigger").click()
    page.get_by_role("dialog").get_by_role("button", name="Trigger").click()
    page.get_by_role("dialog").wait_for(state="hidden")
    page.goto("about:blank")  # the page asks every few seconds how the run is doing

    after = airflow.wait_until_quiet({"load_web": 2, **dict.fromkeys(BUILDS, 1)})
    assert {run["state"] for runs in after.values() for run in runs} == {"success"}
    assert [run["run_type"] for run in after["load_web"]].count("manual") == 1

    by_hand("run", twin)
    from_airflow, from_hand = marts_of(airflow.config), marts_of(twin)
    assert from_airflow.keys() == from_hand.keys()
    if len(after["load_web"]) > 2:  # an hour began meanwhile, and its load is the last one there
        assert len(from_airflow.pop("load_health")) == len(from_hand.pop("load_health"))
    assert any("web:w9001" in row or "'w9001'" in row for row in from_airflow["fct_orders"])
    for table, rows in from_hand.items():
        assert from_airflow[table] == rows, table


def states(tasks):
    return {task["state"] for task in tasks.values()}


def test_an_hourly_load_that_brings_nothing_new_builds_no_model(airflow):
    """But it is told of: the marts of the operations are new, and all others are the tables that they were. The hour is not
    waited for: the event is what an hourly load leaves."""
    tables = "select tablename as name, format('marts.%I', tablename)::regclass::oid as place from pg_tables where schemaname = 'marts'"
    before = {row["name"]: row["place"] for row in rows_of(airflow.config, tables)}
    known = {run["dag_run_id"] for run in airflow.runs()["transform_marts"]}
    forecasts = len(airflow.runs()["forecast_customers"])
    asset = airflow.ask("/api/v2/assets?name_pattern=loads/web")["assets"][0]
    airflow.ask("/api/v2/assets/events", body={"asset_id": asset["id"], "extra": {STARTED_BY: "scheduled"}})
    runs = airflow.wait_until_quiet({"transform_marts": len(known) + 1})
    assert len(runs["forecast_customers"]) == forecasts
    for run in (run["dag_run_id"] for run in runs["transform_marts"] if run["dag_run_id"] not in known):
        tasks = airflow.tasks_of("transform_marts", run)
        done = {"wait_for_loads", "prepare", "build_models"}
        assert states({name: task for name, task in tasks.items() if name in done}) == {"success"}
        assert states({name: task for name, task in tasks.items() if name not in done}) == {"skipped"}
    after = {row["name"]: row["place"] for row in rows_of(airflow.config, tables)}
    assert {name for name in before if before[name] != after.get(name)} == {
        "load_health", "load_history", "quarantine_reasons", "reconciliation", "validation_results"
    }  # fmt: skip


def test_a_run_that_does_not_end_in_time_is_told_and_over_when_one_ends(airflow):
    told = rows_of(
        airflow.config, "select subject, resolved_at from ops.alerts where kind = 'run_late' order by opened_at"
    )
    assert {"load_web", "transform_marts"} <= {alert["subject"] for alert in told}
    assert any(alert["resolved_at"] for alert in told if alert["subject"] == "load_web")


def test_a_night_of_housekeeping_runs_in_its_pool_and_a_cleared_task_runs_again(airflow):
    run = airflow.trigger("maintain_warehouse")
    tasks = airflow.tasks_when(
        "maintain_warehouse", run, lambda tasks: states(tasks) <= {"success", "failed", "skipped"}
    )
    assert states(tasks) == {"success"}
    assert {(task["pool"], task["try_number"]) for task in tasks.values()} == {("builds", 1)}

    # As a person does, who sees the run end: the scheduler, not done with a run yet, would end it over what is cleared.
    deadline = time.monotonic() + 120
    while airflow.ask(f"/api/v2/dags/maintain_warehouse/dagRuns/{run}")["state"] != "success":
        assert time.monotonic() < deadline, airflow.story()
        time.sleep(0.5)
    again = {"dry_run": False, "dag_run_id": run, "task_ids": ["delete_old_pages"], "only_failed": False}
    airflow.ask("/api/v2/dags/maintain_warehouse/clearTaskInstances", body=again)
    tasks = airflow.tasks_when(
        "maintain_warehouse",
        run,
        lambda tasks: tasks["delete_old_pages"]["try_number"] == 2 and states(tasks) == {"success"},
    )
    assert tasks["vacuum_tables"]["try_number"] == 1


def test_a_backfill_of_airflow_reads_what_changed_in_its_hours(airflow):
    orders = airflow.config.parent / "web" / "orders.csv"
    with orders.open("a") as file:
        file.write("w9002,c1,2025-06-29T11:15:00Z,paid,EUR,12.30\n")
    written_at = datetime(2025, 6, 30, 10, 30, tzinfo=UTC).timestamp()
    os.utime(orders, (written_at, written_at))  # restored from a backup, say
    span = {"from_date": "2025-06-30T11:00:00Z", "to_date": "2025-06-30T11:00:00Z"}
    airflow.ask("/api/v2/backfills", body={"dag_id": "load_web", **span})
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        mine = [run for run in airflow.runs()["load_web"] if run["run_type"] == "backfill"]
        if mine and {run["state"] for run in mine} <= {"success", "failed"}:
            break
        time.sleep(1)
    assert [run["state"] for run in mine] == ["success"]
    assert rows_of(airflow.config, "select order_id from raw.orders where order_id = 'w9002'")
    # The newest load need not be this one: an hour may begin meanwhile, and its load comes by itself.
    filled = "select window_to, status, rows_sent > 0 as read_it from ops.loads where entity = 'orders' and kind = 'backfill'"
    assert rows_of(airflow.config, filled) == [
        {"window_to": datetime(2025, 6, 30, 11, tzinfo=UTC), "status": "published", "read_it": True}
    ]


def test_a_large_release_waits_for_a_person_who_approves_on_the_page(airflow, page):
    with (airflow.config.parent / "web" / "orders.csv").open("a") as file:
        file.write("w9011,c1,2025-06-29T10:15:00Z,paid,EUR,-1.10\nw9012,c1,2025-06-29T10:15:00Z,paid,EUR,-2.20\n")
    deadline = time.monotonic() + 120
    while load_sources(load_settings(airflow.config), ["web"], ["orders"])[0].status != "published":
        assert time.monotonic() < deadline, airflow.story()  # until then an hourly load may hold the orders
        time.sleep(1)
    asked = {"source": "web", "entity": "orders", "rule": "gross_amount_not_negative", "reason": "goods sent back"}
    rejected, run = (airflow.trigger("release_quarantine", **asked) for _ in range(2))
    for one in (rejected, run):
        airflow.tasks_when("release_quarantine", one, lambda tasks: tasks["approve"]["state"] == "awaiting_input")
    time.sleep(15)  # as a person does: Airflow fails a task that is answered before its scheduler has seen it wait
    answer = f"/api/v2/dags/release_quarantine/dagRuns/{rejected}/taskInstances/approve/-1/hitlDetails"
    airflow.ask(answer, body={"chosen_options": ["Reject"], "params_input": {}}, method="PATCH")
    airflow.tasks_when("release_quarantine", rejected, lambda tasks: tasks["release_approved"]["state"] == "skipped")
    released = "select order_id from raw.orders where order_id in ('w9011', 'w9012') order by 1"
    assert rows_of(airflow.config, released) == []

    log_in(page, airflow, airflow.password)
    page.get_by_role("link", name="Dags").first.wait_for()
    page.goto(f"{airflow.address}/dags/release_quarantine/runs/{quote(run)}/tasks/approve/required_actions")
    page.get_by_text("Release 2 rows from quarantine?").first.wait_for()
    page.get_by_text("gross_amount is negative: 2").wait_for()
    page.get_by_role("button", name="Approve").click()
    page.goto("about:blank")

    tasks = airflow.tasks_when("release_quarantine", run, lambda tasks: tasks["release_approved"]["state"] == "success")
    assert tasks["release_few"]["state"] == "skipped"
    assert rows_of(airflow.config, released) == [{"order_id": "w9011"}, {"order_id": "w9012"}]
    assert rows_of(airflow.config, "select distinct reason, decided_by from ops.quarantine_decisions") == [
        {"reason": "goods sent back", "decided_by": "admin, approved by admin"}
    ]
    told = airflow.ask("/api/v2/assets/events?source_dag_id=release_quarantine")["asset_events"]
    assert {event["name"] for event in told} == {"quarantine/released"}  # which starts a build


def test_a_model_that_failed_is_cleared_and_the_run_goes_on_from_there(airflow):
    """The column comes back as somebody puts it right; what was built before is not built again."""
    rename = "alter table raw.tickets rename column {} to {}"
    airflow.wait_until_idle()
    with connect(load_settings(airflow.config)) as connection:
        connection.execute(rename.format("opened_at", "was_opened_at").encode())
    run = airflow.trigger("transform_marts")
    address = f"/api/v2/dags/transform_marts/dagRuns/{run}"
    try:
        tasks = airflow.run_when("transform_marts", run, "failed")
    finally:
        with connect(load_settings(airflow.config)) as connection:
            connection.execute(rename.format("was_opened_at", "opened_at").encode())
    failed, skipped = (
        {name for name, task in tasks.items() if task["state"] == state} for state in ("failed", "skipped")
    )
    assert failed == {"models.stg_mapped__tickets", "check_across_models"}
    assert "models.fct_tickets" in skipped
    assert {tasks["models.fct_orders"]["state"], tasks["build_models"]["state"]} == {"success"}
    assert tasks["show_marts"]["state"] == "upstream_failed"
    said = airflow.ask(f"{address}/taskInstances/models.stg_mapped__tickets/logs/1?full_content=true")
    assert "opened_at does not exist" in json.dumps(said)

    again = {
        "dry_run": False,
        "dag_run_id": run,
        "task_ids": ["models.stg_mapped__tickets"],
        "include_downstream": True,
    }
    airflow.ask("/api/v2/dags/transform_marts/clearTaskInstances", body={**again, "only_failed": False})
    tasks = airflow.run_when("transform_marts", run, "success")
    assert states(tasks) == {"success"}
    assert {name for name, task in tasks.items() if task["try_number"] > 1} == failed | skipped
    assert rows_of(airflow.config, "select builder from ops.model_builds") == [
        {"builder": "models.stg_mapped__tickets"}
    ]


def test_every_model_has_a_square_of_its_own_on_the_page(airflow, page):
    log_in(page, airflow, airflow.password)
    page.get_by_role("link", name="Dags").first.wait_for()
    page.set_viewport_size({"width": 1400, "height": 2400})  # the page draws only the rows that are in sight
    page.goto(f"{airflow.address}/dags/transform_marts")
    page.get_by_role("button", name="Expand all task groups").click()
    for model in ("stg_mapped__orders", "int_purchase_occasions", "retention_cohorts"):
        page.get_by_text(model, exact=True).first.wait_for()


def test_a_stop_ends_every_process(airflow):
    family = psutil.Process(airflow.process.pid).children(recursive=True)
    assert len(family) > 4
    airflow.process.send_signal(signal.SIGTERM)
    assert airflow.process.wait(60) == 0
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    with socket.socket() as one:
        assert one.connect_ex(("127.0.0.1", airflow.port)) != 0
