"""What every load of visits must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    Shop,
    about_somebody,
    suite_of,
)
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "visits",
        shop,
        [
            *about_somebody(ENTITIES["visits"], shop),
        ],
    )
