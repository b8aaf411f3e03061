"""What every load of loyalty entries must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    Shop,
    about_somebody,
    one_of,
    row_rule,
    suite_of,
)
from retain.entities import ENTITIES, ENTRY_KINDS, ENTRY_STATUSES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "loyalty_entries",
        shop,
        [
            *about_somebody(ENTITIES["loyalty_entries"], shop),
            one_of("kind", "kind_known", f"kind is none of {', '.join(ENTRY_KINDS)}", ENTRY_KINDS),
            one_of("status", "status_known", f"status is none of {', '.join(ENTRY_STATUSES)}", ENTRY_STATUSES),
            row_rule("points_whole", "points is not a whole number", "points <> trunc(points)", about=("points",)),
            row_rule(
                "points_have_their_sign",
                "points are earned with a minus, or redeemed or expired without one",
                "kind = 'earned' and points < 0 or kind in ('redeemed', 'expired') and points > 0",
                about=("kind", "points"),
            ),
        ],
    )
