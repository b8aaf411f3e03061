"""examples/woocommerce/retain.yml as it stands, over a fake shop that speaks WooCommerce's REST API v3."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from vendors.server import HTML, running
from vendors.woocommerce import KEY, SECRET, WooCommerce, order, refund

from retain import loads, warehouse
from retain.config import load_settings
from retain.deletions import mark_deleted
from retain.source_checks import check_source
from retain.sources import http_client

EXAMPLE = Path(__file__).parents[3] / "examples" / "woocommerce" / "retain.yml"
BILLING = {"phone": "", "country": "DE", "state": "BE", "city": "Berlin"}
DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)


class Shop:
    def __init__(self, vendor, settings):
        self.vendor, self.settings = vendor, settings

    def load(self):
        return {one.entity: one for one in loads.load_sources(self.settings, ["woocommerce"]) if not one.is_retry}

    def ask(self, statement):
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture
def shop(write_config, monkeypatch):
    monkeypatch.setattr(http_client, "BACKOFF_SECONDS", 0.01)
    with running(WooCommerce()) as vendor:
        for name, value in (("WOO_SHOP", "x"), ("WOO_KEY", KEY), ("WOO_SECRET", SECRET)):
            monkeypatch.setenv(name, value)
        text = EXAMPLE.read_text().partition("\nsources:\n")[2].replace("https://${WOO_SHOP}", vendor.url)
        settings = load_settings(write_config(re.sub(r"rate: .*", "", text).replace("size: 100", "size: 2")))
        warehouse.prepare(settings)
        vendor.put(
            "products",
            {"id": 7, "name": "Cap", "price": "95.00", "type": "simple", "categories": [{"name": "Caps"}]},
            DAY,
        )
        for number in (1, 2, 3):
            vendor.put(
                "customers",
                {
                    "id": number,
                    "email": f"c{number}@x.am",
                    "first_name": "Ani",
                    "last_name": "S",
                    "billing": BILLING,
                },
                DAY,
            )
        for number in range(101, 106):
            vendor.put("orders", order(number, customer=number - 100 if number < 104 else 0), DAY)
        vendor.put("refunds", refund(201, 101), DAY)
        vendor.put("refunds", refund(202, 102, amount="3.00", goods=None), DAY)
        yield Shop(vendor, settings)


def test_a_shop_is_in_raw_with_its_money_its_times_and_its_guests(shop):
    outcomes = shop.load()
    assert {one.message for one in outcomes.values() if one.status != "published"} == set()
    assert sum(one.rows_quarantined for one in outcomes.values()) == 0
    assert shop.ask(
        "select gross_amount::text, discount_amount::text, tax_amount::text, shipping_amount::text, status, ordered_at "
        "from raw.orders where order_id = '101'"
    ) == [("100.0000", "5.0000", "19.9000", "15.0000", "paid", DAY)]
    assert shop.ask("select order_id from raw.orders where customer_id is null order by 1") == [("104",), ("105",)]
    assert shop.ask("select return_id, order_id, amount::text from raw.returns order by 1") == [
        ("201", "101", "10.0000"),
        ("202", "102", "3.0000"),
    ]
    assert shop.ask(
        "select order_id, line_id, product_id, gross_amount::text, discount_amount::text from raw.order_items where order_id = '103'"
    ) == [("103", "1", "7", "100.0000", "5.0000")]
    assert shop.ask("select count(*) from raw.order_items") == [(5,)]
    assert shop.ask("select customer_id, full_name from raw.customers where customer_id = '2'") == [("2", "Ani S")]
    again = shop.load()
    assert sum(one.rows_changed for one in again.values()) == 0


def test_a_line_of_a_product_that_was_deleted_is_a_line_without_a_product(shop):
    """WooCommerce sends 0, and a price as a number with all the digits that a division gave it."""
    line = {
        "id": 315, "name": "Gone", "product_id": 0, "variation_id": 0, "quantity": 3, "tax_class": "", "subtotal": "10.00",
        "subtotal_tax": "0.00", "total": "10.00", "total_tax": "0.00", "taxes": [], "meta_data": [], "sku": None,
        "price": 3.3333333333333335, "image": {"id": "", "src": ""}, "parent_name": None,
    }  # fmt: skip
    shop.vendor.put(
        "orders",
        order(301, total="10.00", total_tax="0.00", discount_total="0.00", shipping_total="0.00", line_items=[line]),
        DAY,
    )
    outcomes = shop.load()
    assert sum(one.rows_quarantined for one in outcomes.values()) == 0
    assert shop.ask(
        "select line_id, product_id, quantity::text, gross_amount::text from raw.order_items where order_id = '301'"
    ) == [("315", None, "3.0000", "10.0000")]


def test_a_refund_of_shipping_gives_no_goods_back(shop):
    shop.vendor.put("refunds", refund(203, 103, amount="15.00", goods=None, shipping="-15.00"), DAY)
    shop.vendor.put("refunds", refund(204, 104, amount="26.90", shipping="-15.00"), DAY)
    fee = {"id": 3, "name": "Wrapping", "total": "-2.00", "total_tax": "0.00"}
    shop.vendor.put("refunds", {**refund(205, 105, amount="13.90"), "fee_lines": [fee]}, DAY)
    before = refund(206, 105, amount="3.00", goods=None)  # of a WooCommerce that told of no lines but those of goods
    lines = ("shipping_lines", "tax_lines", "fee_lines")
    shop.vendor.put("refunds", {name: one for name, one in before.items() if name not in lines}, DAY)
    assert shop.load()["returns"].rows_quarantined == 0
    assert shop.ask("select return_id, amount::text from raw.returns where return_id > '202' order by 1") == [
        ("203", "0.0000"),
        ("204", "10.0000"),
        ("205", "12.0000"),
        ("206", "3.0000"),
    ]


def test_what_changes_is_read_and_what_is_deleted_or_thrown_away_is_marked(shop):
    shop.load()
    shop.vendor.put("orders", order(101, customer=1, status="refunded"), datetime.now(UTC) - timedelta(minutes=2))
    shop.vendor.put("orders", order(105, status="trash"), datetime.now(UTC) - timedelta(minutes=2))
    shop.vendor.delete("customers", 3)
    assert shop.load()["orders"].rows_changed == 1
    assert shop.ask("select status from raw.orders where order_id = '101'") == [("refunded",)]
    for entity in ("orders", "customers"):
        mark_deleted(shop.settings, "woocommerce", entity)
    assert shop.ask("select order_id from raw.orders where is_deleted") == [("105",)]
    assert shop.ask("select customer_id from raw.customers where is_deleted") == [("3",)]


def test_what_is_deleted_while_the_list_is_read_takes_nothing_else_with_it(shop):
    """Everything behind it moves up by one: the third of three customers from the second page into the first, which was read."""
    shop.load()
    shop.vendor.forget_requests()
    shop.vendor.instead[2] = lambda request: shop.vendor.delete("customers", 1)
    assert mark_deleted(shop.settings, "woocommerce", "customers").missing == 0
    assert mark_deleted(shop.settings, "woocommerce", "customers").missing == 1
    assert shop.ask("select customer_id from raw.customers where is_deleted") == [("1",)]


def test_a_wrong_key_and_a_firewall_are_said_by_check(shop, monkeypatch):
    assert [finding.sentence for finding in check_source(shop.settings, "woocommerce") if finding.state != "good"] == []
    monkeypatch.setattr("vendors.woocommerce.SECRET", "another")
    (finding,) = check_source(shop.settings, "woocommerce")
    assert (finding.state, "does not accept the credentials (401" in finding.sentence) == ("wrong", True)
    shop.vendor.always = lambda request: HTML
    assert "a login page, a firewall" in next(iter(check_source(shop.settings, "woocommerce"))).sentence
