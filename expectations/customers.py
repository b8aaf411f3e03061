"""What every load of customers must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    WARNING,
    Shop,
    legible,
    looks_like_an_address,
    lookup_rule,
    not_before_the_calendar,
    not_in_the_future,
    of_every_entity,
    row_rule,
    suite_of,
)
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "customers",
        shop,
        [
            *of_every_entity(ENTITIES["customers"], shop),
            not_in_the_future("registered_at", shop),
            # Whom nobody knows the beginning of is still a customer.
            not_before_the_calendar("registered_at", severity=WARNING),
            row_rule(
                "closed_after_registered",
                "closed_at lies before registered_at",
                "closed_at < registered_at",
                about=("closed_at", "registered_at"),
                severity=WARNING,
            ),
            # Taken over, the new person would be given everything that the old one bought.
            lookup_rule(
                "customer_id_not_reused",
                "customer_id belonged to somebody else: another address and another time of registration",
                "exists (select 1 from raw.customers as known where known.source = subselect.source "
                "and known.customer_id = subselect.customer_id and known.email <> subselect.email "
                "and abs(extract(epoch from known.registered_at - subselect.registered_at)) > 86400)",
                about=("email", "registered_at"),
            ),
            looks_like_an_address(),
            legible("full_name"),
            legible("city"),
            legible("region"),
        ],
    )
