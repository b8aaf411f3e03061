"""The one dbt run of transform_marts, for real over a small shop: what fails, what follows it, and how a build goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from retain.airflow import results
from retain.airflow.building import SAME, build, build_run
from retain.airflow.marts import begin_build, finish_build, nothing_is_new, rebuild
from retain.airflow.waiting import ACROSS, BUILD
from retain.assets import STARTED_BY
from retain.basis import basis_of, write_basis
from retain.config import load_settings
from retain.errors import Refused
from retain.roles import LOADER, TRANSFORMER
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


def ask(settings, statement):
    with connect(settings) as connection:
        return connection.execute(statement.encode()).fetchall()


def as_task(settings, variables, *started_by):
    """What task `build_models` does in a run that loads have started, which were started so; without any, in one of a person's."""
    events = [SimpleNamespace(extra={STARTED_BY: how}) for how in started_by]
    task = SimpleNamespace(run_id=RUN, task_id=BUILD)
    return build_run(settings, {"ti": task, "triggering_asset_events": {"an asset": events}}, variables)


def would_build(settings):
    begin_build(settings, RUN, BUILD)
    with connect(settings, TRANSFORMER) as connection:
        return not nothing_is_new(settings, connection)


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


@pytest.fixture
def shown(settings, begun):
    """Marts that were built from everything there is."""
    if would_build(settings):
        build(settings, RUN, BUILD, begun)
        finish_build(settings, RUN)
    do(settings, "update ops.alerts set resolved_at = now() where resolved_at is null")  # as show_marts does at its end
    return begin_build(settings, RUN, BUILD)


A_LOAD = """
insert into ops.loads (source, entity, kind, status, rows_sent, rows_changed, landed_at, published_at, code_version)
values ('web', 'orders', 'incremental', 'published', 4711, {}, clock_timestamp(), clock_timestamp(), 'a test')
"""


def test_a_load_that_changed_nothing_makes_no_build_but_is_told_of(settings, shown):
    places = (
        "select relname, oid from pg_class where relnamespace in ('marts'::regnamespace, 'intermediate'::regnamespace)"
    )
    do(settings, A_LOAD.format(0))
    before = dict(ask(settings, places))
    told = as_task(settings, shown, "scheduled", "scheduled")
    after = dict(ask(settings, places))
    assert {(one.status, one.message) for one in told.values()} == {("skipped", SAME)}
    assert len(told) > 100
    assert {name for name in before if before[name] != after.get(name)} == {
        "load_health", "load_history", "quarantine_reasons", "reconciliation", "validation_results"
    }  # fmt: skip
    assert ask(settings, "select count(*) from marts.load_history where rows_sent = 4711") == [(1,)]
    assert not ask(settings, "select 1 from pg_tables where schemaname = 'marts_next'")
    assert not would_build(settings)


A_FORECAST = "insert into forecast.drift values (date '{}', '1', 'score', 'x', date '2024-01-01', 0, 'stable', 0, 0)"


def test_a_forecast_beside_a_build_of_the_hour_comes_into_the_marts_by_one_of_the_two(settings, shown):
    busy = {"is_busy": lambda: True}
    assert not rebuild(settings, "tag:forecast", **busy), (
        "the build has not said yet that there is nothing for it to do"
    )
    assert {one.status for one in as_task(settings, shown, "scheduled").values()} == {"skipped"}
    do(settings, A_FORECAST.format("2025-01-03"))
    assert rebuild(settings, "tag:forecast", **busy), "the build shows nothing"
    assert ask(settings, "select count(*) from marts.forecast_drift where as_of_on = '2025-01-03'") == [(1,)]

    begun_before = begin_build(settings, RUN, BUILD)
    do(settings, A_FORECAST.format("2025-01-04"))
    assert not rebuild(settings, "tag:forecast", **busy)
    assert {one.status for one in as_task(settings, begun_before, "scheduled").values()} == {"built"}


@pytest.mark.parametrize("started_by", [(), ("scheduled", "manual")])
def test_whoever_asks_for_a_load_or_a_build_gets_a_build_also_of_the_same(settings, shown, started_by):
    assert {one.status for one in as_task(settings, shown, *started_by).values()} == {"built"}


def test_a_build_that_failed_is_made_again_though_nothing_has_changed(settings, shown):
    do(settings, """
        insert into ops.alerts (kind, parts, severity, title, reasons, rules, counted, keys, holds_back, what_to_do, runbook,
                                since, opened_at, last_seen_at)
        values ('build_failed', '{}', 2, 'The build failed', '{}', '{}', '', '{}', '', '', '', now(), now(), now())
    """)  # fmt: skip
    assert {one.status for one in as_task(settings, shown, "scheduled", "scheduled").values()} == {"built"}
    do(settings, "delete from ops.alerts")


NEWS = {
    "a record": A_LOAD.format(1),
    "a decision": "insert into ops.identity_decisions (decision, source_ids, reason, decided_by) "
    "values ('split', '{web:1}', 'a test', 'somebody')",
    "its end": "update ops.identity_decisions set reverted_at = now(), reverted_by = 'x', reverted_because = 'x'",
    "an erasure": "insert into ops.erasures (erased_by, reason, accounts, identifiers, rows_touched, key_check) "
    "values ('somebody', 'a test', 0, '{}', '{}', '')",
    "a forecast that no mart holds yet": A_FORECAST.format("2025-01-01"),
}


def test_whatever_models_read_is_news(settings, shown):
    assert not would_build(settings)
    day_later = settings.model_copy(update={"as_of": settings.as_of_on + timedelta(days=1)})
    another = settings.model_copy(update={"business": settings.business.model_copy(update={"active_days": 77})})
    assert would_build(day_later)
    assert would_build(another)
    assert not would_build(settings)
    for what, statement in NEWS.items():
        do(settings, statement)
        assert would_build(settings), what
        with connect(settings, TRANSFORMER) as connection:  # as if a build of all had ended
            write_basis(connection, basis_of(settings, connection))
        assert not would_build(settings), what


def test_marts_of_which_a_part_was_built_for_another_reason_are_not_taken_for_whole(settings, shown):
    do(settings, A_FORECAST.format("2025-01-02"))
    assert would_build(settings)
    assert rebuild(settings, "tag:forecast", is_busy=lambda: False)
    assert not would_build(settings), "the forecast's own marts hold it"
    assert rebuild(settings, "dim_products", is_busy=lambda: False)
    assert would_build(settings)
