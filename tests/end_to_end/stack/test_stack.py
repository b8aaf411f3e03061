"""docker-compose.yml on a real engine: it comes up as written, survives the loss of each container, and ends with the CLI's numbers."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from command_line import chromium
from psycopg import sql
from shop_in_files import OF_THE_RUN

from retain.dashboards import DASHBOARDS
from retain.roles import SCHEMAS

pytestmark = pytest.mark.stack

LOADED = ("load_webshop", "load_tills", "load_storefront", "load_helpdesk", "load_letters", "load_points")
AFTER = ("transform_marts", "forecast_customers")
# Each is killed once while the web shop is being loaded.
IN_TURN = (
    "airflow-triggerer", "airflow-dag-processor", "shop-database", "airflow-api-server", "airflow-scheduler", "postgres",
)  # fmt: skip
OF_LOADS = ("load_health", "load_history", "validation_results")  # the loads themselves: here there were more of them
# Fitted on another Python than the command line's here: the last of sixteen digits may differ.
FITTED = ("parameters", "standard_errors", "log_likelihood", "held_out_log_likelihood")
KEYS_OF_LOADS = ("_load_id", "deleted_at")  # a load that was killed has used up a number


def inspect(stack, what: str) -> dict[str, str]:
    names = stack.compose("ps", "-a", "--format", "{{.Name}}").stdout.split()
    form = '{{index .Config.Labels "com.docker.compose.service"}}\t' + what
    done = subprocess.run(["docker", "inspect", "--format", form, *names], capture_output=True, text=True, check=True)
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


def test_every_container_is_confined(stack):
    services = inspect(
        stack, "{{.HostConfig.ReadonlyRootfs}} {{.Config.User}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}"
    )
    assert len(services) >= 11
    for service, told in services.items():
        read_only, user, dropped, options = told.split(" ", 3)
        assert read_only == "true", service
        assert user not in ("", "root", "0"), service
        assert "ALL" in dropped, service
        assert "no-new-privileges" in options, service
    limits = inspect(stack, "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}")
    assert all(int(number) > 0 for told in limits.values() for number in told.split()), limits


def test_nothing_listens_beyond_loopback(stack):
    published = inspect(stack, "{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} {{end}}{{end}}")
    assert {address for told in published.values() for address in told.split()} == {"127.0.0.1"}


def test_nobody_comes_in_with_a_password_that_anybody_knows(stack):
    port = int(stack.values["RETAIN_POSTGRES_PORT"])
    for user in ("postgres", "retain_owner", "retain_bi", "airflow", "superset"):
        for password in ("", "postgres", "retain", user, "admin"):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(host="127.0.0.1", port=port, user=user, password=password, dbname="retain")


def test_the_databases_are_closed_to_each_other(stack):
    port = int(stack.values["RETAIN_POSTGRES_PORT"])
    logins = {
        "airflow": "AIRFLOW_DATABASE",
        "superset": "SUPERSET_DATABASE",
        "retain_bi": "BI",
        "retain_owner": "OWNER",
    }
    homes = {"airflow": "airflow", "superset": "superset", "retain_bi": "retain", "retain_owner": "retain"}
    for user, name in logins.items():
        for database in ("airflow", "superset", "retain"):
            parameters = {
                "host": "127.0.0.1", "port": port, "user": user, "dbname": database,
                "password": stack.values[f"RETAIN_{name}_PASSWORD"],
            }  # fmt: skip
            if database == homes[user]:
                psycopg.connect(**parameters).close()
            else:
                with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                    psycopg.connect(**parameters)


def test_the_demo_ends_with_the_command_lines_numbers_though_each_container_was_killed_in_turn(stack, by_hand):
    for dag in (*LOADED, *AFTER):
        stack.ask(f"/api/v2/dags/{dag}", {"is_paused": False}, "PATCH")
    first = stack.trigger("load_webshop")
    for service in IN_TURN:
        stack.compose("kill", service)
        time.sleep(2)
        stack.compose("start", service)
        time.sleep(10)
    stack.compose("up", "-d", "--wait", "--no-recreate")
    stack.end_of("load_webshop", first)  # it may have failed: whoever killed it triggers it again
    for dag in LOADED:
        assert stack.end_of(dag, stack.trigger(dag)) == "success"
    for dag, before in zip(AFTER, (LOADED, AFTER[:1]), strict=True):
        last = max(stack.last_event(one) for one in before)  # which may be told before the run that tells it has ended
        stack.wait(
            f"{dag} after {last}",
            lambda dag=dag, last=last: [
                run for run in stack.runs(dag) if run["state"] == "success" and run["run_after"] >= last
            ] and not [run for run in stack.runs(dag) if run["state"] in ("running", "queued")],
        )  # fmt: skip
    with psycopg.connect(**by_hand.dsn("retain")) as here:
        port, password = stack.values["RETAIN_POSTGRES_PORT"], stack.values["RETAIN_POSTGRES_PASSWORD"]
        with psycopg.connect(host="127.0.0.1", port=port, user="postgres", password=password, dbname="retain") as there:
            assert rows_of(there, "raw") == rows_of(here, "raw")
            ours, theirs = rows_of(here, "marts"), rows_of(there, "marts")
            for marts in (ours, theirs):
                for name in OF_LOADS:
                    assert marts.pop(name)[0] > 0
            assert theirs == ours
            assert fitted_in(there) == pytest.approx(fitted_in(here), rel=1e-9)


def rows_of(connection: psycopg.Connection, schema: str) -> dict[str, tuple[int, str]]:
    """Rows and checksum of every table, without what only tells which run wrote a row."""
    found = {}
    tables = connection.execute("select tablename from pg_tables where schemaname = %s", [schema]).fetchall()
    for (table,) in tables:
        columns = connection.execute(
            "select column_name from information_schema.columns where table_schema = %s and table_name = %s "
            "and column_name <> all(%s) order by ordinal_position",
            [
                schema,
                table,
                [*KEYS_OF_LOADS, *OF_THE_RUN.get(table, ()), *(FITTED if table == "forecast_models" else ())],
            ],
        ).fetchall()
        one = sql.SQL("md5(row({})::text)").format(sql.SQL(", ").join(sql.Identifier(name) for (name,) in columns))
        query = sql.SQL("select count(*), coalesce(md5(string_agg({0}, '' order by {0})), '') from {1}")
        found[table] = connection.execute(query.format(one, sql.Identifier(schema, table))).fetchone()
    assert found
    return found


def fitted_in(connection: psycopg.Connection) -> dict[str, float]:
    """Every number that a model was fitted to: model, place of the number, number."""
    found = {}
    for number, row in enumerate(
        connection.execute(
            sql.SQL("select {} from marts.forecast_models order by model, version, as_of_on, purpose").format(
                sql.SQL(", ").join(map(sql.Identifier, FITTED))
            )
        )
    ):
        for column, value in zip(FITTED, row, strict=True):
            numbers = value if isinstance(value, dict) else {"": value}
            found |= {f"{number} {column} {name}": one for name, one in numbers.items() if isinstance(one, float)}
    assert found
    return found


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def analyst(stack, browser) -> Iterator[Any]:
    """A browser that has logged in at Superset."""
    context = browser.new_context(viewport={"width": 1500, "height": 4000})  # charts out of sight are not drawn
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{stack.values['RETAIN_SUPERSET_PORT']}/login/")
    page.fill("#username", "admin")
    page.fill("#password", stack.values["RETAIN_SUPERSET_PASSWORD"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/superset/welcome/**")
    page.close()
    yield context
    context.close()


@pytest.fixture(scope="module")
def engineer(stack, browser) -> Iterator[Any]:
    """A page of Airflow, logged in."""
    context = browser.new_context(viewport={"width": 1400, "height": 1100})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(stack.airflow)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", stack.values["RETAIN_AIRFLOW_PASSWORD"])
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Dags").first.wait_for()
    yield page
    context.close()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_a_dashboard_opens_whole_in_a_browser(stack, analyst, pictures, dashboard):
    page = analyst.new_page()
    answers: list[int] = []
    complaints: list[str] = []
    page.on("response", lambda got: answers.append(got.status) if "/api/v1/chart/data" in got.url else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"http://127.0.0.1:{stack.values['RETAIN_SUPERSET_PORT']}/superset/dashboard/{dashboard.name}/")
    deadline = time.monotonic() + 300
    while len(answers) < len(dashboard.charts) and time.monotonic() < deadline:
        page.wait_for_timeout(500)
    while page.locator("[data-test=loading-indicator], .loading").count() and time.monotonic() < deadline:
        page.wait_for_timeout(500)
    holders = "[...document.querySelectorAll('.dashboard-component-chart-holder')]"
    bottom = f"Math.max(...{holders}.map(holder => holder.getBoundingClientRect().bottom))"
    page.set_viewport_size({"width": 1500, "height": int(page.evaluate(bottom)) + 24})
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / f"dashboard_{dashboard.name.replace('-', '_')}.png")
    errors = page.locator(".ant-alert-error, [data-test=error-alert]").all_inner_texts()
    page.close()
    assert len(answers) >= len(dashboard.charts)
    assert set(answers) == {200}
    assert (errors, complaints) == ([], [])


@pytest.mark.parametrize("dag", [*LOADED, *AFTER, "maintain_warehouse", "release_quarantine"])
def test_a_dag_has_a_page_with_its_runs_and_its_runbook(stack, engineer, pictures, dag):
    engineer.goto(f"{stack.airflow}/dags/{dag}")
    engineer.get_by_text(dag, exact=True).first.wait_for()
    if dag == "transform_marts":
        engineer.set_viewport_size({"width": 1400, "height": 2400})  # the page draws only the rows that are in sight
        engineer.get_by_role("button", name="Expand all task groups").click()
        for model in ("stg_mapped__orders", "int_purchase_occasions", "retention_cohorts"):
            engineer.get_by_text(model, exact=True).first.wait_for()
    engineer.wait_for_timeout(2000)
    engineer.screenshot(path=pictures / f"airflow_{dag}.png")
    engineer.set_viewport_size({"width": 1400, "height": 1100})
    engineer.get_by_role("button", name="Dag Docs").click()
    engineer.get_by_role("dialog").get_by_text("Runbook").first.wait_for()
    engineer.wait_for_timeout(1000)  # it fades in
    engineer.screenshot(path=pictures / f"airflow_{dag}_page.png")
    engineer.keyboard.press("Escape")


def test_no_dag_has_an_error_of_its_own(stack):
    assert stack.ask("/api/v2/importErrors")["import_errors"] == []


def test_a_backup_of_the_stack_is_restored_into_an_empty_one(stack):
    stack.compose("run", "--rm", "-T", "retain", "backup", "/var/lib/retain/copy")
    before = stack.rows("select count(*), sum(gross_amount) from raw.orders")
    for schema in SCHEMAS:
        stack.rows(f"drop schema {schema} cascade")
    stack.rows("drop table public.retain_migrations")
    told = stack.compose("run", "--rm", "-T", "retain", "restore", "/var/lib/retain/copy")
    assert "each as it was at" in told.stdout
    assert stack.rows("select count(*), sum(gross_amount) from raw.orders") == before
    assert stack.rows("select count(*) > 0 from marts.key_figures", user="retain_bi") == [(True,)]


def test_the_doctor_finds_nothing_wrong(stack):
    told = stack.compose("run", "--rm", "-T", "retain", "doctor")
    assert "to put right" not in told.stdout


def test_workers_of_celery_take_over_the_tasks(stack, tmp_path):
    env_file = tmp_path / ".env"
    env_file.write_text(stack.env_file.read_text() + "RETAIN_EXECUTOR=CeleryExecutor\n")
    many = replace(stack, env_file=env_file, profiles=("demo", "celery"))
    many.compose("up", "-d", "--wait", "--scale", "airflow-worker=2")
    many.ask("/api/v2/dags/load_tills", {"is_paused": False}, "PATCH")
    run = many.trigger("load_tills")
    assert many.end_of("load_tills", run) == "success"
    done = many.ask(f"/api/v2/dags/load_tills/dagRuns/{run}/taskInstances")["task_instances"]
    workers = many.compose("ps", "-q", "airflow-worker").stdout.split()
    names = subprocess.run(
        ["docker", "inspect", "--format", "{{.Config.Hostname}}", *workers], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(names) == 2
    assert {task["hostname"] for task in done if task["hostname"]} <= set(names)
    assert any(task["hostname"] for task in done)
