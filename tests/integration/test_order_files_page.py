"""Every example of docs/sources/order-files.md, loaded as it stands there, and its cohorts beside those counted from the file."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from order_files import UNUSABLE, cohorts, key_figures, orders_of_lines, write_lines, write_tables

from retain import loads, transform, warehouse
from retain.config import load_settings

PAGE = (Path(__file__).parents[2] / "docs" / "sources" / "order-files.md").read_text()
EXAMPLES = {re.search(r"name: (\w+)", text)[1]: text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)}
COHORTS = "select cohort_month::text, months_since_first, active_customers from marts.retention_cohorts where active_customers > 0"
FIGURES = "select customers, repeat_customers, orders, unattributed_orders, net_amount from marts.key_figures"
SHOPFRONT = (
    "Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Discount Amount,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Notes,Cancelled at,Refunded Amount,Phone\n"
)


@pytest.fixture
def configured(write_config, tmp_path):
    """A warehouse over one example, and the folder of its files."""

    def configured(name, *changes, **config):
        text = EXAMPLES[name]
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        settings = load_settings(write_config(text, **config))
        warehouse.prepare(settings)
        (tmp_path / name).mkdir(exist_ok=True)
        return settings, tmp_path / name

    return configured


def ask(settings, statement):
    with warehouse.connect(settings) as connection:
        return connection.execute(statement).fetchall()


def load(settings, source):
    return {(one.entity, one.status) for one in loads.load_sources(settings, [source])}


def assert_as_counted(settings, orders):
    transform.build(settings, select="+retention_cohorts +key_figures +fct_orders")
    found = {(month, since): active for month, since, active in ask(settings, COHORTS)}
    assert found == cohorts(orders)
    assert ask(settings, FIGURES) == [key_figures(orders)]


def test_every_example_of_the_page_is_tried():
    assert set(EXAMPLES) == {"retail", "olist", "shopfront", "ledger"}


def test_the_cohorts_of_a_file_of_lines_are_those_counted_from_it_and_what_cannot_be_used_is_held(configured):
    settings, folder = configured("retail", currency="GBP", timezone="Europe/London", extra="as_of: 2011-12-09\n")
    lines = write_lines(folder / "OnlineRetail.csv")
    assert load(settings, "retail") == {(entity, "published") for entity in ("products", "orders", "order_items")}
    query = "select record_key, reasons from ops.quarantine where entity = 'orders' and status = 'open'"
    held = {key: " ".join(reasons) for key, reasons in ask(settings, query)}
    assert set(held) == set(UNUSABLE)
    assert 'gross_amount: invalid input syntax for type numeric: "six"' in held["600001"]
    assert held["600002"] == "ordered_at is not a moment that exists, such as 2025-03-01 17:45:00"
    assert "customer_id: the rows that group_by puts together have different values" in held["600003"]
    assert held["600004"] == "gross_amount is negative"
    assert held[""] == "order_id is missing"
    sent = {line["InvoiceNo"] for line in lines if not line["InvoiceNo"].startswith("A")}
    assert ask(settings, "select count(*) from raw.orders") == [(len(sent - set(UNUSABLE)),)]
    assert_as_counted(settings, orders_of_lines(lines))
    assert ask(settings, "select count(*) from marts.fct_orders where not has_matching_lines") == [(0,)]
    cancelled = {number for number in sent if number.startswith("C")}
    assert ask(settings, "select count(*) from marts.fct_orders where is_cancelled") == [(len(cancelled),)]


def test_lines_that_are_there_twice_count_once_where_the_page_says_how(configured):
    different = re.search(r"`(\(select sum\(split_part.*?)`", PAGE)[1]
    whose = re.search(r"`(customer_id: split_part.*?)`", PAGE)[1]
    settings, folder = configured(
        "retail",
        ("sum(Quantity::numeric * UnitPrice::numeric)", different),
        ("customer_id: CustomerID", whose),
        currency="GBP",
    )
    lines = write_lines(folder / "OnlineRetail.csv", endings=("", ".0"))
    assert ("orders", "published") in load(settings, "retail")
    once = list({tuple(line.values()): line for line in lines}.values())
    assert len(once) < len(lines)
    found = ask(settings, "select customer_id, gross_amount from raw.orders where status = 'paid' and gross_amount > 0")
    wanted = [(customer or None, amount) for customer, _, amount in orders_of_lines(once)]
    assert sorted(found, key=str) == sorted([*wanted, ("12348", Decimal("2.0000"))], key=str)


def test_the_cohorts_of_tables_apart_are_those_of_the_people_behind_the_orders(configured):
    settings, folder = configured("olist", currency="BRL", timezone="America/Sao_Paulo", extra="as_of: 2018-03-01\n")
    orders = write_tables(folder)
    with (folder / "olist_order_items_dataset.csv").open("a") as file:
        file.write("o999,1,p1,2017-01-01,5.00,1.00\n")
    assert load(settings, "olist") == {
        (entity, "published") for entity in ("customers", "products", "orders", "order_items")
    }
    held = dict(
        ask(settings, "select record_key, reasons from ops.quarantine where status = 'open' and entity = 'orders'")
    )
    assert held == {"o999": ["ordered_at is missing", "status is missing"]}
    assert_as_counted(settings, orders)
    with (folder / "olist_orders_dataset.csv").open("a") as file:
        file.write("o999,c1,delivered,2017-01-01 10:00:00,\n")
    load(settings, "olist")
    assert ask(settings, "select count(*) from ops.quarantine where status = 'open'") == [(0,)]
    assert ask(settings, "select gross_amount::text from raw.orders where order_id = 'o999'") == [("5.0000",)]


def test_an_order_of_an_export_is_what_its_first_line_says_also_where_a_file_ends_in_the_middle_of_it(configured):
    settings, folder = configured("shopfront", timezone="Europe/Berlin")
    (folder / "orders_export_1.csv").write_text(
        SHOPFRONT
        + '#1001,Ann@x.de,paid,EUR,15.00,4.90,2.40,5.00,2024-01-05 23:30:00 +0100,1,"Mug, blue",10.00,"two\nlines",,0.00,'
        + "'+4915100000001\n"
    )
    (folder / "orders_export_2.csv").write_text(
        SHOPFRONT
        + "#1001,Ann@x.de,,,,,,,2024-01-05 23:30:00 +0100,2,Cap,5.00,,,,\n"
        + "#1002,,partially_refunded,EUR,9.00,0,0,0,2024-01-06 08:00:00 +0100,1,Cap,9.00,,,4.00,\n"
        + "#1003,bob@x.de,paid,EUR,9.00,0,0,0,2024-01-06 09:00:00 +0100,1,Cap,9.00,,2024-01-06 10:00:00 +0100,9.00,\n"
        + "#1004,bob@x.de,authorized,EUR,9.00,0,0,0,2024-01-07 09:00:00 +0100,1,Cap,9.00,,,0.00,\n"
    )
    assert load(settings, "shopfront") == {("orders", "published"), ("returns", "published")}
    assert ask(settings, "select * from ops.quarantine") == []
    assert ask(
        settings,
        "select order_id, email, phone, status, gross_amount::float, discount_amount::float, shipping_amount::float, "
        "to_char(ordered_at at time zone 'Europe/Berlin', 'YYYY-MM-DD HH24:MI') from raw.orders order by 1",
    ) == [
        ("#1001", "Ann@x.de", "+4915100000001", "paid", 20.0, 5.0, 4.9, "2024-01-05 23:30"),
        ("#1002", None, None, "partially_refunded", 9.0, 0.0, 0.0, "2024-01-06 08:00"),
        ("#1003", "bob@x.de", None, "cancelled", 9.0, 0.0, 0.0, "2024-01-06 09:00"),
        ("#1004", "bob@x.de", None, "pending", 9.0, 0.0, 0.0, "2024-01-07 09:00"),
    ]
    assert ask(settings, "select order_id, amount::float from raw.returns order by 1") == [
        ("#1002", 4.0),
        ("#1003", 9.0),
    ]


def test_a_plain_list_is_an_order_a_line(configured):
    settings, folder = configured("ledger")
    (folder / "ledger.csv").write_text(
        "customer,date,amount\n7,2024-01-05,12.50\n7,2024-02-05,3\n,2024-02-06,4\n8,soon,1\n"
    )
    assert load(settings, "ledger") == {("orders", "published")}
    assert ask(settings, "select order_id, customer_id, gross_amount::float from raw.orders order by 1") == [
        ("1", "7", 12.5),
        ("2", "7", 3.0),
        ("3", None, 4.0),
    ]
    assert ask(settings, "select record_key from ops.quarantine where status = 'open'") == [("4",)]


def test_orders_of_accounts_that_nobody_has_wait_for_them_and_so_many_must_be_allowed(configured):
    accounts = "    entities:\n      customers: {files: accounts.csv, fields: {customer_id: id}}\n"
    settings, folder = configured("ledger", ("    entities:\n", accounts))
    (folder / "accounts.csv").write_text("id\n1\n2\n")
    (folder / "ledger.csv").write_text("customer,date,amount\n" + "".join(f"{n % 4},2024-01-05,1\n" for n in range(80)))
    load(settings, "ledger")
    (said,) = ask(settings, "select message from ops.loads where status = 'refused'")
    assert said == (
        "40 of 80 rows fail (50.0%; at most 5%, or 20 rows, may): customer_id names a record that customers does not have (40)",
    )
    settings, _ = configured("ledger", ("    entities:\n", "    gate: {max_quarantined_share: 0.5}\n" + accounts))
    load(settings, "ledger")
    assert ask(settings, "select count(*) from raw.orders") == [(40,)]
    (folder / "accounts.csv").write_text("id\n0\n1\n2\n3\n")
    load(settings, "ledger")
    assert ask(settings, "select count(*) from raw.orders") == [(80,)]
    assert ask(settings, "select count(*) from ops.quarantine where status = 'open'") == [(0,)]


LINE_KEYS = (
    ("line_id: _line", "line_id: upper(StockCode)"),
    ("quantity: abs(Quantity::numeric)", "quantity: sum(abs(Quantity::numeric))"),
    (
        "gross_amount: abs(Quantity::numeric * UnitPrice::numeric)",
        "gross_amount: sum(abs(Quantity::numeric * UnitPrice::numeric))\n        group_by: [InvoiceNo, upper(StockCode)]",
    ),
)
ADD_UP = "rows were let pass: the lines of its order do not add up to the order's gross_amount, within a cent a line"


@pytest.mark.parametrize(("changes", "told", "sold"), [((), [f"4 {ADD_UP}"], 25.0), (LINE_KEYS, [], 17.5)])
def test_an_invoice_in_two_files_is_there_once_where_its_lines_have_a_key_that_is_the_same_in_both(
    configured, changes, told, sold
):
    settings, folder = configured("retail", ("files: OnlineRetail.csv", 'files: "year*.csv"'), *changes, currency="GBP")
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    first, *both, last = (
        f"5364{number},85123A,MUG,{quantity},12/{day}/2010 8:26,2.50,17850.0,EIRE\n"
        for number, quantity, day in ((1, 1, 1), (2, 2, 9), (2, 3, 9), (3, 1, 10))
    )
    (folder / "year1.csv").write_text("".join([header, first, *both]))
    (folder / "year2.csv").write_text("".join([header, *both, last]))
    outcomes = loads.load_sources(settings, ["retail"])
    assert [one.status for one in outcomes] == ["published"] * 3
    assert [warning for one in outcomes for warning in one.warnings] == told
    orders = ask(settings, "select order_id, gross_amount::float from raw.orders order by 1")
    assert orders == [("53641", 2.5), ("53642", 12.5), ("53643", 2.5)]
    assert ask(settings, "select sum(gross_amount)::float from raw.order_items") == [(sold,)]
