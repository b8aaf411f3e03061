"""What every load of exchange rates must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import Shop, of_every_entity, row_rule
from retain.config.currencies import CURRENCIES
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    known = ", ".join(f"'{code}'" for code in sorted(CURRENCIES))
    return gx.ExpectationSuite(
        name="exchange_rates",
        expectations=[
            *of_every_entity(ENTITIES["exchange_rates"]),
            row_rule("currency_known", "currency is not an ISO 4217 code", f"currency not in ({known})"),
            row_rule("rate_positive", "rate is zero or negative", "rate <= 0"),
        ],
    )
