"""What every load of returns must satisfy before anything reads it."""

import great_expectations as gx
from great_expectations.expectations.expectation import Expectation

from expectations.rules import (
    WARNING,
    Shop,
    legible,
    lookup_rule,
    not_before_the_calendar,
    not_in_the_future,
    of_every_entity,
    refers_to,
    row_rule,
    rows_of_query,
    suite_of,
)
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    has_orders, has_lines = "orders" in shop.entities, "order_items" in shop.entities
    return suite_of(
        "returns",
        shop,
        [
            *of_every_entity(ENTITIES["returns"], shop),
            row_rule(
                "amount_not_negative",
                "amount is negative (a return's amount is given as a positive number)",
                "amount < 0",
                about=("amount",),
            ),
            row_rule("quantity_positive", "quantity is zero or negative", "quantity <= 0", about=("quantity",)),
            not_in_the_future("returned_at", shop),
            not_before_the_calendar("returned_at"),
            lookup_rule(
                "returned_after_ordered",
                "returned_at lies more than a day before the order",
                "exists (select 1 from raw.orders as known where known.source = subselect.source "
                "and known.order_id = subselect.order_id and subselect.returned_at < known.ordered_at - interval '1 day')",
            )
            if has_orders
            else None,
            refers_to("orders", "order_id") if has_orders else None,
            _fits_the_order() if has_orders else None,
            _pieces_fit_the_line() if has_lines else None,
            # What was paid back counts whichever line it was for: told, not held.
            lookup_rule(
                "line_id_exists",
                "line_id names a line that the order does not have",
                "line_id is not null and order_id is not null and not exists (select 1 from raw.order_items as known "
                "where known.source = subselect.source and known.order_id = subselect.order_id "
                "and known.line_id = subselect.line_id)",
                about=("line_id",),
                severity=WARNING,
            )
            if has_lines
            else None,
            legible("reason"),
        ],
    )


def _others(columns: str) -> str:
    """This load's returns in their newest version, and those in raw that it does not send again."""
    return (
        f"select source, order_id, line_id, return_id, row_number, {columns} from "
        "(select distinct on (source, return_id) * from {batch} where return_id is not null "
        "order by source, return_id, changed_at desc nulls last, row_number desc) as newest "
        f"union all select known.source, known.order_id, known.line_id, known.return_id, 0, {columns} "
        "from raw.returns as known where not known.is_deleted "
        "and (known.source, known.order_id) in (select source, order_id from {batch}) "
        "and not exists (select 1 from {batch} where subselect.source = known.source and subselect.return_id = known.return_id)"
    )


def _fits_the_order() -> Expectation:
    """All that was paid back of an order, in the order in which it came: what exceeds the order fails, not what came before.

    Two per cent more is let pass: rounding, and small change that a clerk adds.
    """
    return rows_of_query(
        "amount_fits_the_order",
        "more is paid back than the order cost, with its tax and shipping",
        "select * from {batch} where row_number in (select paid.row_number from (select source, order_id, row_number, "
        "sum(amount) over (partition by source, order_id order by row_number, return_id) as amount "
        f"from ({_others('amount')}) as one) as paid, raw.orders as known where paid.row_number > 0 "
        "and known.source = paid.source and known.order_id = paid.order_id and paid.amount > 0.01 + 1.02 * "
        "(known.gross_amount - known.discount_amount + known.tax_amount + known.shipping_amount))",
        about=("amount",),
        waits=True,
    )


def _pieces_fit_the_line() -> Expectation:
    return rows_of_query(
        "pieces_fit_the_line",
        "more pieces are returned than the line had",
        "select * from {batch} where row_number in (select paid.row_number from (select source, order_id, line_id, "
        "row_number, sum(quantity) over (partition by source, order_id, line_id order by row_number, return_id) as quantity "
        f"from ({_others('quantity')}) as one where line_id is not null) as paid, raw.order_items as known "
        "where paid.row_number > 0 and known.source = paid.source and known.order_id = paid.order_id "
        "and known.line_id = paid.line_id and paid.quantity > known.quantity)",
        about=("line_id", "quantity"),
        waits=True,
    )
