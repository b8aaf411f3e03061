"""A small shop in two sources, of files: its retain.yml, what is in the files, and what became of them in its warehouse."""

import csv
import random
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from retain.config import load_settings
from retain.warehouse import connect

# What differs between two warehouses with the same data: when things happened there, and the numbers they got.
OF_THE_RUN = {
    "load_health": {
        "last_load_id",
        "last_loaded_at",
        "verified_through",
        "last_published_at",
        "oldest_open_at",
        "source_verified_through",
    },
    "quarantine_reasons": {"oldest_open_at"},
    "forecast_models": {"fitted_at"},
    "identity_merges": {"load_id", "logged_at", "build_id"},
}

OF_EVERY_LOAD = {"load_history", "validation_results"}  # loading again what is there already adds to them

# Of the sources of a retain.yml, for what needs a warehouse and no shop.
SMALLEST = """\
  - name: shop
    type: files
    folder: .
    entities:
      orders:
        files: "*.csv"
        fields: {order_id: id, ordered_at: at, gross_amount: amount}
        defaults: {currency: EUR, status: paid}
"""
CONFIG = """\
business:
  timezone: UTC
  reporting_currency: EUR
warehouse: {warehouse}
as_of: 2025-06-30
landing:
  keep_days: 400
forecast:
  min_customers: 30
  min_history_days: 90
sources:
  - name: web
    type: files
    folder: web
    entities:
      customers: {{files: customers.csv, fields: {{customer_id: id, email: email, country: country}}}}
      products: {{files: products.csv, fields: {{product_id: id, name: name, category: category, unit_cost: cost}}}}
      orders:
        files: orders.csv
        fields: {{order_id: id, customer_id: customer, ordered_at: at, status: status, currency: currency, gross_amount: gross}}
      order_items:
        files: items.csv
        fields: {{order_id: order, line_id: line, product_id: product, quantity: quantity, gross_amount: gross}}
      returns: {{files: returns.csv, fields: {{return_id: id, order_id: order, returned_at: at, amount: amount}}}}
  - name: till
    type: files
    folder: till
    entities:
      orders:
        files: "*.csv"
        fields: {{order_id: id, email: email, ordered_at: at, status: "'paid'", currency: "'EUR'", gross_amount: gross}}
"""


def write_files(folder: Path) -> None:
    """200 customers who come as often, spend as much and stop as soon as suits each, on the web and at the till; two returns."""
    dice = random.Random(20250630)
    customers = [(f"c{n}", f"person{n}@example.com", "AM") for n in range(1, 201)]
    products = [
        ("p1", "Coat", "Outdoor", "40.00"),
        ("p2", "Cap", "Accessories", "4.50"),
        ("p3", "Boots", "Shoes", "30.00"),
    ]
    orders, items, tills = [], [], []
    for customer, email, _ in customers:
        day = date(2024, 1, 1) + timedelta(days=dice.randrange(400))
        days_between, stops = 20 + dice.expovariate(1 / 50), dice.betavariate(0.7, 2.0)
        usual_cents = 3_000 * dice.paretovariate(2)
        while day <= date(2025, 6, 30):
            at, cents = f"{day}T{dice.randrange(9, 20):02}:15:00Z", int(usual_cents * dice.gammavariate(3, 1 / 3)) + 100
            if dice.random() < 0.7:
                order = f"w{len(orders) + 1}"
                orders.append((order, customer, at, "paid", "EUR", f"{cents / 100:.2f}"))
                items.append((order, "1", dice.choice(products)[0], "1", f"{cents / 100:.2f}"))
            else:
                tills.append((f"t{len(tills) + 1}", email.upper(), at, f"{cents / 100:.2f}"))
            if dice.random() < stops:
                break
            day += timedelta(days=1 + int(dice.expovariate(1 / days_between)))
    returns = [("r1", orders[0][0], orders[0][2], "5.00"), ("r2", orders[9][0], orders[9][2], orders[9][5])]
    write_csv(folder / "web" / "customers.csv", "id,email,country", customers)
    write_csv(folder / "web" / "products.csv", "id,name,category,cost", products)
    write_csv(folder / "web" / "orders.csv", "id,customer,at,status,currency,gross", orders)
    write_csv(folder / "web" / "items.csv", "order,line,product,quantity,gross", items)
    write_csv(folder / "web" / "returns.csv", "id,order,at,amount", returns)
    write_csv(folder / "till" / "till-1.csv", "id,email,at,gross", tills)


def write_csv(path: Path, header: str, rows: Iterable[tuple[str, ...]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])


def rows_of(config: Path, query: str) -> list[dict[str, Any]]:
    with connect(load_settings(config)) as connection:
        return connection.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


def marts_of(config: Path) -> dict[str, list[str]]:
    """Every row of every mart but those of OF_EVERY_LOAD, as text."""
    marts = {}
    names = {row["tablename"] for row in rows_of(config, "select tablename from pg_tables where schemaname = 'marts'")}
    for table in names - OF_EVERY_LOAD:
        rows = rows_of(config, f"select * from marts.{table}")
        left_out = OF_THE_RUN.get(table, set())
        marts[table] = sorted(str({name: value for name, value in row.items() if name not in left_out}) for row in rows)
    return marts
