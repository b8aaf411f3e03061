"""What every DAG of the repository must be, read from the files as Airflow reads them."""

import re
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[2] / "dags"
CONFIG = """\
business: {timezone: UTC, reporting_currency: EUR}
warehouse: {folder: state}
sources:
  - name: till
    type: files
    folder: .
    entities:
      customers:
        files: "customers*.csv"
        fields: {customer_id: id}
      orders:
        files: "*.csv"
        fields: {order_id: id, customer_id: customer, ordered_at: at, gross_amount: amount}
        defaults: {currency: EUR, status: paid}
"""


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    from airflow.dag_processing.dagbag import DagBag

    folder = tmp_path_factory.mktemp("dags")
    (folder / "retain.yml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIN_CONFIG", str(folder / "retain.yml"))
        patch.setenv("AIRFLOW_HOME", str(folder / "airflow"))
        yield DagBag(str(DAGS))


def test_every_file_in_dags_defines_a_dag_and_none_fails_to_import(bag):
    assert not bag.import_errors
    assert {Path(dag.fileloc).name for dag in bag.dags.values()} == {file.name for file in DAGS.glob("*.py")}
    assert set(bag.dags) == {"load_till", "transform_marts", "forecast_customers"}


def test_every_dag_has_an_owner_tags_documentation_and_a_runbook_that_exists(bag):
    for dag in bag.dags.values():
        assert {task.owner for task in dag.tasks} == {"data-platform"}
        assert any(tag.startswith("layer:") for tag in dag.tags)
        assert any(tag.startswith("tier:") for tag in dag.tags)
        runbook = re.search(r"Runbook: (docs/runbooks/\w+\.md)", dag.doc_md)
        assert runbook, dag.dag_id
        assert (DAGS.parent / runbook.group(1)).exists()
        assert dag.max_active_runs == 1
        assert not dag.catchup


def test_bad_data_is_never_asked_for_again_and_a_busy_source_is(bag):
    tasks = bag.dags["load_till"].tasks
    gates = [task for task in tasks if task.task_id.startswith("gate")]
    assert len(gates) == 2
    assert all(task.retries == 0 for task in gates)
    assert all(task.retries == 2 for task in tasks if task.task_id.startswith(("land", "publish")))


def test_every_model_is_a_task_of_its_own(bag):
    tasks = {task.task_id for task in bag.dags["transform_marts"].tasks}
    models = {file.stem for file in (DAGS.parent / "dbt_project" / "models").rglob("*.sql")}
    assert {f"models.{model}" for model in models} <= tasks
