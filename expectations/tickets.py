"""What every load of tickets must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    WARNING,
    Shop,
    about_somebody,
    one_of,
    row_rule,
    suite_of,
)
from retain.entities import ENTITIES, TICKET_STATUSES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "tickets",
        shop,
        [
            *about_somebody(ENTITIES["tickets"], shop),
            one_of("status", "status_known", f"status is none of {', '.join(TICKET_STATUSES)}", TICKET_STATUSES),
            # What the marts would count as an answer before the question is told: a system's clocks may differ.
            row_rule(
                "replied_after_opened",
                "first_replied_at lies before opened_at",
                "first_replied_at < opened_at",
                about=("first_replied_at",),
                severity=WARNING,
            ),
            row_rule(
                "solved_after_opened",
                "solved_at lies before opened_at",
                "solved_at < opened_at",
                about=("solved_at",),
                severity=WARNING,
            ),
            row_rule(
                "merged_into_another",
                "merged_into_id is the ticket itself",
                "merged_into_id = ticket_id",
                about=("merged_into_id",),
            ),
        ],
    )
