"""The nightly DAG, run for real: every task succeeds, Airflow's own history included, and what is kept stays."""

import os
import sqlite3
from pathlib import Path

import pytest
from shop_in_files import rows_of

from retain.airflow.history import METADATA
from retain.airflow.pools import make_pools
from retain.airflow.surroundings import DAGS
from retain.config import load_settings
from retain.warehouse import prepare


@pytest.fixture
def config(make_shop):
    path = make_shop("maintenance")
    prepare(load_settings(path))
    return path


def metadata_file():
    return Path(os.environ["AIRFLOW_HOME"]) / "airflow.db"


def days_of_log():
    """In how many years' logs Airflow's own database has entries of this test."""
    with sqlite3.connect(metadata_file()) as connection:
        return [row[0][:4] for row in connection.execute("select dttm from log where event = 'kept?' order by dttm")]


def test_a_night_deletes_what_is_kept_no_longer_and_nothing_else(config, airflow_metadata, run_dags, monkeypatch):
    with sqlite3.connect(metadata_file()) as connection:
        for year in ("2020", "2126"):
            connection.execute("insert into log (dttm, event) values (?, 'kept?')", [f"{year}-01-01 00:00:00.000000"])
    monkeypatch.setenv(METADATA, f"sqlite:///{metadata_file()}")
    run = run_dags(config, "maintain_warehouse")["maintain_warehouse"]
    assert set(run.tasks.values()) == {"success"}
    assert days_of_log() == ["2126"]
    assert len(rows_of(config, "select value from ops.settings where name = 'landing_retention_applied_at'")) == 1


def test_without_the_address_of_airflows_database_its_history_is_left_alone(config, monkeypatch):
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.exceptions import AirflowSkipException

    monkeypatch.delenv(METADATA, raising=False)
    monkeypatch.setenv("RETAIN_CONFIG", str(config))
    task = DagBag(DAGS / "maintain_warehouse.py").dags["maintain_warehouse"].get_task("delete_old_runs")
    with pytest.raises(AirflowSkipException, match=METADATA):
        task.python_callable()


def test_pools_are_made_once_and_what_a_person_sets_stays(airflow_metadata):
    from airflow.configuration import conf
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    assert make_pools() == ["loads", "builds"]
    with create_session() as session:
        sizes = {pool.pool: pool.slots for pool in session.query(Pool).all() if pool.pool in ("loads", "builds")}
        assert sizes == {"loads": conf.getint("core", "parallelism"), "builds": conf.getint("core", "parallelism") - 1}
        Pool.get_pool("loads", session=session).slots = 2
    assert make_pools() == []
    with create_session() as session:
        assert Pool.get_pool("loads", session=session).slots == 2
