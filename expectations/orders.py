"""What every load of orders must satisfy before anything reads it."""

import great_expectations as gx
from great_expectations.expectations.expectation import Expectation

from expectations.rules import (
    WARNING,
    Shop,
    has_a_rate,
    has_a_recent_rate,
    looks_like_an_address,
    lookup_rule,
    not_before_the_calendar,
    not_in_the_future,
    not_negative,
    of_every_entity,
    one_of,
    refers_to,
    row_rule,
    rows_of_query,
    suite_of,
)
from retain.config.currencies import CURRENCIES
from retain.entities import ENTITIES, ORDER_STATUSES

AMOUNTS = ("gross_amount", "discount_amount", "tax_amount", "shipping_amount")
WHO = "coalesce(customer_id, email, phone)"


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "orders",
        shop,
        [
            *of_every_entity(ENTITIES["orders"], shop),
            one_of("status", "status_known", f"status is none of {', '.join(ORDER_STATUSES)}", ORDER_STATUSES),
            one_of("currency", "currency_known", "currency is not an ISO 4217 code", sorted(CURRENCIES)),
            has_a_rate(shop, "subselect.ordered_at", "its day"),
            has_a_recent_rate(shop, "subselect.ordered_at", "the order"),
            not_in_the_future("ordered_at", shop),
            not_before_the_calendar("ordered_at"),
            *map(not_negative, AMOUNTS),
            row_rule(
                "discount_fits",
                "discount_amount is larger than gross_amount",
                "discount_amount > gross_amount",
                about=("discount_amount",),
            ),
            # A till that begins to count again would write over what other people bought.
            lookup_rule(
                "order_id_not_reused",
                "order_id belonged to another order: on another day, of another customer",
                "exists (select 1 from raw.orders as known where known.source = subselect.source "
                "and known.order_id = subselect.order_id and not known.is_deleted "
                "and abs(extract(epoch from known.ordered_at - subselect.ordered_at)) > 2 * 86400 "
                f"and ({_who('known')} is distinct from {_who('subselect')} "
                f"or {_who('known')} is null and known.gross_amount <> subselect.gross_amount))",
            ),
            _not_placed_twice(shop),
            looks_like_an_address(),
            refers_to("customers", "customer_id") if "customers" in shop.entities else None,
        ],
    )


def _who(alias: str) -> str:
    return f"coalesce({alias}.customer_id, {alias}.email, {alias}.phone)"


def _not_placed_twice(shop: Shop) -> Expectation:
    """By the same person, for the same amount, within a minute. Not where only days are known; nor of long ago, which nobody
    can call back any more, so that a first load of years costs nothing."""
    newly = f"ordered_at > now() - interval '30 days' and (ordered_at at time zone '{shop.timezone}')::time <> '00:00'"
    same = f"{WHO}, gross_amount, date_trunc('minute', ordered_at)"
    return rows_of_query(
        "not_placed_twice",
        "the same customer placed another order for the same amount in the same minute",
        f"select * from {{batch}} where {newly} and ({same}) in (select {same} from {{batch}} where {newly} "
        f"and {WHO} is not null and gross_amount > 0 group by 1, 2, 3 having min(order_id) <> max(order_id))",
        severity=WARNING,
    )
