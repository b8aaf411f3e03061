"""What counts as caught, and which rows count as wrongly held."""

import pytest

from bench.faults.evidence import Evidence, Landed
from bench.faults.judging import Outcome, judge, totals

COLUMNS = {
    "exchange_rates": ("currency", "rate"),
    "customers": ("customer_id",),
    "products": ("product_id",),
    "orders": ("order_id", "customer_id", "currency", "amount"),
    "order_items": ("order_id", "line_id", "product_id"),
    "returns": ("return_id", "order_id"),
}
ORDERS = [("1", "c1", "EUR", "10"), ("2", "c2", "EUR", "20")]
LINES = [("1", "1", "p1"), ("2", "1", "p1")]


def evidence(orders=(), lines=(), findings=None, raw="as ever", **orders_ended):
    landed = {entity: Landed() for entity in COLUMNS}
    landed["orders"] = Landed(list(orders), **orders_ended)
    landed["order_items"] = Landed(list(lines))
    return Evidence(landed, findings or {}, {entity: [] for entity in COLUMNS}, dict.fromkeys(COLUMNS, raw))


CLEAN = evidence(ORDERS, LINES)
SPOILED = [("1", "c1", "EUR", "10,00"), ORDERS[1]]


def judged(now, **statuses):
    outcome = Outcome("decimal_comma", "orders")
    judge(outcome, CLEAN, now, COLUMNS, statuses)
    return outcome


def test_a_damage_that_nothing_speaks_of_and_that_changes_what_is_published_is_not_caught():
    outcome = judged(evidence(SPOILED, LINES, raw="different"))
    assert (outcome.how, outcome.is_caught) == ("", False)
    assert (outcome.damaged_rows, outcome.damaged_rows_held) == (1, 0)


def test_a_damage_that_changes_nothing_that_is_published_was_absorbed():
    assert judged(evidence(SPOILED, LINES)).how == "absorbed"


def test_a_damaged_row_in_quarantine_is_caught_by_its_rules():
    outcome = judged(evidence(SPOILED, LINES, raw="different", held={0: ("amount_casts",)}))
    assert (outcome.how, outcome.by) == ("quarantined", ["orders.amount_casts"])
    assert (outcome.damaged_rows, outcome.damaged_rows_held, outcome.clean_rows_held) == (1, 1, 0)


def test_a_row_that_is_held_though_nothing_touched_it_does_not_catch_the_damage_and_is_wrongly_held():
    outcome = judged(evidence(SPOILED, LINES, raw="different", held={1: ("amount_odd",)}))
    assert outcome.how == ""
    assert (outcome.clean_rows, outcome.clean_rows_held) == (2, 1)  # the second order and its line
    assert outcome.clean_rows_held_by == ["orders.amount_odd"]


def test_the_line_of_a_damaged_order_may_be_held_with_it():
    now = evidence(SPOILED, LINES, raw="different", held={0: ("amount_casts",)})
    now.landed["order_items"].held[0] = ("order_id_exists",)
    assert judged(now).clean_rows_held == 0


def test_rows_of_a_refused_load_are_held_on_purpose():
    now = evidence(SPOILED, LINES, raw="different", held={1: ("amount_odd",)}, is_accepted=False)
    outcome = judged(now, orders="refused")
    assert outcome.how == "refused"
    assert (outcome.clean_rows, outcome.clean_rows_held) == (1, 0)  # the line of the second order


@pytest.mark.parametrize(("rows", "how"), [(3, ""), (4, "warned")])
def test_a_finding_that_the_clean_night_has_as_well_is_no_catch(rows, how):
    clean = evidence(ORDERS, LINES, findings={("orders", "odd"): (3, "warning")})
    outcome = Outcome("x", "orders")
    judge(outcome, clean, evidence(SPOILED, LINES, {("orders", "odd"): (rows, "warning")}, "different"), COLUMNS, {})
    assert outcome.how == how


def test_a_crash_is_never_a_catch():
    crashed, caught = Outcome("a", "orders", how="refused", crash="TypeError"), Outcome("b", "orders", how="warned")
    document = totals([crashed, caught])
    assert (document["faults"], document["caught"], document["crashed"]) == (2, 1, 1)
