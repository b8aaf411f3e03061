"""What every load must satisfy before anything reads it: one suite module an entity. Adding a rule is adding one expectation."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from expectations import (
    acquisition_costs,
    business_changes,
    customers,
    exchange_rates,
    experiment_assignments,
    feedback,
    loyalty_entries,
    order_items,
    orders,
    payments,
    products,
    returns,
    sends,
    tickets,
    traffic,
    visits,
)
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
    "acquisition_costs": acquisition_costs.suite,
    "business_changes": business_changes.suite,
    "experiment_assignments": experiment_assignments.suite,
    "tickets": tickets.suite,
    "feedback": feedback.suite,
    "loyalty_entries": loyalty_entries.suite,
    "payments": payments.suite,
    "sends": sends.suite,
    "visits": visits.suite,
    "traffic": traffic.suite,
}


def suite_of_entity(entity: str, shop: Shop) -> "gx.ExpectationSuite":
    """The suite that judges an entity's rows, as far as the source maps what it is about."""
    return SUITES[entity](shop)


__all__ = ["SUITES", "Shop", "suite_of_entity"]
