"""What every load of orders must satisfy before anything reads it."""

import great_expectations as gx
import great_expectations.expectations as gxe

from expectations.rules import (
    CRITICAL,
    Shop,
    not_before_the_calendar,
    not_in_the_future,
    of_every_entity,
    refers_to,
    row_rule,
)
from retain.config.currencies import CURRENCIES
from retain.entities import ENTITIES, ORDER_STATUSES


def suite(shop: Shop) -> gx.ExpectationSuite:
    expectations = [
        *of_every_entity(ENTITIES["orders"]),
        gxe.ExpectColumnValuesToBeInSet(
            column="status",
            value_set=list(ORDER_STATUSES),
            description=f"status is none of {', '.join(ORDER_STATUSES)}",
            severity=CRITICAL,
            meta={"judges": "row", "rule": "status_known", "waits": False},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="currency",
            value_set=sorted(CURRENCIES),
            description="currency is not an ISO 4217 code",
            severity=CRITICAL,
            meta={"judges": "row", "rule": "currency_known", "waits": False},
        ),
        row_rule(
            "rate_exists",
            "there is no exchange rate for its currency on or before its day",
            f"currency <> '{shop.reporting_currency}' and ordered_at is not null and not exists ("
            "select 1 from (select currency, min(rate_on) as first_on from raw.exchange_rates where not is_deleted "
            "group by currency) as known where known.currency = subselect.currency "
            f"and known.first_on <= (subselect.ordered_at at time zone '{shop.timezone}')::date)",
            waits=True,
        ),
        not_in_the_future("ordered_at"),
        not_before_the_calendar("ordered_at"),
        *(
            row_rule(f"{amount}_not_negative", f"{amount} is negative", f"{amount} < 0")
            for amount in ("gross_amount", "discount_amount", "tax_amount", "shipping_amount")
        ),
        row_rule("discount_fits", "discount_amount is larger than gross_amount", "discount_amount > gross_amount"),
    ]
    if "customers" in shop.entities:
        expectations.append(refers_to("customers", "customer_id"))
    return gx.ExpectationSuite(name="orders", expectations=expectations)
