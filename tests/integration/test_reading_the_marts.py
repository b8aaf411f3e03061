"""Any BI tool by the documented role: psql, SQLAlchemy and ADBC read the marts, and nothing else can be read or done."""

import subprocess
from decimal import Decimal
from os import environ
from typing import Any
from urllib.parse import quote

import adbc_driver_postgresql.dbapi
import psycopg
import pytest
import sqlalchemy
from psycopg import sql

from retain import warehouse
from retain.binaries import find_binaries, server_user
from retain.config import Settings, load_settings

FILES = "  - {name: shop, type: files, folder: ., entities: {orders: {files: none.csv, fields: {order_id: id}}}}\n"
FIELDS = "{order_id: id, ordered_at: at, currency: currency, gross_amount: amount, status: status}"
MART = "select channel, customers, net_amount from marts.channels order by channel"
ROWS = [("store", 3, Decimal("120.50")), ("web", 2, Decimal("80.25"))]

FORBIDDEN = (
    "insert into marts.channels values ('x', 1, 1)",
    "delete from marts.channels",
    "drop table marts.channels",
    "create table marts.mine (a int)",
    "create schema mine",
    "create temporary table mine (a int)",
    "create role mine",
    "select public.owners_own()",
    "select rolpassword from pg_authid",
    "select pg_read_file('/etc/passwd')",
    "copy marts.channels to '/tmp/mine'",
    "alter role current_user createrole",
    "set role pg_read_all_data",
)


@pytest.fixture
def settings(write_config) -> Settings:
    """A warehouse with one mart, shown as a build shows it, and something in every other schema."""
    settings = load_settings(write_config(FILES.replace("{order_id: id}", FIELDS)))
    warehouse.prepare(settings)
    with warehouse.connect(settings) as connection:
        connection.execute(
            "create table marts_next.channels (channel text, customers bigint, net_amount numeric(18, 2))"
        )
        connection.cursor().executemany("insert into marts_next.channels values (%s, %s, %s)", ROWS)
        connection.execute("alter table marts_next.channels set schema marts")
        for schema in ("intermediate", "staging"):
            connection.execute(f"create schema if not exists {schema}".encode())
            connection.execute(f"create table {schema}.people (email text)".encode())
        connection.execute("create function public.owners_own() returns text language sql as $$ select 'x' $$")
    return settings


@pytest.fixture
def url(settings) -> str:
    reader = warehouse.bi_dsn(settings)
    return "{user}:{password}@{host}:{port}/{dbname}".format(**{**reader, "password": quote(reader["password"])})


@pytest.fixture
def ask(settings):
    with psycopg.connect(**warehouse.bi_dsn(settings), autocommit=True) as connection:

        def ask(statement):
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

        yield ask


def test_psql_reads_a_mart(settings):
    reader = warehouse.bi_dsn(settings)
    psql = find_binaries(server_user()) / "psql"
    command = [
        psql,
        "-X",
        "-At",
        "-h",
        reader["host"],
        "-p",
        str(reader["port"]),
        "-U",
        reader["user"],
        "-d",
        reader["dbname"],
    ]
    done = subprocess.run(
        [*map(str, command), "-c", MART], env={**environ, "PGPASSWORD": reader["password"]}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["store|3|120.50", "web|2|80.25"]


def test_sqlalchemy_reads_a_mart_and_finds_no_other_schemas_tables(url):
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://{url}")
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(sqlalchemy.text(MART))] == ROWS
    assert sqlalchemy.inspect(engine).get_table_names(schema="marts") == ["channels"]
    engine.dispose()


def test_adbc_reads_a_mart_as_an_arrow_table(url):
    with adbc_driver_postgresql.dbapi.connect(f"postgresql://{url}") as connection, connection.cursor() as cursor:
        cursor.execute(MART)
        arrow = cursor.fetch_arrow_table()
    rows = [(row["channel"], row["customers"], Decimal(row["net_amount"])) for row in arrow.to_pylist()]
    assert rows == ROWS


def test_the_role_can_read_the_marts_and_no_other_table_of_the_warehouse(settings, ask):
    with warehouse.connect(settings) as connection:
        relations = connection.execute(
            "select nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
            "where relkind in ('r', 'v', 'm', 'p', 'f', 'S') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
        ).fetchall()
    assert {"raw", "ops", "forecast", "public", "intermediate", "staging", "marts"} <= {
        schema for schema, _ in relations
    }
    readable = set()
    for schema, name in relations:
        try:
            ask(sql.SQL("select 1 from {}.{} limit 1").format(sql.Identifier(schema), sql.Identifier(name)))
            readable.add((schema, name))
        except psycopg.errors.InsufficientPrivilege:
            continue
    assert readable == {("marts", "channels")}


def test_the_role_can_do_nothing_but_read_even_when_it_asks_to_write(ask):
    ask("set default_transaction_read_only = off")  # a default is no protection: the rights are
    done = []
    for statement in FORBIDDEN:
        try:
            ask(statement)
            done.append(statement)
        except psycopg.errors.InsufficientPrivilege:
            continue
    assert done == []


def test_another_database_of_the_same_server_is_closed_to_the_role(settings, server):
    server.create_database("somebody_elses")
    reader: dict[str, Any] = {**warehouse.bi_dsn(settings), "dbname": "somebody_elses"}
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(**reader)


def test_a_query_that_never_ends_is_ended(settings, ask):
    assert ask("show statement_timeout") == [("5min",)]
