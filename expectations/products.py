"""What every load of products must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import Shop, of_every_entity, row_rule
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return gx.ExpectationSuite(
        name="products",
        expectations=[
            *of_every_entity(ENTITIES["products"]),
            row_rule("price_not_negative", "price is negative", "price < 0"),
            row_rule("unit_cost_not_negative", "unit_cost is negative", "unit_cost < 0"),
        ],
    )
