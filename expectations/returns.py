"""What every load of returns must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import Shop, not_before_the_calendar, not_in_the_future, of_every_entity, refers_to, row_rule
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    expectations = [
        *of_every_entity(ENTITIES["returns"]),
        row_rule(
            "amount_not_negative", "amount is negative (a return's amount is given as a positive number)", "amount < 0"
        ),
        row_rule("quantity_positive", "quantity is zero or negative", "quantity <= 0"),
        not_in_the_future("returned_at"),
        not_before_the_calendar("returned_at"),
        row_rule(
            "returned_after_ordered",
            "returned_at lies more than a day before the order",
            "exists (select 1 from raw.orders as known where known.source = subselect.source "
            "and known.order_id = subselect.order_id and subselect.returned_at < known.ordered_at - interval '1 day')",
        ),
    ]
    if "orders" in shop.entities:
        expectations.append(refers_to("orders", "order_id"))
    return gx.ExpectationSuite(name="returns", expectations=expectations)
