"""The DAGs, run for real: what fails in them is told once, and its end once."""

import http.server
import json
import threading

import pytest

from retain.config import load_settings
from retain.warehouse import connect


@pytest.fixture
def told(monkeypatch):
    """The documents that a webhook on loopback was sent; $PAGER is its address."""
    documents = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            documents.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("PAGER", f"http://127.0.0.1:{server.server_address[1]}/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield documents
    server.shutdown()
    server.server_close()
    thread.join()


def heard(documents):
    return [(one["event"], one["problem"]["kind"], one["problem"]["entity"]) for one in documents]


def of(documents, kind):
    return [event for event, its_kind, _ in heard(documents) if its_kind == kind]


def test_a_refused_load_is_told_once_whatever_tasks_it_stops_and_its_end_once(make_shop, run_dags, told):
    config = make_shop("alerts")
    config.write_text(config.read_text() + 'alerts: {to: [{type: webhook, url: "${PAGER}"}]}\n')
    orders = config.parent / "web" / "orders.csv"
    good = orders.read_text()
    orders.write_text(good.replace(",EUR,", ",Euro,"))
    assert run_dags(config, "load_web")["load_web"].state == "failed"
    assert run_dags(config, "load_web")["load_web"].state == "failed"
    assert of(told, "load_refused") == ["opened"]
    assert not {"task_failed", "run_failed"} & {kind for _, kind, _ in heard(told)}
    (refused,) = [one["problem"] for one in told if one["problem"]["kind"] == "load_refused"]
    assert (refused["source"], refused["entity"]) == ("web", "orders")
    assert refused["rows"] == refused["rows_of"] == good.count("\n") - 1

    orders.write_text(good)
    assert run_dags(config, "load_web")["load_web"].state == "success"
    assert of(told, "load_refused") == ["opened", "over"]
    with connect(load_settings(config)) as connection:
        assert connection.execute("select kind from ops.alerts where resolved_at is null").fetchall() == []


def test_a_model_that_fails_is_one_problem_of_the_build(make_shop, run_dags, told):
    config = make_shop("alerts_of_a_build")
    config.write_text(config.read_text() + 'alerts: {to: [{type: webhook, url: "${PAGER}"}]}\n')
    assert run_dags(config, "load_till")["load_till"].state == "success"
    with connect(load_settings(config)) as connection:
        connection.execute("alter table raw.orders rename column currency to coin")
    build = run_dags(config, "transform_marts")["transform_marts"]
    assert build.state == "failed"
    assert of(told, "build_failed") == ["opened"]
    (failed,) = [one["problem"] for one in told if one["problem"]["kind"] == "build_failed"]
    assert "transform_marts.models.stg_mapped__orders" in failed["reasons"][0]
    assert failed["holds_back"].startswith("there are no marts yet")
