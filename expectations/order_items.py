"""What every load of order lines must satisfy before anything reads it."""

import great_expectations as gx
from great_expectations.expectations.expectation import Expectation

from expectations.rules import (
    CRITICAL,
    WARNING,
    Shop,
    not_negative,
    of_every_entity,
    refers_to,
    row_rule,
    rows_of_query,
    suite_of,
)
from retain.entities import ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "order_items",
        shop,
        [
            *of_every_entity(ENTITIES["order_items"], shop),
            row_rule("quantity_positive", "quantity is zero or negative", "quantity <= 0", about=("quantity",)),
            row_rule(
                "quantity_is_no_barcode", "quantity has eight digits or more", "quantity >= 1e7", about=("quantity",)
            ),
            not_negative("gross_amount"),
            not_negative("discount_amount"),
            row_rule(
                "discount_fits",
                "discount_amount is larger than gross_amount",
                "discount_amount > gross_amount",
                about=("discount_amount",),
            ),
            not_negative("cost_amount"),
            refers_to("orders", "order_id") if "orders" in shop.entities else None,
            refers_to("products", "product_id") if "products" in shop.entities else None,
            _lines_add_up(shop) if "orders" in shop.entities and shop.gate.money_identities != "ignore" else None,
        ],
    )


def _lines_add_up(shop: Shop) -> Expectation:
    """Judged here and not with the orders, because lines come after their orders. Tax and shipping are kept apart from goods.

    A warning by default: which of the two is wrong is not known, revenue is counted from the order, and a shop whose
    order totals hold more than its lines (a fee, a voucher) would have every line held.
    """
    lines = (
        "select source, order_id, gross_amount from (select distinct on (source, order_id, line_id) * from {batch} "
        "order by source, order_id, line_id, changed_at desc nulls last, row_number desc) as newest "
        "union all select known.source, known.order_id, known.gross_amount from raw.order_items as known "
        "where not known.is_deleted and (known.source, known.order_id) in (select source, order_id from {batch}) "
        "and not exists (select 1 from {batch} where subselect.source = known.source "
        "and subselect.order_id = known.order_id and subselect.line_id = known.line_id)"
    )
    return rows_of_query(
        "lines_add_up",
        "the lines of its order do not add up to the order's gross_amount, within a cent a line",
        "select * from {batch} where (source, order_id) in (select total.source, total.order_id from "
        f"(select source, order_id, sum(gross_amount) as amount, count(*) as lines from ({lines}) as line "
        "group by source, order_id) as total, raw.orders as known where known.source = total.source "
        "and known.order_id = total.order_id and not known.is_deleted "
        "and abs(known.gross_amount - total.amount) > 0.01 * total.lines)",
        severity=CRITICAL if shop.gate.money_identities == "hold" else WARNING,
        waits=True,
    )
