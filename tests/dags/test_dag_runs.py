"""The DAGs, run for real over a small shop: the same marts as the command line's, and nothing shown that is not right."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from shop_in_files import marts_of, rows_of

from retain.airflow.manifest import manifest_of
from retain.config import load_settings
from retain.warehouse import connect


class Day(NamedTuple):
    """A day of the shop in Airflow, and how its runs ended."""

    config: Path
    runs: dict[str, Any]


@pytest.fixture(scope="module")
def day(make_shop, run_dags) -> Day:
    config = make_shop("airflow")
    return Day(config, run_dags(config, "load_till", "load_web", "transform_marts", "forecast_customers"))


@pytest.fixture(scope="module")
def by_hand(make_shop) -> Path:
    """The same shop, loaded and built by the command line."""
    config = make_shop("by_hand")
    command = [sys.executable, "-m", "retain", "run", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return config


def test_every_task_of_a_day_succeeds(day):
    assert {dag_id: run.state for dag_id, run in day.runs.items()} == dict.fromkeys(day.runs, "success")
    assert {state for run in day.runs.values() for state in run.tasks.values()} == {"success"}


def test_the_marts_are_those_of_the_command_line(day, by_hand):
    from_airflow, from_hand = marts_of(day.config), marts_of(by_hand)
    assert len(from_airflow) >= 14
    assert from_airflow.keys() == from_hand.keys()
    for table, rows in from_hand.items():
        assert from_airflow[table] == rows, table
    assert len(from_airflow["fct_orders"]) > 300
    assert any("'is_predictable': True" in row for row in from_airflow["customer_value"])


def test_marts_of_yesterday_are_not_forecast_from(day, run_dags):
    today = day.config.read_text()
    day.config.write_text(today.replace("as_of: 2025-06-30", "as_of: 2025-07-01"))
    try:
        run = run_dags(day.config, "forecast_customers")["forecast_customers"]
    finally:
        day.config.write_text(today)
    assert (run.state, set(run.tasks.values())) == ("success", {"skipped"})
    assert rows_of(day.config, "select distinct as_of_on from forecast.models where purpose = 'current'") == [
        {"as_of_on": date(2025, 6, 30)}
    ]


def test_every_dbt_test_runs_once(day):
    manifest = json.loads(manifest_of(load_settings(day.config)).read_text())
    known = [node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    assert sorted(day.runs["transform_marts"].dbt_tests) == sorted(known)


def test_assets_tell_what_was_published_and_built(day):
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        events = session.execute(
            select(AssetModel.name, AssetEvent.source_dag_id, AssetEvent.extra)
            .join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
            .order_by(AssetEvent.id.desc())  # the newest first: other tests' shops are in this Airflow too
        ).all()
    from_dag = {(name, dag_id) for name, dag_id, _ in events}
    assert from_dag >= {
        ("raw/orders", "load_web"), ("raw/orders", "load_till"), ("raw/returns", "load_web"), ("loads/web", "load_web"),
        ("loads/till", "load_till"), ("marts", "transform_marts"), ("forecast/predictions", "forecast_customers"),
    }  # fmt: skip
    orders = next(extra for name, dag_id, extra in events if (name, dag_id) == ("raw/orders", "load_web"))
    loaded = rows_of(day.config, f"select * from ops.loads where load_id = {orders['load_id']}")
    assert loaded[0]["entity"] == "orders"
    assert loaded[0]["rows_changed"] == orders["rows_changed"] > 200


def test_the_report_is_drawn(day):
    assert (load_settings(day.config).state_folder / "report" / "retain.html").stat().st_size > 100_000


def test_a_run_over_the_same_data_changes_nothing(day, run_dags):
    before, loads = marts_of(day.config), rows_of(day.config, "select count(*) from raw.orders")
    assert run_dags(day.config, "load_web")["load_web"].state == "success"
    assert rows_of(day.config, "select count(*) from raw.orders") == loads
    assert rows_of(
        day.config, "select max(rows_changed) as most from ops.loads where source = 'web' and load_id > 6"
    ) == [{"most": 0}]
    assert marts_of(day.config) == before


def test_a_span_of_time_is_filled_again_and_the_cursor_stays(day, run_dags):
    cursors = rows_of(day.config, "select * from ops.cursors order by source, entity")
    run = run_dags(day.config, "load_till", from_on=f"{date.today()}", until_on=f"{date.today() + timedelta(days=2)}")
    assert run["load_till"].state == "success"
    last = rows_of(day.config, "select kind, status, rows_sent, window_from from ops.loads where entity = 'orders' "
                   "and source = 'till' and kind <> 'retry' order by load_id desc limit 1")[0]  # fmt: skip
    assert (last["kind"], last["status"]) == ("backfill", "published")
    assert last["rows_sent"] > 50
    assert last["window_from"].date() == date.today()
    assert rows_of(day.config, "select * from ops.cursors order by source, entity") == cursors


def test_days_the_wrong_way_round_end_in_a_sentence_and_land_nothing(day, run_dags):
    before = rows_of(day.config, "select count(*) from ops.loads")
    run = run_dags(day.config, "load_till", from_on="2025-03-02", until_on="2025-03-01")["load_till"]
    assert run.tasks["land_orders"] == "failed"
    assert rows_of(day.config, "select count(*) from ops.loads") == before


def test_a_failed_model_leaves_the_marts_as_they_were(day, run_dags):
    before = marts_of(day.config)
    rename = "alter table raw.tickets rename column {} to {}"
    with connect(load_settings(day.config)) as connection:
        connection.execute(rename.format("opened_at", "was_opened_at").encode())
    run = run_dags(day.config, "transform_marts")["transform_marts"]
    with connect(load_settings(day.config)) as connection:
        connection.execute(rename.format("was_opened_at", "opened_at").encode())
    assert run.state == "failed"
    assert {task for task, state in run.tasks.items() if state == "failed"} == {"models.stg_mapped__tickets"}
    assert run.tasks["models.fct_tickets"] == run.tasks["show_marts"] == "upstream_failed"
    assert run.tasks["models.fct_orders"] == "success"
    assert marts_of(day.config) == before


def test_a_refused_load_stops_only_what_refers_to_it(make_shop, run_dags):
    config = make_shop("refused")
    orders = config.parent / "web" / "orders.csv"
    good = orders.read_text()
    orders.write_text(good.replace(",EUR,", ",Euro,"))
    run = run_dags(config, "load_web")["load_web"]
    assert run.state == "failed"
    assert {task for task, state in run.tasks.items() if state == "failed"} == {"gate_orders"}
    assert {task for task, state in run.tasks.items() if state == "upstream_failed"} == {
        "publish_orders", "find_deleted_orders",
        "land_order_items", "gate_order_items", "publish_order_items", "find_deleted_order_items",
        "land_returns", "gate_returns", "publish_returns", "find_deleted_returns",
    }  # fmt: skip
    assert run.tasks["publish_products"] == run.tasks["take_up_waiting"] == "success"
    refused = rows_of(config, "select message from ops.loads where status = 'refused'")
    assert "rows fail" in refused[0]["message"]
    assert rows_of(config, "select count(*) from raw.orders") == [{"count": 0}]

    orders.write_text(good)
    again = run_dags(config, "load_web")["load_web"]
    assert again.state == "success"
    assert rows_of(config, "select count(*) from raw.orders") == [{"count": good.count("\n") - 1}]
    assert rows_of(config, "select count(*) from ops.quarantine where status = 'open'") == [{"count": 0}]


def test_a_source_that_cannot_be_read_starts_no_build(make_shop, run_dags):
    config = make_shop("unreadable")
    (config.parent / "till" / "till-1.csv").unlink()
    run = run_dags(config, "load_till")["load_till"]
    assert run.state == "failed"
    assert run.tasks == {
        "prepare": "success", "land_orders": "failed", "gate_orders": "upstream_failed",
        "publish_orders": "upstream_failed", "find_deleted_orders": "upstream_failed", "take_up_waiting": "skipped",
    }  # fmt: skip
