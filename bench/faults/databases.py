"""The same shop as a database: its history loaded night by night, and faults that damage the database itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench.faults.shop import COLUMNS, KEYS, REPORTING_CURRENCY, TIMEZONE, Delivery, Row
from bench.faults.stage import FIRST_LOAD_DAYS, SOURCE, Place, Tell, copy_database, load_clean, own_clock, set_clock
from bench.scratch import url_of
from retain import warehouse
from retain.config import load_settings
from retain.embedded import EmbeddedServer

ENTITIES = ("exchange_rates", "customers", "orders", "order_items")
SHOP, HISTORY = "shop_tonight", "sql_history"
READER = "shop_reader"
TYPES = {
    "rate": "numeric(18, 8)", "rate_on": "date", "registered_at": "timestamp", "changed_at": "timestamp",
    "ordered_at": "timestamp", "order_id": "bigint", "line_id": "integer", "quantity": "integer",
    "gross_amount": "numeric(14, 2)", "discount_amount": "numeric(14, 2)", "tax_amount": "numeric(14, 2)",
    "shipping_amount": "numeric(14, 2)", "cost_amount": "numeric(14, 2)", "accepts_marketing": "boolean",
    "is_test": "boolean",
}  # fmt: skip


@dataclass(frozen=True)
class ShopDatabase:
    """The shop's database with tonight's rows in it, before it is read. A fault changes the table of `entity`."""

    connection: psycopg.Connection[Any]
    entity: str
    today_on: date

    @property
    def key(self) -> str:
        return KEYS[self.entity][0]

    @property
    def attribute(self) -> str:
        """A column that is mapped and that no rule demands."""
        return {"customers": "email", "orders": "channel", "order_items": "cost_amount"}[self.entity]

    @property
    def amount(self) -> str:
        return {"exchange_rates": "rate", "orders": "gross_amount", "order_items": "gross_amount"}[self.entity]

    def run(self, statement: str) -> None:
        """Run SQL in which {table}, {tonight} (the condition of tonight's rows) and {database} are filled in."""
        filled = statement.format(
            table=self.entity, database=self.connection.info.dbname, tonight=f"changed_at >= date '{self.today_on}'"
        )
        self.connection.execute(filled.encode())

    def alter(self, change: str) -> None:
        self.run(f"alter table {{table}} {change}")

    def change_some(self, change: str) -> None:
        """Change about ten of tonight's rows."""
        tonight = "rate_on = (select max(rate_on) from {table})" if self.entity == "exchange_rates" else "{tonight}"
        self.run(
            f"update {{table}} set {change} where ctid in "
            f"(select ctid from {{table}} where {tonight} order by hashtext({{table}}::text) limit 10)"
        )


@dataclass(frozen=True)
class DatabaseFault:
    """A function that does a damage, and the tables that it fits."""

    name: str
    entities: tuple[str, ...]
    what: str
    do: Callable[[ShopDatabase], None]


DATABASE_FAULTS: dict[str, DatabaseFault] = {}


def database_fault(*entities: str) -> Callable[[Callable[[ShopDatabase], None]], Callable[[ShopDatabase], None]]:
    """Enter a function into the catalogue, for the tables that its damage fits."""

    def enter(do: Callable[[ShopDatabase], None]) -> Callable[[ShopDatabase], None]:
        what = " ".join((do.__doc__ or "").split())
        DATABASE_FAULTS[do.__name__] = DatabaseFault(do.__name__, entities, what, do)
        return do

    return enter


def sql_place(server: EmbeddedServer, folder: Path, database: str, shop: str) -> Place:
    """Write a retain.yml that reads the database `shop` into `database`."""
    folder.mkdir(parents=True, exist_ok=True)
    reader = {**server.dsn(shop), "user": READER, "password": READER}
    lines = [
        f"business:\n  timezone: {TIMEZONE}\n  reporting_currency: {REPORTING_CURRENCY}\n  country: AM",
        f"warehouse:\n  url: {url_of(server.dsn(database))}",
        f"sources:\n  - name: {SOURCE}\n    type: sql\n    url: {url_of(reader)}\n    entities:",
    ]
    for entity in ENTITIES:
        mapping = ", ".join(f"{name}: {name}" for name in COLUMNS[entity])
        cursor = "\n        cursor: changed_at" if "changed_at" in COLUMNS[entity] else ""
        lines.append(f"      {entity}:\n        table: {entity}{cursor}\n        fields: {{{mapping}}}")
    path = folder / "retain.yml"
    path.write_text("\n".join(lines) + "\n")
    return Place(folder, load_settings(path))


def build_sql_history(
    server: EmbeddedServer, folder: Path, deliveries: list[tuple[date, Delivery]], tell: Tell
) -> None:
    """Fill the shop's database night by night and load it each time; tonight's rows are written and not loaded."""
    server.create_database(SHOP)
    server.create_database(HISTORY)
    with psycopg.connect(**server.dsn(SHOP), autocommit=True) as shop:
        make_tables(shop)
        here = sql_place(server, folder / HISTORY, HISTORY, SHOP)
        own_clock(server, HISTORY)
        set_clock(server, HISTORY, deliveries[0][0])
        warehouse.prepare(here.settings)
        for number, (day, delivery) in enumerate(deliveries):
            fill_shop(shop, delivery)
            if FIRST_LOAD_DAYS <= number + 1 < len(deliveries):
                set_clock(server, HISTORY, day)
                load_clean(here.settings, list(ENTITIES))
                if number % 7 == 0:
                    tell(f"history of the database: night {number + 1} of {len(deliveries) - 1}")


def make_tables(shop: psycopg.Connection[Any]) -> None:
    """The shop's empty tables, and the role that may read them."""
    shop.execute(f"drop role if exists {READER}".encode())
    shop.execute(f"create role {READER} login password '{READER}'".encode())
    shop.execute(f"grant connect on database {shop.info.dbname} to {READER}".encode())
    for entity in ENTITIES:
        columns = ", ".join(f"{name} {TYPES.get(name, 'text')}" for name in COLUMNS[entity])
        shop.execute(f"create table {entity} ({columns}, primary key ({', '.join(KEYS[entity])}))".encode())
    shop.execute(f"grant select on all tables in schema public to {READER}".encode())
    shop.execute(f"alter default privileges in schema public grant select on tables to {READER}".encode())


def fill_shop(shop: psycopg.Connection[Any], delivery: Delivery) -> None:
    """Write a day's records: new ones, and new versions in the place of old ones."""
    for entity in ENTITIES:
        _write(shop, entity, delivery[entity])


def _write(shop: psycopg.Connection[Any], entity: str, rows: list[Row]) -> None:
    names = COLUMNS[entity]
    statement = sql.SQL(
        "insert into {table} ({columns}) values ({values}) on conflict ({keys}) do update set ({columns}) = row({new})"
    ).format(
        table=sql.Identifier(entity),
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        keys=sql.SQL(", ").join(map(sql.Identifier, KEYS[entity])),
        new=sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in names),
    )
    with shop.transaction(), shop.cursor() as cursor:
        cursor.executemany(statement, [[row[name] or None for name in names] for row in rows])


def spoil(server: EmbeddedServer, shop: str, name: str, entity: str, last_on: date) -> None:
    """Make `shop` a copy of the shop's database, with the fault `name` done to it ('' for none)."""
    copy_database(server, SHOP, shop)
    with psycopg.connect(**server.dsn(shop), autocommit=True) as connection:
        connection.execute(f"revoke connect on database {shop} from public".encode())
        connection.execute(f"grant connect on database {shop} to {READER}".encode())
        if name:
            DATABASE_FAULTS[name].do(ShopDatabase(connection, entity, last_on))
