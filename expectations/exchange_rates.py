"""What every load of exchange rates must satisfy before anything reads it."""

import great_expectations as gx
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.rules import (
    CRITICAL,
    WARNING,
    Shop,
    lookup_rule,
    not_before_the_calendar,
    of_every_entity,
    one_of,
    row_rule,
    rows_of_query,
    suite_of,
)
from retain.config.currencies import CURRENCIES
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "exchange_rates",
        shop,
        [
            *of_every_entity(ENTITIES["exchange_rates"], shop),
            one_of("currency", "currency_known", "currency is not an ISO 4217 code", sorted(CURRENCIES)),
            row_rule("rate_positive", "rate is zero or negative", "rate <= 0", about=("rate",)),
            row_rule(
                "rate_written_out",
                "rate is written with an exponent and few digits: a spreadsheet may have cut off the others",
                "rate_sent ~ '^[0-9]([.][0-9]{0,3})?[eE]-'",
                about=("rate",),
                severity=WARNING,
            ),
            not_before_the_calendar("rate_on"),
            row_rule(
                "rate_on_is_past",
                "rate_on lies more than a day in the future",
                f"rate_on > (now() at time zone '{shop.timezone}')::date + 1",
                about=("rate_on",),
                waits=True,
            ),
            # Every order in the currency is counted by it, so a rate that cannot be right waits for a person.
            _near_the_last("rate_near_the_last", 2, "2 times as large, or as small, as", CRITICAL),
            _near_the_last("rate_moved_little", 1.1, "10 % away from", WARNING),
            rows_of_query(
                "currencies_complete",
                "a currency that had a rate in the days before has none any more",
                "select distinct known.currency from raw.exchange_rates as known, "
                "(select source, max(rate_on) as last_on from {batch} group by source) as sent "
                "where known.source = sent.source and not known.is_deleted and known.rate_on between sent.last_on - 7 "
                "and sent.last_on - 1 and not exists (select 1 from {batch} where subselect.currency = known.currency)",
                severity=WARNING,
                detail="currency",
                judges="load",
            ),
        ],
    )


def _near_the_last(name: str, factor: float, words: str, severity: FailureSeverity) -> Expectation:
    return lookup_rule(
        name,
        f"rate is more than {words} the currency's middle rate of the 30 days before",
        "(select subselect.rate not between usual.rate / " + f"{factor} and usual.rate * {factor} from "
        "(select percentile_disc(0.5) within group (order by known.rate) as rate from raw.exchange_rates as known "
        "where known.source = subselect.source and known.currency = subselect.currency and not known.is_deleted "
        "and known.rate_on between subselect.rate_on - 30 and subselect.rate_on - 1) as usual)",
        about=("rate",),
        severity=severity,
    )
