"""`retain metrics` as Prometheus reads it, `retain status` with the same figures, and logs that name their load."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from command_line import surroundings, typed
from prometheus_client.parser import text_string_to_metric_families

from retain import loads, warehouse
from retain.config import load_settings

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SOURCES = """\
  - name: shop
    type: files
    folder: files
    entities:
      orders:
        files: "orders*.csv"
        fields: {order_id: id, ordered_at: at, gross_amount: amount, currency: currency}
        defaults: {status: paid}
  - {name: till, type: files, folder: files, entities: {products: {files: "products*.csv", fields: {product_id: id}}}}
"""


@pytest.fixture
def config(write_config) -> Path:
    """A source whose first load was published with a row in quarantine and whose second was refused, and one never loaded."""
    path = write_config(SOURCES)
    folder = path.parent / "files"
    folder.mkdir()
    rows = [f"{n},2025-01-01T10:00:00Z,10.00,EUR" for n in range(20)] + ["20,2025-01-01T10:00:00Z,twelve,EUR"]
    (folder / "orders-1.csv").write_text("id,at,amount,currency\n" + "\n".join(rows) + "\n")
    settings = load_settings(path)
    warehouse.prepare(settings)
    assert [outcome.status for outcome in loads.load_sources(settings, ["shop"])] == ["published"]
    rows = [f"{n},2025-01-02T10:00:00Z,much,EUR" for n in range(30, 90)]
    (folder / "orders-2.csv").write_text("id,at,amount,currency\n" + "\n".join(rows) + "\n")
    assert [outcome.status for outcome in loads.load_sources(settings, ["shop"])] == ["refused"]
    return path


def retain(config, *arguments, **more):
    return typed(*arguments, "--config", str(config), **more)


def samples_of(text):
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation and family.type in ("gauge", "counter") for family in families)
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def value(samples, name, **labels):
    return samples["retain_" + name, *sorted(labels.items())]


def test_prometheus_reads_rows_seconds_freshness_refused_and_quarantined_of_each_entity(config):
    done = retain(config, "metrics")
    assert (done.returncode, done.stderr) == (0, "")
    samples = samples_of(done.stdout)
    orders = {"source": "shop", "entity": "orders"}
    assert value(samples, "last_load_rows", outcome="sent", **orders) == 60
    assert value(samples, "last_load_failed", **orders) == 1
    assert 0 < value(samples, "last_load_seconds", **orders) < 600
    assert value(samples, "loads_total", status="published", **orders) == 1
    assert value(samples, "loads_total", status="refused", **orders) == 1
    assert value(samples, "rows_sent_total", **orders) == 81
    assert value(samples, "quarantine_open_rows", **orders) == 1
    assert 0 < value(samples, "freshness_seconds", **orders) < 3600
    assert value(samples, "unexplained_records", **orders) == 0
    products = {"source": "till", "entity": "products"}
    assert value(samples, "never_published", **products) == 1
    assert ("retain_freshness_seconds", *sorted(products.items())) not in samples, "nothing is no age"


def test_status_shows_the_same_figures(config):
    said = retain(config, "status").stdout
    line = next(line for line in said.splitlines() if line.strip().startswith("shop") and "orders" in line)
    seconds = value(samples_of(retain(config, "metrics").stdout), "last_load_seconds", source="shop", entity="orders")
    assert re.search(rf"refused \d+ s ago +{seconds:.1f} +60 +20 +1\b", line), line


def test_they_are_served_until_asked_to_stop_and_nowhere_but_at_their_address(config):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "retain", "metrics", "--serve", "--port", str(port), "--config", str(config)]
    with subprocess.Popen(command, env=surroundings(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert f"http://127.0.0.1:{port}/metrics" in process.stdout.readline()
            with DIRECT.open(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                assert (
                    value(samples_of(answer.read().decode()), "rows_sent_total", source="shop", entity="orders") == 81
                )
            with pytest.raises(urllib.error.HTTPError, match="404"):
                DIRECT.open(f"http://127.0.0.1:{port}/secrets.json", timeout=30)
            taken = retain(config, "metrics", "--serve", "--port", str(port))
            assert taken.returncode == 2
            assert f"Port {port} on 127.0.0.1 is in use" in taken.stderr
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--port", "70000"), "65535"),
        (("--port", "-1"), "greater than or equal to 1"),
        (("--host", "nowhere.invalid"), "Nothing can listen at nowhere.invalid:9464"),
        (("--host", "192.0.2.1"), "Nothing can listen at 192.0.2.1:9464"),
    ],
)
def test_an_address_at_which_nothing_can_listen_is_said(config, options, words):
    done = retain(config, "metrics", "--serve", *options)
    assert done.returncode == 2
    assert words in done.stderr


def test_logs_are_lines_of_json_that_name_their_load_when_asked_for(config):
    (config.parent / "files" / "orders-2.csv").unlink()
    (config.parent / "files" / "orders-3.csv").write_text(
        "id,at,amount,currency\n95,2025-01-02T10:00:00Z,5.00,EUR\n96,2025-01-02T10:00:00Z,somebody@example.org,EUR\n"
    )
    done = retain(config, "load", "--source", "shop", RETAIN_LOG="json")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [event["event"] for event in events if "event" in event] == ["landed", "validated", "published"]
    last = events[-1]
    assert (last["source"], last["entity"], last["level"], last["rows_changed"]) == ("shop", "orders", "info", 1)
    assert len({event["load_id"] for event in events}) == 1
    assert "somebody" not in done.stderr


def test_a_log_format_that_does_not_exist_is_said(config):
    done = retain(config, "status", RETAIN_LOG="xml")
    assert (done.returncode, done.stderr.strip()) == (
        2,
        "RETAIN_LOG is 'xml'. Set it to json for lines of JSON, or leave it out.",
    )
