"""Every DAG: it can be read, reads nothing itself, keeps the house's policy, and is wired to the others by assets."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from shop_in_files import CONFIG

from retain.errors import Busy, OutOfReach, Refused, RetainError, UserError

REPOSITORY = Path(__file__).parents[2]
DAGS = REPOSITORY / "dags"
LINK = re.compile(r"Runbook: (\S+\.md)")

# Reports what is opened and who is called while the DAGs are read, except for code and what belongs to an installation.
WATCH = """
import json, os, sys
import airflow.sdk
import urllib3  # of OpenLineage's client: binds a socket to find out whether there is IPv6
from airflow.dag_processing.dagbag import DagBag

opened, called, watching = set(), [], False

def hook(event, arguments):
    if not watching:
        return
    if event == "open" and isinstance(arguments[0], str):
        opened.add(arguments[0])
    elif event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.system", "sqlite3.")):
        called.append(event)

sys.addaudithook(hook)
watching = True
bag = DagBag(sys.argv[1])
watching = False
print("REPORT" + json.dumps({"opened": sorted(opened), "called": called, "errors": bag.import_errors, "dags": len(bag.dags)}))
"""


@pytest.fixture(scope="module")
def config(project):
    """A retain.yml whose sources and warehouse do not exist: reading DAGs needs neither."""
    return project.parents[3] / "retain.yml"


@pytest.fixture(scope="module")
def bag(config):
    from airflow.dag_processing.dagbag import DagBag

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIN_CONFIG", str(config))
        return DagBag(DAGS)


def test_every_file_in_dags_defines_a_dag(bag):
    assert not bag.import_errors
    assert {Path(dag.fileloc).name for dag in bag.dags.values()} == {file.name for file in DAGS.glob("*.py")}


def test_there_is_a_load_dag_for_each_source_and_one_dag_for_each_other_file(bag):
    assert set(bag.dags) == {"load_web", "load_till", "transform_marts", "forecast_customers", "maintain_warehouse",
                             "release_quarantine"}  # fmt: skip


def test_nothing_is_read_at_import_but_retain_yml_and_the_dbt_project(config, project):
    command = [sys.executable, "-c", WATCH, str(DAGS)]
    environment = {**os.environ, "RETAIN_CONFIG": str(config)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout.rpartition("REPORT")[2])
    assert (report["errors"], report["dags"], report["called"]) == ({}, 6, [])
    code = re.compile(r"\.pyc?$|\.dist-info/|/python\d+\.zip$|/zoneinfo/")
    read = {name for name in report["opened"] if not code.search(name)}
    assert read == {str(config), str(project)}


def test_every_task_has_an_owner_and_every_dag_its_tags(bag):
    for dag in bag.dags.values():
        assert {task.owner for task in dag.tasks} == {"data-platform"}, dag.dag_id
        assert {tag.partition(":")[0] for tag in dag.tags} >= {"layer", "tier"}, dag.dag_id


def test_no_dag_catches_up_or_runs_twice_at_once(bag):
    assert not any(dag.catchup for dag in bag.dags.values())
    assert {dag_id for dag_id, dag in bag.dags.items() if dag.max_active_runs > 1} == {"release_quarantine"}


def test_every_dag_is_documented_with_a_runbook_that_exists(bag):
    for dag in bag.dags.values():
        link = LINK.search(dag.doc_md or "")
        assert link, dag.dag_id
        assert (REPOSITORY / link.group(1)).is_file()


def test_the_runbook_is_a_link_where_retain_yml_says_where_runbooks_are_read(config, monkeypatch):
    from airflow.dag_processing.dagbag import DagBag

    other = config.with_name("with_runbooks.yml")
    other.write_text(config.read_text() + "alerts: {runbooks: https://git.example/runbooks/}\n")
    monkeypatch.setenv("RETAIN_CONFIG", str(other))
    page = DagBag(DAGS / "maintain_warehouse.py").dags["maintain_warehouse"].doc_md
    assert page.rstrip().endswith("Runbook: [maintenance.md](https://git.example/runbooks/maintenance.md)")


def test_the_runbook_of_a_dag_speaks_of_it_and_of_every_task_that_can_fail(bag):
    unmentioned = set()
    for dag in bag.dags.values():
        runbook = (REPOSITORY / LINK.search(dag.doc_md).group(1)).read_text()
        assert f"`{re.sub('^load_.*', 'load_<source>', dag.dag_id)}`" in runbook
        tasks = {task.task_id for task in dag.tasks}
        kinds = {re.sub(r"_(customers|products|orders|order_items|returns)$", "_<entity>", task) for task in tasks}
        kinds = {"models.<model>" if kind.startswith("models.") else kind for kind in kinds}
        unmentioned |= {kind for kind in kinds if f"`{kind}`" not in runbook}
    assert unmentioned == {"wait_for_loads", "predict", "draw_report"}  # the last two under "any" of their DAG


def test_a_dags_page_says_whether_it_may_be_triggered(bag):
    for dag in bag.dags.values():
        assert re.search(r"Safe to trigger|Triggered by a person", dag.doc_md), dag.dag_id


def test_a_long_build_leaves_a_slot_for_loads(bag):
    pools = {dag.dag_id: {task.pool for task in dag.tasks} for dag in bag.dags.values()}
    assert pools == {dag_id: {"loads" if dag_id.startswith(("load_", "release_")) else "builds"} for dag_id in bag.dags}


@pytest.mark.parametrize(
    ("error", "is_tried_again"),
    [
        (OutOfReach("The shop does not answer."), True),
        (Busy("Another load is running."), True),
        (RetainError("A page could not be drawn."), True),
        (Refused("Too many rows fail."), False),
        (UserError("There is no such column."), False),
    ],
)
def test_a_task_is_tried_again_only_where_time_may_help(error, is_tried_again):
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    from retain.airflow.tasks import in_words

    with pytest.raises(AirflowException, match=str(error)) as ended, in_words():
        raise error
    assert isinstance(ended.value, AirflowFailException) is not is_tried_again


def test_bad_data_is_never_retried(bag):
    gates = [task for dag in bag.dags.values() for task in dag.tasks if task.task_id.startswith("gate")]
    models = [task for task in bag.dags["transform_marts"].tasks if task.task_id.startswith("models.")]
    assert len(gates) == 6
    assert len(models) > 30
    assert all(task.retries == 0 for task in [*gates, *models])


def test_what_may_fail_by_chance_is_retried_with_backoff(bag):
    tasks = [task for dag in bag.dags.values() for task in dag.tasks if task.task_id.startswith(("land", "publish"))]
    assert len(tasks) == 12
    assert all(task.retries == 2 and task.retry_exponential_backoff for task in tasks)
    assert all(task.retry_delay >= timedelta(seconds=30) for task in tasks)


def test_entities_wait_for_what_they_refer_to_and_for_nothing_else(bag):
    web = bag.dags["load_web"]
    waits_for = {
        entity: web.get_task(f"land_{entity}").upstream_task_ids
        for entity in ("customers", "products", "orders", "order_items", "returns")
    }
    assert waits_for == {
        "customers": {"prepare"},
        "products": {"prepare"},
        "orders": {"publish_customers"},
        "order_items": {"publish_orders", "publish_products"},
        "returns": {"publish_orders"},
    }


def test_publishing_is_what_tells_of_an_entity(bag):
    outlets = {
        task.task_id: {asset.name for asset in task.outlets} for task in bag.dags["load_web"].tasks if task.outlets
    }
    entities = ("customers", "products", "orders", "order_items", "returns")
    assert outlets == {
        **{f"publish_{entity}": {f"raw/{entity}"} for entity in entities},
        "take_up_waiting": {"loads/web"},
    }


def names_in(condition):
    return {condition.name} if hasattr(condition, "name") else set().union(*map(names_in, condition.objects))


def test_loads_start_the_transformation_and_that_starts_the_forecast(bag):
    starts = {
        dag_id: names_in(dag.timetable.asset_condition)
        for dag_id, dag in bag.dags.items()
        if getattr(dag.timetable, "asset_condition", None) is not None
    }
    assert starts == {
        "transform_marts": {"loads/web", "loads/till", "quarantine/released"},
        "forecast_customers": {"marts"},
    }


def test_the_forecast_starts_nothing(bag):
    told = {asset.name for task in bag.dags["forecast_customers"].tasks for asset in task.outlets}
    awaited = {"loads/web", "loads/till", "marts"}
    assert told == {"forecast/predictions", "report"}
    assert not told & awaited


def test_every_model_is_a_task_and_people_see_marts_last(bag, project):
    manifest = json.loads(project.read_text())
    models = {f"models.{node['name']}" for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    transform = bag.dags["transform_marts"]
    assert models == {task.task_id for task in transform.tasks if task.task_id.startswith("models.")}
    assert {task.task_id for task in transform.leaves} == {"show_marts"}
    assert {task.task_id for task in transform.roots} == {"wait_for_loads"}
    assert transform.get_task("show_marts").get_flat_relative_ids(upstream=True) >= models


def test_a_model_waits_for_the_models_it_reads(bag):
    upstream = bag.dags["transform_marts"].get_task("models.int_orders_dated").upstream_task_ids
    assert "models.stg_mapped__orders" in upstream


def test_assets_have_the_same_address_wherever_the_warehouse_stands():
    from retain.assets import MARTS, RAW

    assert RAW["orders"].uri == "postgres://warehouse:5432/retain/raw/orders"
    assert MARTS.uri == "postgres://warehouse:5432/retain/marts/all"


def test_a_wrong_retain_yml_is_a_sentence_on_the_page(tmp_path, monkeypatch):
    from airflow.dag_processing.dagbag import DagBag

    wrong = tmp_path / "retain.yml"
    wrong.write_text(
        CONFIG.format(warehouse="{url: postgresql://x@127.0.0.1:1/x}").replace(
            "reporting_currency: EUR", "reporting_currency: Euro"
        )
    )
    monkeypatch.setenv("RETAIN_CONFIG", str(wrong))
    errors = DagBag(DAGS / "load_sources.py").import_errors
    assert "reporting_currency" in str(errors)
    assert "retain.yml:3" in str(errors)


def test_what_must_end_in_time_has_a_deadline_and_its_last_task_ends_the_alert(bag):
    from retain.alerts import Kind
    from retain.alerts.airflow_notifier import RetainNotifier

    with_deadline = {dag_id for dag_id, dag in bag.dags.items() if dag.deadline}
    assert with_deadline == {"load_web", "load_till", "transform_marts", "forecast_customers"}
    for dag_id in with_deadline:
        dag = bag.dags[dag_id]
        assert [alert.interval for alert in dag.deadline] == [3 * 3600]
        (last,) = [*dag.teardowns, *(task for task in dag.leaves if not dag.teardowns)]
        for callbacks in (last.on_success_callback, last.on_skipped_callback):
            ends = [one for one in callbacks if isinstance(one, RetainNotifier) and one.kind is Kind.RUN_LATE]
            assert [(one.subject, one.is_over) for one in ends] == [(dag_id, True)]
        assert any(one.kind is not Kind.RUN_LATE for one in last.on_success_callback)


def test_airflow_dags_test_meets_no_deadline(config, monkeypatch):
    """Airflow 3.3 fails at the end of such a run where there is one."""
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("RETAIN_CONFIG", str(config))
    monkeypatch.setattr(sys, "argv", ["airflow", "dags", "test", "load_web"])
    assert DagBag(DAGS / "load_sources.py").dags["load_web"].deadline is None
