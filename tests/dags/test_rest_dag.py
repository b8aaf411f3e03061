"""The load DAG of a source that is asked over HTTP: it appears by itself, and is read without asking anything."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from shop_in_files import rows_of
from vendors.any_system import SECRET, AnySystem
from vendors.server import running

DAGS = Path(__file__).parents[2] / "dags"
SOURCE = """\
  - name: crm
    type: rest
    url: URL/api
    auth: {type: bearer, token: "${CRM_TOKEN}"}
    entities:
      customers:
        path: contacts
        records: data.items
        window: {since: since, until: until}
        paging: {style: page}
        fields: {customer_id: id, email: email, changed_at: updated}
"""
READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print("REPORT" + json.dumps([sorted(bag.dags), bag.import_errors, sorted({"dlt", "retain.sources.rest"} & set(sys.modules))]))
"""


@pytest.fixture
def crm(make_shop, monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", SECRET)
    with running(AnySystem()) as system:
        config = make_shop("crm")
        config.write_text(config.read_text() + SOURCE.replace("URL", system.url))
        yield system, config


def test_a_load_dag_appears_by_itself_and_nothing_is_asked_while_dags_are_read(crm):
    system, config = crm
    done = subprocess.run(
        [sys.executable, "-c", READ, str(DAGS)],
        env={**os.environ, "RETAIN_CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=True,
    )
    dags, errors, imported = json.loads(done.stdout.rpartition("REPORT")[2])
    assert (errors, imported, system.requests) == ({}, [], [])
    assert "load_crm" in dags


def test_a_run_of_it_loads_what_the_system_has(crm, run_dags):
    system, config = crm
    for number in range(7):
        record = f'{{"id": {number}, "email": "a{number}@x.am", "updated": "2025-03-01T09:00:00Z"}}'
        system.put("contacts", str(number), datetime(2025, 3, 1, 9, tzinfo=UTC), record)
    assert run_dags(config, "load_crm")["load_crm"].state == "success"
    loaded = rows_of(config, "select customer_id from raw.customers where source = 'crm' order by 1")
    assert [row["customer_id"] for row in loaded] == [str(number) for number in range(7)]
