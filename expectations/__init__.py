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


def suite_of_entity(entity: str, shop: Shop) -> "gx.ExpectationSuite":
    """The suite that judges an entity's rows, as far as the source maps what it is about."""
    return SUITES[entity](shop)


__all__ = ["SUITES", "Shop", "suite_of_entity"]
