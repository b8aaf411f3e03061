import psycopg
import pytest
from shop_in_files import SMALLEST

from retain import warehouse
from retain.config import load_settings
from retain.entities import ENTITIES
from retain.errors import UserError


@pytest.fixture
def settings(write_config):
    return load_settings(write_config(SMALLEST))


def test_preparing_twice_changes_nothing(settings):
    def snapshot():
        with warehouse.connect(settings) as connection:
            return connection.execute(
                "select table_schema, table_name, column_name, data_type from information_schema.columns "
                "where table_schema in ('ops', 'raw', 'forecast') order by 1, 2, 3"
            ).fetchall()

    warehouse.prepare(settings)
    first = snapshot()
    warehouse.prepare(settings)
    assert snapshot() == first
    assert {name for schema, name, _, _ in first if schema == "raw"} == {*ENTITIES, "phone_numbers", "customer_tiers"}


def test_a_warehouse_of_a_newer_release_is_refused(settings):
    warehouse.prepare(settings)
    with warehouse.connect(settings) as connection:
        connection.execute("insert into public.retain_migrations (version) values (9999)")
    with pytest.raises(UserError, match="prepared by a newer Retain"):
        warehouse.prepare(settings)


def test_the_bi_role_reads_marts_and_nothing_else(settings):
    warehouse.prepare(settings)
    with warehouse.connect(settings) as connection:
        connection.execute("create table marts_next.answer as select 42 as value")
        connection.execute("alter table marts_next.answer set schema marts")
    with warehouse.open_connection(warehouse.bi_dsn(settings), autocommit=True) as connection:
        assert connection.execute("select value from marts.answer").fetchone() == (42,)
        for forbidden in ("raw.orders", "ops.loads", "forecast.predictions", "public.retain_migrations"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from {forbidden}")
        with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)):
            connection.execute("create table marts.mine (a int)")
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from marts.answer")


def test_no_error_of_a_connection_holds_the_password(settings):
    wrong = {**warehouse.dsn(settings), "password": "my-secret-pass"}
    with pytest.raises(Exception, match="cannot be reached") as raised:
        warehouse.open_connection(wrong)
    assert "my-secret-pass" not in str(raised.value)
    assert raised.value.exit_code == 3


def test_an_address_that_cannot_be_read_is_told_without_its_password(write_config):
    path = write_config(SMALLEST)
    lines = path.read_text().splitlines()
    lines = ["  url: postgresql://u:open sesame@h/w" if "url:" in line else line for line in lines]
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match="address cannot be read") as raised:
        warehouse.prepare(load_settings(path))
    assert "sesame" not in str(raised.value)
