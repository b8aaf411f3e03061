"""What Retain makes of Shopify's money: goods without tax, shipping apart, and of a refund what moved, of the goods."""

from datetime import UTC, datetime

import pytest
from vendors.shopify import line, money, order, refund, shipping

DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)
# 119.00 of goods, of which 19.00 are tax, 11.90 off; shipping for 5.95, of which 0.95 are tax.
WITH_TAX = {
    "taxesIncluded": True,
    "subtotalPriceSet": money("107.10"),
    "totalDiscountsSet": money("11.90"),
    "totalTaxSet": money("18.05"),
    "totalShippingPriceSet": money("5.95"),
    "shippingLine": shipping("5.95", tax="0.95"),
    "totalPriceSet": money("113.05"),
    "lineItems": [line(1, "119.00", "11.90", "17.10", 0.19)],
}


def amounts(shop):
    return shop.ask(
        "select gross_amount::text, discount_amount::text, tax_amount::text, shipping_amount::text from raw.orders where order_id = '201'"
    )[0]


def test_prices_that_hold_the_tax_are_told_without_it_in_orders_and_in_their_lines(shop):
    shop.vendor.put("orders", order(201, **WITH_TAX), DAY)
    shop.load_one("products")
    shop.load_one("orders")
    items = shop.load_one("order_items")
    assert amounts(shop) == ("100.0000", "10.0000", "18.0500", "5.0000")
    assert shop.ask("select gross_amount::text, discount_amount::text from raw.order_items where order_id = '201'") == [
        ("100.0000", "10.0000")
    ]
    assert items.warnings == ()


def test_prices_without_tax_and_an_order_without_shipping_lines_taxes_or_discounts(shop):
    shop.vendor.put(
        "orders", order(201, totalTaxSet=None, totalDiscountsSet=None, shippingLine=None, taxesIncluded=True), DAY
    )
    shop.load_one("orders")
    assert amounts(shop) == ("95.0000", "0.0000", "0.0000", "15.0000")


@pytest.mark.parametrize(
    ("paid", "off", "tax", "expected"),
    [
        ("0.00", "17.85", "17.10", ("100.0000", "10.0000", "17.1000", "0.0000")),  # a code for free shipping
        ("2.38", "15.47", "17.48", ("100.0000", "10.0000", "17.4800", "2.0000")),
    ],
)
def test_a_discount_of_shipping_is_none_of_the_goods(shop, paid, off, tax, expected):
    """Shopify counts it into the order's discounts, and tells the price of shipping before it."""
    of_shipping = f"{float(tax) - 17.10:.2f}"
    more = {
        "shippingLine": shipping("5.95", paid, of_shipping),
        "totalDiscountsSet": money(off),
        "totalTaxSet": money(tax),
    }
    shop.vendor.put("orders", order(201, **{**WITH_TAX, **more}), DAY)
    shop.load_one("orders")
    assert amounts(shop) == expected


def test_what_is_shown_to_the_customer_in_another_currency_is_not_what_the_shop_books(shop):
    shown = {**money("95.00"), "presentmentMoney": {"amount": "15000", "currencyCode": "JPY"}}
    shop.vendor.put("orders", order(201, subtotalPriceSet=shown), DAY)
    shop.load_one("orders")
    assert shop.ask("select currency from raw.orders where order_id = '201'") == [("EUR",)]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"status": "PAID"}, "paid"),
        ({"status": "AUTHORIZED"}, "pending"),
        ({"status": "PARTIALLY_PAID"}, "pending"),
        ({"status": "PARTIALLY_REFUNDED"}, "partially_refunded"),
        ({"status": "EXPIRED"}, "voided"),
        ({"status": "REFUNDED", "cancelledAt": "2025-03-02T09:00:00Z"}, "cancelled"),
    ],
)
def test_a_status_is_one_of_ours(shop, more, status):
    shop.vendor.things["orders"].clear()
    shop.vendor.put("orders", order(201, **more), DAY)
    assert shop.load_one("orders").rows_quarantined == 0
    assert shop.ask("select status from raw.orders") == [(status,)]


def test_a_return_is_a_refund_of_which_the_money_moved_without_tax_and_shipping(shop):
    """132.00 were paid: 95.00 of goods, 19.00 tax on them, 15.00 shipping and 3.00 tax on it. 114.00 and then 15.00 went back."""
    transactions = [
        {**refund(1, "132.00"), "kind": "SALE"},
        refund(2, "57.00"),
        refund(3, "57.00", "PENDING"),
        refund(4, "15.00", "FAILURE"),
    ]
    shop.vendor.put("orders", order(201, transactions=transactions, totalRefundedSet=money("57.00")), DAY)
    shop.load_one("orders")
    assert shop.load_one("returns").rows_sent == 3
    assert shop.ask("select return_id, order_id, amount::text, returned_at from raw.returns") == [
        ("2", "201", "47.5000", datetime(2025, 3, 5, 10, tzinfo=UTC))
    ]


def test_a_return_of_prices_with_tax_and_of_shipping_too(shop):
    whole = {**WITH_TAX, "totalRefundedSet": money("113.05"), "totalRefundedShippingSet": money("5.95")}
    shop.vendor.put("orders", order(201, status="REFUNDED", transactions=[refund(2, "113.05")], **whole), DAY)
    shop.load_one("orders")
    shop.load_one("returns")
    assert shop.ask("select amount::text from raw.returns") == [("90.0000",)]
