"""The one dbt run of transform_marts, for real over a small shop: what fails, what follows it, and how a build goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from retain.airflow import results
from retain.airflow.building import build
from retain.airflow.marts import begin_build, finish_build
from retain.airflow.waiting import ACROSS, BUILD
from retain.config import load_settings
from retain.errors import Refused
from retain.roles import LOADER
from retain.warehouse import connect, prepare

RUN = "manual__1"
TICKETS = "alter table raw.tickets rename column {} to {}"


@pytest.fixture(scope="module")
def settings(make_shop):
    path = make_shop("building")
    command = [sys.executable, "-m", "retain", "load", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    prepare(load_settings(path))
    return load_settings(path)


@pytest.fixture
def begun(settings):
    """The vars of a build that has been prepared and not begun."""
    return begin_build(settings, RUN, BUILD)


def do(settings, statement):
    with connect(settings) as connection:
        connection.execute(statement.encode())


def of(settings):
    with connect(settings, LOADER) as connection:
        return results.read(connection, RUN)[1]


def named(found, status):
    return {node.split(".")[2] for node, one in found.items() if one.status == status and node.startswith("model.")}


def test_what_failed_stops_only_what_reads_it_and_is_built_anew_with_that_alone(settings, begun):
    do(settings, TICKETS.format("opened_at", "was_opened_at"))
    try:
        first = build(settings, RUN, BUILD, begun).results
    finally:
        do(settings, TICKETS.format("was_opened_at", "opened_at"))
    assert named(first, "failed") == {"stg_mapped__tickets"}
    assert "opened_at does not exist" in first["model.retain.stg_mapped__tickets"].message
    assert {"fct_tickets", "int_identifier_customers"} <= named(first, "skipped")
    assert {"int_orders", "fct_orders", "retention_cohorts"} <= named(first, "built")
    assert first[ACROSS].status == "failed"
    assert "Failed: stg_mapped__tickets" in first[ACROSS].message
    with pytest.raises(Refused, match="still those of the last good build"):
        finish_build(settings, RUN)

    outcome = build(settings, RUN, "models.stg_mapped__tickets", begun)
    assert set(outcome.models) == named(first, "failed") | named(first, "skipped")
    assert {one.status for one in outcome.results.values()} == {"built"}
    assert outcome.results["model.retain.fct_orders"].ended_at == first["model.retain.fct_orders"].ended_at
    assert "fct_tickets" in finish_build(settings, RUN)


def test_a_test_that_fails_fails_its_model(settings, begun):
    do(settings, "alter table raw.products drop constraint if exists products_pkey")
    twice = """insert into raw.products
               select (jsonb_populate_record(null::raw.products, to_jsonb(one) || '{"product_id": "twice"}')).*
               from (select * from raw.products limit 1) as one, generate_series(1, 2)"""
    do(settings, twice)
    try:
        first = build(settings, RUN, BUILD, begun).results
    finally:
        do(settings, "delete from raw.products where product_id = 'twice'")
    assert named(first, "failed") == {"dim_products"}
    assert "unique_dim_products_product_key" in first["model.retain.dim_products"].message
    assert first[ACROSS].status == "failed"
    assert {one.status for one in build(settings, RUN, BUILD, begun).results.values()} == {"built"}


def test_a_build_that_was_killed_goes_on_with_what_it_had_not_built(settings, begun):
    code = (
        "import json, sys; from pathlib import Path; from retain.airflow.building import build; "
        "from retain.config import load_settings; "
        "build(load_settings(Path(sys.argv[1])), sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))"
    )
    command = [sys.executable, "-c", code, str(settings.path), RUN, BUILD, json.dumps(begun)]
    with subprocess.Popen(command, start_new_session=True) as process:
        deadline = time.monotonic() + 120
        while len(named(of(settings), "built")) < 5:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
    before = of(settings)
    assert ACROSS not in before
    outcome = build(settings, RUN, BUILD, begun)
    assert {one.status for one in outcome.results.values()} == {"built"}
    assert not set(outcome.models) & named(before, "built")
    assert finish_build(settings, RUN)


def test_a_build_over_another_one_is_refused(settings, begun):
    begin_build(settings, "manual__2", BUILD)
    with pytest.raises(Refused, match="Another build came between"):
        build(settings, RUN, BUILD, begun)
