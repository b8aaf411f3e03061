"""What every load must satisfy before anything reads it: one suite module an entity. Adding a rule is adding one expectation."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from expectations import customers, exchange_rates, order_items, orders, products, returns
from expectations.rules import Shop

if TYPE_CHECKING:
    import great_expectations as gx

SUITES: dict[str, "Callable[[Shop], gx.ExpectationSuite]"] = {
    "exchange_rates": exchange_rates.suite,
    "customers": customers.suite,
    "products": products.suite,
    "orders": orders.suite,
    "order_items": order_items.suite,
    "returns": returns.suite,
}

__all__ = ["SUITES", "Shop"]
