"""What every load of products must satisfy before anything reads it."""

import great_expectations as gx
from great_expectations.expectations.expectation import Expectation

from expectations.rules import (
    WARNING,
    Shop,
    legible,
    lookup_rule,
    not_negative,
    of_every_entity,
    one_of,
    row_rule,
    suite_of,
)
from retain.config.currencies import CURRENCIES
from retain.entities import ENTITIES

JUMP = 5  # no promotion makes a price so many times smaller, and no shortage so many times larger


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "products",
        shop,
        [
            *of_every_entity(ENTITIES["products"], shop),
            one_of("currency", "currency_known", "currency is not an ISO 4217 code", sorted(CURRENCIES)),
            not_negative("price"),
            not_negative("unit_cost"),
            # No mart counts a price: what was charged is on the order. So these are told, and nothing is held.
            row_rule(
                "cost_below_price",
                "unit_cost is larger than price",
                "unit_cost > price and price > 0",
                about=("price", "unit_cost"),
                severity=WARNING,
            ),
            _near_the_last("price"),
            _near_the_last("unit_cost"),
            legible("name"),
        ],
    )


def _near_the_last(field: str) -> Expectation:
    return lookup_rule(
        f"{field}_near_the_last",
        f"{field} is more than {JUMP} times as large, or as small, as it was",
        f"exists (select 1 from raw.products as known where known.source = subselect.source "
        f"and known.product_id = subselect.product_id and known.currency is not distinct from subselect.currency "
        f"and known.{field} > 0 and (subselect.{field} > known.{field} * {JUMP} or subselect.{field} < known.{field} / {JUMP}))",
        about=(field,),
        severity=WARNING,
    )
