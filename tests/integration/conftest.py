"""A small shop to load from: customers and orders, as CSV files or as tables of a database, over a warehouse of its own."""

from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest

from retain import loads, warehouse
from retain.config import Settings, load_settings

NUMBERS = count(1)

FILES = """\
  - name: shop
    type: files
    folder: files
    timezone: Asia/Yerevan
    entities:
      customers:
        files: "customers*.csv"
        fields: {customer_id: id, email: email, phone: phone, changed_at: changed}
      orders:
        files: "orders*.csv"
        fields: {order_id: id, customer_id: customer, ordered_at: at, gross_amount: amount, currency: currency, changed_at: changed}
        defaults: {status: paid}
"""
TABLES = """\
  - name: shop
    type: sql
    url: URL
    entities:
      customers:
        table: customers
        fields: {customer_id: id, email: email}
      orders:
        table: orders
        cursor: changed
        fields: {order_id: id, customer_id: customer, ordered_at: placed, gross_amount: amount, changed_at: changed}
        defaults: {status: paid, currency: EUR}
"""
ORDERS = "id,customer,at,amount,currency,changed\n"


@dataclass
class Shop:
    """`settings` may be replaced by a test that changes retain.yml; `source` is the shop's database, where it has one."""

    settings: Settings
    source: psycopg.Connection[Any] | None = None

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()

    def do(self, statement: str) -> None:
        with warehouse.connect(self.settings) as connection:
            connection.execute(statement.encode())

    def load(self, **options: Any) -> list[loads.LoadOutcome]:
        return loads.load_sources(self.settings, ["shop"], **options)

    def write(self, name: str, text: str) -> None:
        (self.settings.source("shop").folder / name).write_text(text)  # type: ignore[union-attr]

    def change(self, *statements: str) -> None:
        """At the source."""
        assert self.source is not None
        for statement in statements:
            self.source.execute(statement.encode())

    def configure(self, old: str, new: str) -> None:
        """Change retain.yml."""
        text = self.settings.path.read_text()
        assert old in text
        self.settings.path.write_text(text.replace(old, new))
        self.settings = load_settings(self.settings.path)

    def orders(self) -> list[tuple[Any, ...]]:
        return self.ask("select order_id, gross_amount::text from raw.orders where not is_deleted order by 1")

    def open_entries(self) -> dict[str, int]:
        return dict(self.ask("select record_key, quarantine_id from ops.quarantine where status = 'open' order by 2"))

    def does_not_add_up(self) -> list[tuple[Any, ...]]:
        """Days of the reconciliation with a difference, or whose records are not as many as raw and quarantine say."""
        return self.ask("""
            with counted as (
                select 'orders' as entity, (ordered_at at time zone 'UTC')::date as day, count(*) as records
                from raw.orders where not is_deleted group by 2
                union all
                select 'customers', (registered_at at time zone 'UTC')::date, count(*)
                from raw.customers where not is_deleted group by 2
            ),
            places as (
                select entity, day, records, 0 as difference from counted
                union all
                select entity, day, -raw_records, difference from ops.reconciliation
            )
            select entity, day, sum(records), sum(difference) from places group by entity, day
            having sum(records) <> 0 or sum(difference) <> 0
        """)

    def days(self) -> dict[str, tuple[int, int, int, int]]:
        """Of orders: sent, in raw, in quarantine, discarded, by day, without days that have none of them."""
        return {
            str(day): tuple(numbers)
            for day, *numbers in self.ask(
                "select day, source_records, raw_records, quarantined_records, discarded_records from ops.reconciliation "
                "where entity = 'orders' and source_records <> 0 order by day"
            )
        }


@pytest.fixture
def shop(write_config, tmp_path):
    (tmp_path / "files").mkdir()
    one = Shop(load_settings(write_config(FILES)))
    warehouse.prepare(one.settings)
    one.write("customers-1.csv", "id,email,phone,changed\nc1,a@x.am,,2025-01-01\nc2,b@x.am,,2025-01-01\n")
    return one


@pytest.fixture
def database_shop(write_config, server):
    name = f"shop_{next(NUMBERS)}"
    server.create_database(name)
    parameters = server.dsn(name)
    url = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**parameters)
    with psycopg.connect(url, autocommit=True) as source:
        source.execute("create table customers (id text primary key, email text)")
        source.execute(
            "create table orders (id text primary key, customer text, placed timestamptz, amount text, "
            "changed timestamptz not null default now())"
        )
        source.execute("insert into customers select 'c' || n, 'p' || n || '@x.am' from generate_series(1, 40) as n")
        source.execute(
            "insert into orders select 'o' || n, 'c' || n, timestamptz '2025-01-01 12:00+00' + n % 5 * interval '1 day', "
            "n || '.50', timestamptz '2025-01-10 00:00+00' + n * interval '1 hour' from generate_series(1, 40) as n"
        )
        one = Shop(load_settings(write_config(TABLES.replace("URL", url))), source)
        warehouse.prepare(one.settings)
        yield one
