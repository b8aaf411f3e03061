"""A warehouse that the release before made and filled, brought to this one: nothing is lost, everything goes on, twice is once."""

import psycopg
import pytest
from psycopg import sql

from retain import loads, warehouse
from retain.backup import checksums
from retain.doctor import of_the_migrations, of_the_roles
from retain.entities import ENTITIES
from retain.roles import BI, LOADER, SCHEMAS, TRANSFORMER

RELEASE_BEFORE = 7  # the newest migration of 0.1.0's spine, whose warehouses know an owner and a reader only
KEPT = ("landing.", "ops.loads", "ops.cursors", "ops.quarantine", "raw.", "marts.", "forecast.")


@pytest.fixture
def old(shop):
    """Made by the SQL of the release before: everything the owner's, filled by loads, with a mart and its reader."""
    dbname = warehouse.dsn(shop.settings)["dbname"]
    with psycopg.connect(**warehouse.dsn(shop.settings)) as owner:
        for schema in SCHEMAS:
            owner.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
        owner.execute("delete from public.retain_migrations")
        for role in (LOADER, TRANSFORMER, BI):
            owner.execute(sql.SQL("drop owned by {}").format(sql.Identifier(role.login(dbname))))
        for version, text in warehouse.migrations().items():
            if version <= RELEASE_BEFORE:
                owner.execute(text.encode())
                owner.execute("insert into public.retain_migrations (version) values (%s)", [version])
        for entity in ENTITIES.values():
            owner.execute(warehouse.raw_table(entity))
        fill(owner)
        owner.execute("create table marts.figures as select count(*) as orders from raw.orders")
        owner.execute("create view staging.stg_orders as select * from raw.orders")
        reader = sql.Identifier(BI.login(dbname))
        owner.execute(sql.SQL("grant usage on schema marts to {}").format(reader))
        owner.execute(sql.SQL("grant select on all tables in schema marts to {}").format(reader))
    return shop


def fill(owner: psycopg.Connection) -> None:
    """One published load of three orders, one of them in quarantine, as the release before kept them."""
    row = owner.execute(
        "insert into ops.loads (source, entity, kind, status, rows_sent, rows_accepted, rows_quarantined, rows_changed, "
        "landed_at, validated_at, published_at, code_version) values ('shop', 'orders', 'incremental', 'published', 3, 2, 1, 2, "
        "now(), now(), now(), 'before') returning load_id"
    ).fetchone()
    assert row is not None
    owner.execute(
        "create table landing.shop__orders (_load_id bigint not null default current_setting('retain.load_id')::bigint, "
        "_row bigint generated always as identity, id text, customer text, at text, amount text, currency text, changed text)"
    )
    owner.execute("select set_config('retain.load_id', %s, true)", [str(row[0])])
    owner.execute(
        "insert into landing.shop__orders (id, customer, at, amount, currency, changed) values "
        "('o1', 'c1', '2025-01-02', '7', 'EUR', '2025-01-03'), ('o2', 'c2', '2025-01-03', '8', 'EUR', '2025-01-03'), "
        "('o3', 'c1', 'never', '9', 'EUR', '2025-01-03')"
    )
    owner.execute(
        "insert into raw.orders (source, order_id, customer_id, ordered_at, gross_amount, currency, status, changed_at, _load_id) "
        "select 'shop', id, customer, at::timestamptz, amount::numeric, currency, 'paid', changed::timestamptz, _load_id "
        "from landing.shop__orders where at <> 'never'"
    )
    owner.execute(
        "insert into ops.quarantine (source, entity, load_id, origin_load_id, row_number, record_key, record_hash, reasons, rules) "
        "values ('shop', 'orders', %(load)s, %(load)s, 3, 'o3', 'hash', '{ordered_at is no time}', '{ordered_at}')",
        {"load": row[0]},
    )


def kept(settings):
    with warehouse.connect(settings) as connection:
        return {table: sums for table, sums in checksums(connection).items() if table.startswith(KEPT)}


def columns_of_before(settings):
    with warehouse.connect(settings) as connection:
        return {
            table: [tuple(row) for row in connection.execute(f"select {names} from {table} order by 1, 2")]
            for table, names in {
                "raw.orders": "source, order_id, gross_amount, ordered_at, _load_id",
                "ops.loads": "load_id, source, status, rows_sent, rows_changed",
                "ops.quarantine": "quarantine_id, record_key, reasons, status",
                "landing.shop__orders": "_load_id, _row, id, amount",
                "marts.figures": "orders, orders",
            }.items()
        }


def test_a_filled_warehouse_of_the_release_before_keeps_all_and_goes_on(old):
    before = columns_of_before(old.settings)
    warehouse.prepare(old.settings)
    assert columns_of_before(old.settings) == before
    with warehouse.connect(old.settings) as connection:
        findings = [*of_the_migrations(connection, old.settings), *of_the_roles(connection, old.settings)]
    assert [one for one in findings if one.state != "good"] == []
    with warehouse.connect(old.settings, BI) as reader:
        assert reader.execute("select orders from marts.figures").fetchone() == (2,)
    with warehouse.connect(old.settings, TRANSFORMER) as builder:  # the next build replaces what the owner had made
        builder.execute("drop table marts.figures")
        builder.execute("drop view staging.stg_orders")
    old.write("orders-2.csv", "id,customer,at,amount,currency,changed\no1,c1,2025-01-02,70,EUR,2025-02-01\n")
    assert {outcome.status for outcome in loads.load_sources(old.settings, ["shop"])} == {"published"}
    assert old.orders() == [("o1", "70.0000"), ("o2", "8.0000")]


def test_preparing_twice_is_preparing_once(old):
    warehouse.prepare(old.settings)
    first = kept(old.settings)
    warehouse.prepare(old.settings)
    assert kept(old.settings) == first


def test_an_upgrade_that_fails_leaves_the_warehouse_as_it_was(old, monkeypatch):
    """Everything is one transaction: a migration that cannot run takes those before it back."""
    before = columns_of_before(old.settings)
    broken = {**warehouse.migrations(), 9998: "create table ops.half_done (a int); select 1 / 0"}
    monkeypatch.setattr(warehouse, "migrations", lambda: broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        warehouse.prepare(old.settings)
    assert columns_of_before(old.settings) == before
    with warehouse.connect(old.settings) as connection:
        assert connection.execute("select max(version) from public.retain_migrations").fetchone() == (RELEASE_BEFORE,)
        assert connection.execute("select to_regclass('ops.half_done')").fetchone() == (None,)
