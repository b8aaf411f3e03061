"""What every load of payments must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    WARNING,
    Shop,
    about_somebody,
    lookup_rule,
    not_negative,
    one_of,
    suite_of,
)
from retain.entities import ENTITIES, PAYMENT_KINDS, PAYMENT_STATUSES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "payments",
        shop,
        [
            *about_somebody(ENTITIES["payments"], shop),
            one_of("kind", "kind_known", f"kind is none of {', '.join(PAYMENT_KINDS)}", PAYMENT_KINDS),
            one_of("status", "status_known", f"status is none of {', '.join(PAYMENT_STATUSES)}", PAYMENT_STATUSES),
            not_negative("amount"),
            # Whichever order is named there is none of it: all that was paid would be of unknown orders.
            lookup_rule(
                "order_source_known",
                "order_source names a source without orders",
                "order_id is not null and not exists "
                "(select 1 from raw.orders as known where known.source = coalesce(subselect.order_source, subselect.source))",
                about=("order_source",),
                severity=WARNING,
            ),
        ],
    )
