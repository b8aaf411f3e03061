"""What every load of acquisition costs must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    Shop,
    has_a_rate,
    not_before_the_calendar,
    not_negative,
    of_every_entity,
    one_of,
    suite_of,
)
from retain.config.currencies import CURRENCIES
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "acquisition_costs",
        shop,
        [
            *of_every_entity(ENTITIES["acquisition_costs"], shop),
            one_of("currency", "currency_known", "currency is not an ISO 4217 code", sorted(CURRENCIES)),
            has_a_rate(shop, f"subselect.month_on::timestamp at time zone '{shop.timezone}'", "month_on"),
            not_negative("amount"),
            not_before_the_calendar("month_on"),
        ],
    )
