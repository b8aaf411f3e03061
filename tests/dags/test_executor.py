"""What the executor does before it starts its workers."""

from dbt.adapters.factory import FACTORY

from retain.airflow.executor import begin_dbt_once


def test_dbt_begins_without_a_warehouse_and_no_connection_of_its_is_handed_on():
    assert begin_dbt_once()
    assert FACTORY.adapters == {}
