"""A Shopify shop that misbehaves: what it has is in raw, nothing lost, nothing doubled, or a sentence says why not."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from vendors.server import HTML, Answer
from vendors.shopify import customer, line, order, product

from retain.deletions import mark_deleted
from retain.sources import http_lines, shopify_graphql

DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)


def recently():
    return datetime.now(UTC) - timedelta(minutes=2)


def is_download(request):
    return request.path.startswith("/files/")


def fill(shop, count):
    for number in range(1, count + 1):
        shop.vendor.put("customers", customer(number), DAY + timedelta(seconds=number // 3))


def has_customers(shop):
    assert shop.ids("customers", "customer_id") == {str(number) for number in shop.vendor.things["customers"]}


def began(shop):
    """The queries of the bulk operations that were begun."""
    return [operation["query"] for operation in shop.vendor.operations.values()]


def test_every_entity_is_in_raw_whichever_way_round_parents_and_children_come(shop):
    outcomes = shop.load()
    assert {one.message for one in outcomes.values() if one.status != "published"} == set()
    assert sum(one.rows_quarantined for one in outcomes.values()) == 0
    assert {name: one.rows_sent for name, one in outcomes.items()} == {
        "customers": 3, "products": 2, "orders": 5, "order_items": 5, "returns": 0,
    }  # fmt: skip
    assert shop.ask("select product_id, name, price::text, currency from raw.products order by 1") == [
        ("71", "Cap 7 – Red", "95.0000", "EUR"),
        ("72", "Cap 7 – Red", "95.0000", "EUR"),
    ]
    assert shop.ask("select customer_id, email from raw.orders where order_id in ('101', '105') order by order_id") == [
        ("1", "guest101@x.am"),
        (None, "guest105@x.am"),
    ]
    assert shop.ask("select order_id, line_id, product_id from raw.order_items where order_id = '103'") == [
        ("103", "1031", "71")
    ]
    again = shop.load()
    assert sum(one.rows_changed for one in again.values()) == 0
    assert sum(one.rows_sent for one in again.values()) == 0


def test_an_id_of_twenty_digits_and_a_decimal_with_a_trailing_zero_land_as_they_were_sent(shop):
    shop.vendor.put(
        "orders",
        order("12345678901234567890", subtotalPriceSet={"shopMoney": {"amount": "95.10", "currencyCode": "EUR"}}),
        DAY,
    )
    shop.load_one("orders")
    assert shop.ask("select gross_amount::text from raw.orders where order_id = '12345678901234567890'") == [
        ("100.1000",)
    ]
    assert shop.ask("select count(*) from landing.shopify__orders where _record like '%\"95.10\"%'") == [(1,)]


def test_a_second_load_asks_from_the_first_ones_end_less_the_overlap(shop):
    shop.load_one("customers")
    (until,) = shop.ask("select state ->> 'until' from ops.cursors where entity = 'customers'")[0]
    shop.vendor.put("customers", customer(9), recently())
    shop.vendor.put("customers", customer(1, lastName="New"), recently())
    outcome = shop.load_one("customers")
    assert (outcome.rows_sent, outcome.rows_changed) == (2, 2)
    low = began(shop)[-1].split("updated_at:>='")[1][:20]
    assert datetime.fromisoformat(until) - timedelta(minutes=62) < datetime.fromisoformat(low)
    assert datetime.fromisoformat(low) < datetime.fromisoformat(until) - timedelta(minutes=59)
    has_customers(shop)


def test_a_time_in_the_future_holds_up_nothing(shop):
    shop.vendor.put("customers", customer(8), datetime.now(UTC) + timedelta(hours=18))
    assert shop.load_one("customers").rows_sent == 3
    shop.vendor.put("customers", customer(9), recently())
    shop.load_one("customers")
    assert shop.ids("customers", "customer_id") == {"1", "2", "3", "9"}


def test_an_empty_shop_has_no_file_and_no_rows(shop):
    shop.vendor.things["customers"].clear()
    outcome = shop.load_one("customers")
    assert (outcome.status, outcome.rows_sent) == ("published", 0), outcome.message


def test_a_span_in_which_the_operation_fails_is_halved(shop):
    fill(shop, 30)
    for number in range(31, 40):
        shop.vendor.put("customers", customer(number), DAY - timedelta(days=6000))
    shop.vendor.failing = ["INTERNAL_SERVER_ERROR", "TIMEOUT"]
    outcome = shop.load_one("customers")
    assert (outcome.status, outcome.rows_sent) == ("published", 39), outcome.message
    assert len(began(shop)) == 5
    has_customers(shop)


def test_a_span_that_always_fails_is_given_up_and_asked_for_again_by_the_next_load(shop):
    shop.vendor.failing = ["INTERNAL_SERVER_ERROR"] * 40
    failed = shop.load_one("customers")
    assert failed.status == "unreadable"
    assert "bulk operation failed (INTERNAL_SERVER_ERROR)" in failed.message
    shop.vendor.failing = []
    assert shop.load_one("customers").status == "published"
    has_customers(shop)


def test_a_download_that_breaks_is_gone_on_with_behind_what_came(shop, monkeypatch):
    monkeypatch.setattr(http_lines, "BLOCK_BYTES", 2000)
    monkeypatch.setattr(http_lines, "CHUNK_BYTES", 512)
    fill(shop, 40)
    cuts = [6000, 9000]

    def cut(request):
        if is_download(request) and cuts:
            return Answer(shop.vendor.files[request.path], cut_after=cuts.pop(0))
        return None

    shop.vendor.always = cut
    outcome = shop.load_one("customers")
    assert (outcome.status, outcome.rows_sent) == ("published", 40), outcome.message
    assert len(began(shop)) == 1
    has_customers(shop)


@pytest.mark.parametrize("has_size", [True, False])
def test_a_truncated_file_is_never_taken_for_whole(shop, has_size):
    """Cut off in a line, and at the end of one: then only its size, or the number of its objects, tells."""
    shop.vendor.has_size = has_size
    fill(shop, 9)

    def truncated(request):
        if not is_download(request):
            return None
        file = shop.vendor.files[request.path]
        return Answer(file[:-20] if len(shop.vendor.operations) == 1 else b"".join(file.splitlines(keepends=True)[:-1]))

    shop.vendor.always = truncated
    failed = shop.load_one("customers")
    assert (failed.status, "was cut off" in failed.message) == ("unreadable", True), failed.message
    assert shop.ids("customers", "customer_id") == set()
    shop.ask("delete from ops.loads returning load_id")
    failed = shop.load_one("customers")
    assert (failed.status, "was cut off" in failed.message) == ("unreadable", True), failed.message
    shop.vendor.always = None
    assert shop.load_one("customers").status == "published"
    has_customers(shop)


def test_a_crash_between_blocks_costs_the_running_one_alone(shop, monkeypatch):
    monkeypatch.setattr(http_lines, "BLOCK_BYTES", 2000)
    monkeypatch.setattr(http_lines, "CHUNK_BYTES", 512)
    fill(shop, 40)
    shop.vendor.always = lambda request: (
        Answer(shop.vendor.files[request.path], cut_after=6000) if is_download(request) else None
    )
    assert shop.load_one("customers").status == "unreadable"
    ((kept, status),) = shop.ask("select rows_sent, status from ops.loads")
    assert (0 < kept < 40, status) == (True, "failed")
    shop.vendor.always = None
    outcome = shop.load_one("customers")
    assert (outcome.status, outcome.rows_sent) == ("published", 40), outcome.message
    assert len(began(shop)) == 1
    assert shop.ask("select count(*), count(distinct _record::json ->> 'id') from landing.shopify__customers") == [
        (40, 40)
    ]
    has_customers(shop)


def test_an_operation_that_runs_on_while_the_load_was_killed_is_waited_for_and_one_that_is_gone_begun_anew(shop):
    shop.vendor.instead[3] = Answer(b"{}", cut_after=0)  # after the token and the start: the first look
    shop.vendor.always = lambda request: Answer(b"{}", cut_after=0) if b"node(id" in request.body else None
    assert shop.load_one("customers").status == "unreadable"
    shop.vendor.always = None
    assert shop.load_one("customers").status == "published"
    assert len(began(shop)) == 1
    shop.vendor.always = lambda request: Answer(b"{}", cut_after=0) if b"node(id" in request.body else None
    assert shop.load_one("products").status == "unreadable"
    shop.vendor.always = None
    shop.vendor.operations["gid://shopify/BulkOperation/2"]["status"] = "EXPIRED"
    assert shop.load_one("products").status == "published"
    assert len(began(shop)) == 3


def test_an_operation_that_somebody_cancels_fails_the_load_and_not_the_next_one(shop):
    def cancel(request):
        for operation in shop.vendor.operations.values():
            operation["status"] = "CANCELED"

    shop.vendor.always = cancel
    failed = shop.load_one("customers")
    assert (failed.status, "is canceled" in failed.message) == ("unreadable", True)
    shop.vendor.always = None
    assert shop.load_one("customers").status == "published"
    has_customers(shop)


def test_a_question_that_is_throttled_waits_for_as_many_points_as_it_costs(shop, monkeypatch):
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        shop.vendor.points += seconds * 100

    monkeypatch.setattr(shopify_graphql.time, "sleep", sleep)
    shop.vendor.points = 4
    assert shop.load_one("customers").status == "published"
    assert waits[0] == pytest.approx(0.1)  # (10 - 4) / 100, but not less than a tenth
    shop.vendor.points = -90
    shop.load_one("customers")
    assert any(seconds == pytest.approx(1.0) for seconds in waits)


def test_refusals_that_pass_are_waited_for(shop):
    shop.vendor.instead[2] = Answer(b"{}", 429, {"retry-after": "1"})
    shop.vendor.instead[3] = Answer(b"oops", 503)
    shop.vendor.instead[4] = Answer(
        b'{"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}'
    )
    words = "A bulk query operation for this app and shop is already in progress"
    busy = {"bulkOperation": None, "userErrors": [{"message": words, "code": "OPERATION_IN_PROGRESS"}]}
    shop.vendor.instead[5] = Answer(json.dumps({"data": {"bulkOperationRunQuery": busy}}).encode())
    shop.vendor.looks = 3
    assert shop.load_one("customers").status == "published"
    has_customers(shop)


def test_a_page_of_html_and_an_answer_without_data_are_no_empty_shop(shop):
    for answer, words in (
        (HTML, "a login page, a firewall"),
        (Answer(b'{"data": null}'), "an answer without data"),
        (Answer(b'{"data": {"bulkOper'), "no JSON, or not all of it"),
    ):
        shop.vendor.always = lambda request, answer=answer: None if "oauth" in request.path else answer
        failed = shop.load_one("customers")
        assert (failed.status, words in failed.message) == ("unreadable", True), failed.message
    shop.vendor.always = lambda request: HTML if is_download(request) else None
    assert "a login page, a firewall" in shop.load_one("customers").message


def test_what_is_deleted_or_merged_away_is_marked_and_what_is_there_is_not(shop):
    shop.load()
    shop.vendor.delete("customers", 3)  # merged into another: its id is gone
    shop.vendor.delete("orders", 105)
    shop.vendor.put("products", product(7, (71,)), DAY)
    marked = {
        entity: mark_deleted(shop.settings, "shopify", entity)
        for entity in ("customers", "orders", "products", "order_items")
    }
    assert {name: (one.missing, one.unread) for name, one in marked.items()} == {
        "customers": (1, 0), "orders": (1, 0), "products": (1, 0), "order_items": (1, 0),
    }  # fmt: skip
    assert shop.ask("select order_id, line_id from raw.order_items where is_deleted") == [("105", "1051")]
    assert "updated_at" not in began(shop)[-1]


def test_without_the_right_to_all_orders_what_is_not_seen_is_not_deleted(shop):
    shop.load_one("orders")
    shop.vendor.scopes.remove("read_all_orders")
    shop.vendor.things["orders"].clear()
    assert mark_deleted(shop.settings, "shopify", "orders") is None


def test_an_own_field_takes_the_place_of_a_known_one_and_can_ask_for_more(shop):
    own = "select: inventoryItem { unitCost { amount } }"
    fields = "fields: {unit_cost: inventoryItem.unitCost.amount, category: sku}"
    shop.configure("      products: ", f"      products:\n        {own}\n        {fields} ")
    for variant in shop.vendor.things["products"][7]["variants"]:
        variant["inventoryItem"] = {"unitCost": {"amount": "41.50"}}
    shop.load_one("products")
    assert shop.ask("select product_id, unit_cost::text, category, name from raw.products order by 1 limit 1") == [
        ("71", "41.5000", "CAP-71", "Cap 7 – Red")
    ]


def test_a_text_that_cannot_be_stored_is_replaced_and_said(shop):
    shop.vendor.put("customers", customer(1, lastName="S\u0000"), DAY)
    outcome = shop.load_one("customers")
    assert (outcome.status, outcome.rows_sent) == ("published", 3), outcome.message
    assert shop.ask("select _problem from landing.shopify__customers where _problem is not null") == [
        ("a character that cannot be stored was replaced by �",)
    ]


def test_lines_of_one_order_in_any_number_belong_to_it(shop):
    shop.vendor.put("orders", order(106, lineItems=[line(number) for number in range(1, 40)]), DAY)
    for entity in ("products", "orders", "order_items"):
        shop.load_one(entity)
    assert shop.ask("select count(*) from raw.order_items where order_id = '106'") == [(39,)]
