"""What is expected of a load beside what is usual for its source: judged on the load's evidence, one row a thing observed.

Nothing here is about single rows, and nothing but what cannot be right refuses a load: who trades has unusual days.
"""

import great_expectations as gx
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.kinds import ExpectNoRowToMeet
from expectations.rules import CRITICAL, WARNING


def suite() -> gx.ExpectationSuite:
    return gx.ExpectationSuite(
        name="habits",
        expectations=[
            # What the source itself says of what it sent.
            _expected("control_totals", "amounts add up to what the source says they add up to", CRITICAL),
            _expected("files", "of every file all records landed", CRITICAL),
            _expected("sent_once", "no record is sent more than once in one delivery", WARNING),
            _expected("columns_kept", "the source still has the columns that were agreed, with their types", CRITICAL),
            _expected("columns_agreed", "the source has the columns that were agreed, and no other", WARNING),
            _expected("remarks", "the source was read without a remark", WARNING),
            _expected("freshness", "the source is on time", WARNING),
            # How much of it there is.
            _credible("volume", "each day has a credible number of records"),
            _expected("volume", "each day has about as many records as the same weekday before", WARNING),
            _expected("delivery", "the delivery has about as many rows as deliveries before", WARNING),
            _expected("known", "as many records are new, and known, as usual", WARNING),
            _expected("old", "new records are of these days", WARNING),
            _expected("bare", "orders have lines", WARNING),
            _expected("unmarked", "as many returns as usual are of orders that are marked as refunded", WARNING),
            _expected("touched", "about as many records as usual have changed", WARNING),
            # What is in it.
            _credible("amount", "amounts are of a credible size"),
            _expected("amount", "amounts are about as large as usual", WARNING),
            _expected("zero", "as many amounts are 0 as usual", WARNING),
            _expected("decimals", "as many amounts have decimals as usual", WARNING),
            _expected("empty", "as many values are empty as usual", WARNING),
            _expected("share", "stores, statuses and the like have their usual shares", WARNING),
            _expected("top", "no customer stands in more rows than usual", WARNING),
            _expected("hour", "things happen at their usual hours", WARNING),
        ],
    )


def _expected(kind: str, description: str, severity: FailureSeverity) -> Expectation:
    return _rule(kind, description, f"kind = '{kind}' and (observed < low or observed > high)", severity)


def _credible(kind: str, description: str) -> Expectation:
    condition = f"kind = '{kind}' and (observed < far_low or observed > far_high)"
    return _rule(f"{kind}_credible", description, condition, CRITICAL)


def _rule(rule: str, description: str, condition: str, severity: FailureSeverity) -> Expectation:
    meta = {"judges": "load", "rule": rule, "detail": "sentence"}
    return ExpectNoRowToMeet(condition=condition, description=description, severity=severity, meta=meta)
