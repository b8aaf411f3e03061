"""What every load of customers must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import WARNING, Shop, not_in_the_future, of_every_entity, row_rule
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return gx.ExpectationSuite(
        name="customers",
        expectations=[
            *of_every_entity(ENTITIES["customers"]),
            not_in_the_future("registered_at"),
            # A customer without a usable address is still a customer: told, never held.
            row_rule(
                "email_looks_right",
                "email is not an e-mail address",
                "email is not null and email !~ '^[^@[:space:]]+@[^@[:space:]]+$'",
                severity=WARNING,
            ),
        ],
    )
