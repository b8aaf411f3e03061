"""Lineage: a run tells OpenLineage which tables it read and wrote, when it is asked to, and nobody anything when it is not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest

from retain.airflow.lineage import emit_models, lineage_of, source_of
from retain.airflow.results import Result
from retain.config import load_settings
from retain.warehouse import prepare

WAREHOUSE = "postgres://warehouse:5432"


@pytest.fixture(scope="module")
def config(make_shop):
    path = make_shop("lineage")
    prepare(load_settings(path))
    return path


class Collector:
    """What OpenLineage's HTTP transport meets: takes one event a request at /api/v1/lineage, or refuses each one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.events: list[dict] = []
        self.answers = 201
        collector = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.asked.append(self.path)
                collector.events.append(json.loads(body))
                self.send_response(collector.answers)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *said: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.transport = json.dumps(
            {
                "type": "http",
                "url": f"http://127.0.0.1:{self.server.server_port}",
                "endpoint": "api/v1/lineage",
                "retry": {"total": 1},
            }
        )


@pytest.fixture
def collector(monkeypatch) -> Iterator[Collector]:
    one = Collector()
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", one.transport)
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__EXTRACTORS", "retain.airflow.lineage.RetainExtractor")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    Thread(target=one.server.serve_forever, daemon=True).start()
    yield one
    one.server.shutdown()
    one.server.server_close()


def tables(datasets):
    return {(one["namespace"], one["name"]) for one in datasets}


def test_a_load_tells_its_source_and_its_table_of_raw_and_no_row(config, run_dags, tmp_path, monkeypatch):
    file = tmp_path / "lineage.jsonl"
    monkeypatch.setenv(
        "AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps({"type": "file", "log_file_path": str(file), "append": True})
    )
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__EXTRACTORS", "retain.airflow.lineage.RetainExtractor")
    assert run_dags(config, "load_till")["load_till"].state == "success"
    text = file.read_text()
    events = [json.loads(line) for line in text.splitlines()]
    complete = {event["job"]["name"]: event for event in events if event["eventType"] == "COMPLETE"}
    land, publish = (complete[f"load_till.{task}_orders"] for task in ("land", "publish"))
    assert tables(land["inputs"]) == {("file", str(config.parent / "till" / "*.csv"))}
    assert tables(land["outputs"]) == tables(publish["inputs"]) == {(WAREHOUSE, "retain.landing.till__orders")}
    assert tables(publish["outputs"]) == {(WAREHOUSE, "retain.raw.orders")}
    assert "@example.com" not in text.lower()
    assert "postgresql://" not in text


def test_a_collector_gets_each_task_by_http_with_what_it_read_and_wrote(config, run_dags, collector):
    assert run_dags(config, "load_till")["load_till"].state == "success"
    assert set(collector.asked) == {"/api/v1/lineage"}
    of_tasks = {(event["job"]["name"], event["eventType"]): event for event in collector.events}
    for task in ("land_orders", "gate_orders", "publish_orders"):
        started, ended = (of_tasks[f"load_till.{task}", kind] for kind in ("START", "COMPLETE"))
        assert started["run"]["runId"] == ended["run"]["runId"]
    assert tables(of_tasks["load_till.publish_orders", "COMPLETE"]["outputs"]) == {(WAREHOUSE, "retain.raw.orders")}


def test_a_collector_that_refuses_everything_fails_no_load(config, run_dags, collector):
    collector.answers = 503
    assert run_dags(config, "load_till")["load_till"].state == "success"
    assert collector.asked


def test_a_model_tells_what_it_is_made_of_down_to_raw_and_up_to_the_marts(config):
    settings = load_settings(config)

    def of(model):
        return lineage_of(settings, "transform_marts", f"models.{model}", [])

    inputs, outputs = of("retention_cohorts")
    assert outputs == [(WAREHOUSE, "retain.marts.retention_cohorts")]
    assert (WAREHOUSE, "retain.intermediate.int_cohort_periods") in inputs
    assert (WAREHOUSE, "retain.raw.orders") in of("stg_mapped__orders")[0]
    assert lineage_of(settings, "forecast_customers", "predict", [f"{WAREHOUSE}/retain/forecast/predictions"])[1] == [
        (WAREHOUSE, "retain.forecast.predictions")
    ]


def test_each_model_that_dbt_built_is_told_of_as_a_task(config, collector):
    at = datetime(2025, 6, 30, 4, tzinfo=UTC)
    run = SimpleNamespace(logical_date=None, run_after=at, clear_number=0)
    context = {"dag_run": run, "ti": SimpleNamespace(dag_id="transform_marts")}
    results = {
        "retention_cohorts": Result("built", "", at, at + timedelta(seconds=2)),
        "fct_orders": Result("failed", "no such column", at, at + timedelta(seconds=1)),
        "fct_returns": Result("skipped", "Something that it reads has failed.", None, at),
    }
    emit_models(load_settings(config), context, results)
    told = {(event["job"]["name"], event["eventType"]): event for event in collector.events}
    built, failed = "transform_marts.models.retention_cohorts", "transform_marts.models.fct_orders"
    assert told.keys() == {(built, "START"), (built, "COMPLETE"), (failed, "START"), (failed, "FAIL")}
    started, ended = told[built, "START"], told[built, "COMPLETE"]
    assert started["run"]["runId"] == ended["run"]["runId"] != told[failed, "FAIL"]["run"]["runId"]
    assert started["eventTime"] < ended["eventTime"]
    assert (WAREHOUSE, "retain.intermediate.int_cohort_periods") in tables(ended["inputs"])
    assert tables(ended["outputs"]) == {(WAREHOUSE, "retain.marts.retention_cohorts")}
    assert ended["run"]["facets"]["parent"]["job"]["name"] == "transform_marts"
    assert told[failed, "FAIL"]["run"]["facets"]["errorMessage"]["message"] == "no such column"


def test_a_table_of_a_database_is_named_without_its_password(config):
    text = config.read_text()
    url = "postgresql+psycopg://me:secret@db.example:6432/shop"
    web = text[text.index("sources:") : text.index("  - name: till")]
    sql = f"sources:\n  - name: web\n    type: sql\n    url: {url}\n    entities:\n"
    sql += "      customers: {table: public.customers, fields: {customer_id: id}}\n"
    other = config.with_name("database.yml")
    other.write_text(text.replace(web, sql))
    assert source_of(load_settings(other), "web", "customers") == (
        "postgres://db.example:6432",
        "shop.public.customers",
    )


def test_an_entity_of_a_shopify_shop_is_named_by_the_shop(config):
    text = config.read_text()
    web = text[text.index("sources:") : text.index("  - name: till")]
    shop = "sources:\n  - name: web\n    type: shopify\n    shop: my-shop\n    token: secret\n    entities:\n      orders:\n"
    other = config.with_name("shopify.yml")
    other.write_text(text.replace(web, shop))
    assert source_of(load_settings(other), "web", "orders") == ("https://my-shop.myshopify.com", "orders")


def test_without_a_transport_nothing_listens():
    from airflow.providers.openlineage.plugins.openlineage import OpenLineageProviderPlugin

    assert getattr(OpenLineageProviderPlugin, "listeners", []) == []
