"""What every load of visits must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    Shop,
    accounts_known,
    looks_like_an_address,
    not_before_the_calendar,
    not_in_the_future,
    of_every_entity,
    suite_of,
)
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "visits",
        shop,
        [
            *of_every_entity(ENTITIES["visits"], shop),
            not_in_the_future("happened_at", shop),
            not_before_the_calendar("happened_at"),
            accounts_known(),
            looks_like_an_address(),
        ],
    )
