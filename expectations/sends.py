"""What every load of sends must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    Shop,
    accounts_known,
    looks_like_an_address,
    not_before_the_calendar,
    not_in_the_future,
    of_every_entity,
    one_of,
    suite_of,
)
from retain.entities import ENTITIES, SEND_CHANNELS


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "sends",
        shop,
        [
            *of_every_entity(ENTITIES["sends"], shop),
            one_of("channel", "channel_known", f"channel is none of {', '.join(SEND_CHANNELS)}", SEND_CHANNELS),
            not_in_the_future("happened_at", shop),
            not_before_the_calendar("happened_at"),
            accounts_known(),
            looks_like_an_address(),
        ],
    )
