"""Two sources are loaded for the first time in whichever order: what one needs of the other waits for it, and is not refused."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from retain import loads, warehouse
from retain.alerts import observe
from retain.config import load_settings

NUMBERS = count(1)

SOURCES = """\
  - name: web
    type: files
    folder: web
    entities:
      customers: {files: customers.csv, fields: {customer_id: id, email: email}}
      exchange_rates: {files: rates.csv, fields: {currency: currency, rate_on: day, rate: rate}}
      orders:
        files: orders.csv
        fields: {order_id: id, customer_id: customer, ordered_at: at, gross_amount: amount, currency: "'EUR'", status: "'paid'"}
  - name: tills
    type: files
    folder: tills
    entities:
      orders:
        files: sales.csv
        fields: {order_id: id, email: email, ordered_at: at, gross_amount: amount, currency: currency, status: "'paid'"}
      order_items:
        files: lines.csv
        fields: {order_id: id, line_id: "'1'", product_id: "'p'", quantity: "'1'", gross_amount: amount}
      returns: {files: returns.csv, fields: {return_id: id, order_id: order, returned_at: at, amount: amount}}
"""
RATES = "currency,day,rate\nUSD,2025-01-01,0.9\nUSD,2025-01-02,0.8\n"
SALES = [f"t{n},p{n}@x.am,2025-01-{1 + n % 2:02} 1{n % 10}:00,{n}.50,USD" for n in range(1, 61)]
RAW = ("orders", "order_items", "returns", "customers", "exchange_rates")


class Shop:
    def __init__(self, path):
        self.path = path
        for name in ("web", "tills"):
            (path.parent / name).mkdir()
        self.write("web/customers.csv", "id,email\nc1,p1@x.am\n")
        self.write("web/rates.csv", RATES)
        self.write("web/orders.csv", "id,customer,at,amount\nw1,c1,2025-01-01 09:00,5\n")
        self.write("tills/sales.csv", "\n".join(["id,email,at,amount,currency", *SALES, ""]))
        lines = [f"{sale.split(',')[0]},{sale.split(',')[3]}" for sale in SALES]
        self.write("tills/lines.csv", "\n".join(["id,amount", *lines, ""]))
        returned = [f"r{n},t{n},2025-01-03 10:00,1" for n in range(1, 31)]
        self.write("tills/returns.csv", "\n".join(["id,order,at,amount", *returned, ""]))
        self.settings = load_settings(path)
        warehouse.prepare(self.settings)

    def write(self, name, text):
        (self.path.parent / name).write_text(text)

    def load(self, *sources):
        """How the loads of these sources ended, second looks left out."""
        self.outcomes = loads.load_sources(self.settings, sources)
        return {(one.source, one.entity): one.status for one in self.outcomes if not one.is_retry}

    def ask(self, statement):
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode()).fetchall()

    def raw(self):
        """Every record of raw, without the number of the load that brought it."""
        return {
            table: self.ask(f"select (to_jsonb(r) - '_load_id')::text from raw.{table} as r order by 1")
            for table in RAW
        }

    def waiting(self):
        return dict(self.ask("select entity, count(*) from ops.quarantine where status = 'open' group by 1"))

    def told(self, later=timedelta()):
        """The problems that are open, when Retain has looked."""
        observe(self.settings, self.outcomes, now=datetime.now(UTC) + later)
        return self.ask("select kind, source, entity from ops.alerts where resolved_at is null order by 1, 2, 3")


@pytest.fixture
def shop(write_config):
    return Shop(write_config(SOURCES))


@pytest.fixture
def other_shop(server, tmp_path):
    """The same shop over another warehouse."""
    name = f"first_start_{next(NUMBERS)}"
    server.create_database(name)
    url = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**server.dsn(name))
    path = tmp_path / "other" / "retain.yml"
    path.parent.mkdir()
    business = "business: {timezone: UTC, reporting_currency: EUR}\n"
    path.write_text(f"{business}warehouse: {{url: {url}}}\nsources:\n{SOURCES}")
    return Shop(path)


def test_the_tills_first_or_the_web_shop_first_ends_in_the_same_raw(shop, other_shop):
    assert set(shop.load("tills").values()) == {"published"}
    assert shop.waiting() == {"orders": 60, "order_items": 60, "returns": 30}
    assert shop.raw()["orders"] == []
    assert set(shop.load("web").values()) == {"published"}
    assert shop.waiting() == {}
    one_way = shop.raw()
    assert [len(one_way[table]) for table in RAW] == [61, 60, 30, 1, 2]
    assert shop.ask("select sum(abs(difference)) from ops.reconciliation") == [(0,)]

    assert set(other_shop.load("web").values()) | set(other_shop.load("tills").values()) == {"published"}
    assert other_shop.ask("select count(*) from ops.quarantine") == [(0,)]
    assert other_shop.raw() == one_way


def test_what_waits_for_rates_is_told_after_an_hour_and_over_when_they_come(shop):
    shop.load("tills")
    assert shop.told() == []
    problems = shop.told(later=timedelta(hours=2))
    assert problems == [("quarantine_growing", "tills", entity) for entity in ("order_items", "orders", "returns")]
    shop.load("web")
    assert shop.told(later=timedelta(hours=3)) == []


def test_once_rates_have_come_a_load_without_its_rate_is_refused(shop):
    shop.load("web")
    shop.write("tills/sales.csv", "\n".join(["id,email,at,amount,currency", *SALES, ""]).replace("USD", "GEL"))
    assert shop.load("tills")["tills", "orders"] == "refused"


def test_rows_with_another_fault_are_no_rows_that_only_wait(shop):
    bad = "\n".join(["id,email,at,amount,currency", *SALES, ""]).replace(".50,", ".x0,")
    shop.write("tills/sales.csv", bad)
    assert shop.load("tills")["tills", "orders"] == "refused"
    assert shop.waiting() == {}


def test_lines_whose_orders_nobody_has_sent_are_refused_even_while_rates_are_to_come(shop):
    sales = (shop.path.parent / "tills" / "sales.csv").read_text()
    shop.write("tills/sales.csv", "\n".join([sales.split("\n")[0], *sales.split("\n")[1:4], ""]))
    ends = shop.load("tills")
    assert ends["tills", "orders"] == "published"
    assert ends["tills", "order_items"] == "refused"


def test_where_no_source_brings_rates_their_absence_is_a_fault(write_config):
    without = SOURCES.replace(
        "      exchange_rates: {files: rates.csv, fields: {currency: currency, rate_on: day, rate: rate}}\n", ""
    )
    assert Shop(write_config(without)).load("tills")["tills", "orders"] == "refused"
