"""A first start: the source without exchange rates waits for the load that brings them, and is right whichever comes first."""

import csv
from types import SimpleNamespace

import pytest
from shop_in_files import rows_of

from retain.airflow.tasks import rates_are_coming, rates_from_elsewhere
from retain.config import load_settings
from retain.loads import load_sources
from retain.warehouse import prepare

RATES = "      exchange_rates: {files: rates.csv, fields: {currency: currency, rate_on: day, rate: rate}}\n"


@pytest.fixture(scope="module")
def config(make_shop):
    """The tills count in dollars; the web shop knows what a dollar is worth."""
    path = make_shop("first_start")
    text = path.read_text().replace("currency: \"'EUR'\"", "currency: \"'USD'\"")
    path.write_text(text.replace("    entities:\n      customers:", f"    entities:\n{RATES}      customers:"))
    (path.parent / "web" / "rates.csv").write_text("currency,day,rate\nUSD,2023-12-01,0.9\n")
    return path


def test_only_a_source_without_rates_waits_and_only_what_needs_them(config, monkeypatch):
    from airflow.dag_processing.dagbag import DagBag

    from retain.airflow.surroundings import DAGS

    monkeypatch.setenv("RETAIN_CONFIG", str(config))
    bag = DagBag(DAGS / "load_sources.py")
    assert bag.dags["load_till"].get_task("land_orders").upstream_task_ids == {"wait_for_rates"}
    assert bag.dags["load_till"].get_task("wait_for_rates").upstream_task_ids == {"prepare"}
    assert not bag.dags["load_web"].has_task("wait_for_rates")
    assert rates_from_elsewhere(load_settings(config), "till") == ["web"]


def test_rates_are_awaited_while_their_load_is_under_way_and_never_again_once_they_came(config, run_dags):
    """The tills first: their orders wait in quarantine, and are taken up when the web shop's load has brought the rate."""
    settings = load_settings(config)
    prepare(settings)
    asked = []

    def running(dag_id, states):
        asked.append((dag_id, *states))
        return 1

    assert rates_are_coming(settings, "till", SimpleNamespace(get_dr_count=running))
    assert asked == [("load_web", "queued", "running")]
    assert not rates_are_coming(settings, "till", SimpleNamespace(get_dr_count=lambda *_, **__: 0))

    with (config.parent / "till" / "till-1.csv").open() as file:
        sold = len(list(csv.DictReader(file)))
    till = run_dags(config, "load_till")["load_till"]
    assert till.state == "success"
    assert till.tasks["wait_for_rates"] == "success"
    assert rows_of(config, "select count(*) from raw.orders") == [{"count": 0}]
    waiting = "select count(*), bool_and(waits_for_reference) as all from ops.quarantine where status = 'open'"
    assert rows_of(config, waiting) == [{"count": sold, "all": True}]

    load_sources(settings, ["web"])
    assert rows_of(config, "select count(*) from raw.orders where source = 'till'") == [{"count": sold}]
    assert rows_of(config, "select count(*) from ops.quarantine where status = 'open'") == [{"count": 0}]
    assert not rates_are_coming(settings, "till", SimpleNamespace(get_dr_count=running))
