"""Every fault of a database does its damage to a real one."""

from datetime import date

import psycopg
import pytest

import bench.faults.catalogue  # noqa: F401 -- importing it fills the catalogue
from bench.faults.databases import DATABASE_FAULTS, ENTITIES, READER, ShopDatabase, fill_shop, make_tables
from bench.faults.shop import Shop

LAST_ON = date(2025, 11, 22)
CASES = [(fault, entity) for fault in DATABASE_FAULTS.values() for entity in fault.entities]


@pytest.fixture(scope="module")
def shop(server):
    name = "shop_of_the_fault_bench"
    server.create_database(name)
    with psycopg.connect(**server.dsn(name), autocommit=True) as connection:
        make_tables(connection)
        for _, delivery in Shop(3, 30, LAST_ON).deliveries():
            fill_shop(connection, delivery)
    with psycopg.connect(**server.dsn(name)) as connection:
        yield connection


def seen(connection, entity):
    """What a reader would notice: rights, columns, rows."""
    rights = connection.execute(
        "select has_database_privilege(%s, current_database(), 'connect'), to_regclass(%s) is null", [READER, entity]
    ).fetchone()
    if rights[1]:
        return rights
    columns = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass and attnum > 0 "
        "and not attisdropped order by 1",
        [entity],
    ).fetchall()
    readable = connection.execute("select has_table_privilege(%s, %s, 'select')", [READER, entity]).fetchone()
    rows = connection.execute(f"select t::text from {entity} as t order by 1").fetchall()
    return rights, columns, readable, rows


@pytest.mark.parametrize(("fault", "entity"), CASES, ids=[f"{fault.name}-{entity}" for fault, entity in CASES])
def test_a_fault_changes_what_the_reader_of_the_database_finds(shop, fault, entity):
    before = {name: seen(shop, name) for name in ENTITIES}
    fault.do(ShopDatabase(shop, entity, LAST_ON))
    after = {name: seen(shop, name) for name in ENTITIES}
    shop.rollback()
    assert after[entity] != before[entity]
    if fault.name != "database_locked_out":
        assert {name for name in ENTITIES if after[name] != before[name]} == {entity}
