"""What every load of sends must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    Shop,
    about_somebody,
    one_of,
    suite_of,
)
from retain.entities import ENTITIES, SEND_CHANNELS


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "sends",
        shop,
        [
            *about_somebody(ENTITIES["sends"], shop),
            one_of("channel", "channel_known", f"channel is none of {', '.join(SEND_CHANNELS)}", SEND_CHANNELS),
        ],
    )
