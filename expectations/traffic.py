"""What every load of traffic must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    Shop,
    not_before_the_calendar,
    not_negative,
    of_every_entity,
    one_of,
    row_rule,
    suite_of,
)
from retain.config.currencies import CURRENCIES
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "traffic",
        shop,
        [
            *of_every_entity(ENTITIES["traffic"], shop),
            not_before_the_calendar("day_on"),
            row_rule(
                "day_on_is_past",
                "day_on lies more than a day in the future",
                f"day_on > (now() at time zone '{shop.timezone}')::date + 1",
                about=("day_on",),
                waits=True,
            ),
            # Revenue is less what was refunded that day, and may be below zero.
            *(not_negative(field) for field in ("sessions", "engaged_sessions", "users", "purchases")),
            one_of("currency", "currency_known", "currency is not an ISO 4217 code", sorted(CURRENCIES)),
            row_rule(
                "revenue_has_a_currency",
                "revenue is told without its currency",
                "revenue is not null and currency is null",
                about=("revenue", "currency"),
            ),
        ],
    )
