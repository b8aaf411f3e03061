"""What every load of order lines must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import Shop, of_every_entity, refers_to, row_rule
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    expectations = [
        *of_every_entity(ENTITIES["order_items"]),
        row_rule("quantity_positive", "quantity is zero or negative", "quantity <= 0"),
        row_rule("gross_amount_not_negative", "gross_amount is negative", "gross_amount < 0"),
        row_rule("discount_amount_not_negative", "discount_amount is negative", "discount_amount < 0"),
        row_rule("discount_fits", "discount_amount is larger than gross_amount", "discount_amount > gross_amount"),
        row_rule("cost_amount_not_negative", "cost_amount is negative", "cost_amount < 0"),
    ]
    if "orders" in shop.entities:
        expectations.append(refers_to("orders", "order_id"))
    if "products" in shop.entities:
        expectations.append(refers_to("products", "product_id"))
    return gx.ExpectationSuite(name="order_items", expectations=expectations)
