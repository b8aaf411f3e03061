"""The charges, refunds and disputes of a Stripe: what changes without a time of change is read again, and none is an order."""

from datetime import UTC, datetime, timedelta

import pytest
from vendors.server import HTML, Answer
from vendors.stripe import KEY, Stripe

from retain import loads
from retain.source_checks import check_source

DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def stripe(described):
    more = "    entities: {payments: {params: {limit: 3}}}\n"
    for reads in ("refunds", "disputes"):
        more += f"  - {{name: {reads}, type: stripe, reads: {reads}, url: {{url}}/v1, token: {KEY}, shop: web}}\n"
    return described(Stripe(), "stripe", "/v1", more, token=KEY, shop="web")


def fill(vendor, count):
    for number in range(1, count + 1):  # four of each second: ties across pages
        vendor.charge(f"ch_{number}", DAY + timedelta(seconds=number // 4), 1000 + number, order=f"{number}")


def ago(**span):
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def load_all(stripe):
    return [loads.load_entity(stripe.settings, source, "payments") for source in ("one", "refunds", "disputes")]


def is_complete(stripe):
    there = {key for name in stripe.vendor.things for key in stripe.vendor.things[name]}
    assert {row[0] for row in stripe.ask("select payment_id from raw.payments")} == there
    assert stripe.does_not_add_up() == []


def test_every_charge_is_in_raw_once_with_its_order_and_in_the_units_of_its_currency(stripe):
    fill(stripe.vendor, 7)
    for key, currency, amount in (
        ("ch_jp", "jpy", 500),
        ("ch_kw", "kwd", 5120),
        ("ch_is", "isk", 500),
        ("ch_ug", "ugx", 70000),
    ):
        stripe.vendor.charge(key, DAY, amount, currency)
    stripe.vendor.charge("ch_12345678901234567890", DAY, 99999999, order="12345678901234567890", receipt_email="a@x.am")
    outcome = stripe.load("payments")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    is_complete(stripe)
    assert stripe.ask("select currency, amount::text from raw.payments where order_id is null order by 1") == [
        ("ISK", "5.0000"),
        ("JPY", "500.0000"),
        ("KWD", "5.1200"),
        ("UGX", "700.0000"),
    ]
    assert stripe.ask(
        "select order_id, order_source, email, kind, status, happened_at, amount::text, method from raw.payments "
        "where payment_id like 'ch_123%'"
    ) == [("12345678901234567890", "web", "a@x.am", "payment", "succeeded", DAY, "999999.9900", "card")]
    assert len(stripe.vendor.requests) == 4
    assert {"starting_after" in request.params for request in stripe.vendor.requests[1:]} == {True}
    again = stripe.load("payments")
    assert (again.rows_sent, again.rows_changed) == (0, 0)


def test_what_becomes_of_a_charge_within_thirty_days_is_read_again(stripe):
    waiting = {"captured": False, "amount_captured": 0}
    stripe.vendor.charge("ch_1", ago(days=20), 5000, order="1", **waiting)
    stripe.vendor.charge("ch_2", ago(days=20), 5000, order="2", status="pending", paid=False)
    stripe.vendor.charge("ch_3", ago(days=20), 5000, order="3", status="failed", captured=False, amount_captured=0)
    assert stripe.load("payments").rows_quarantined == 0
    states = "select payment_id, status, amount::text from raw.payments order by 1"
    assert stripe.ask(states) == [
        ("ch_1", "pending", "50.0000"),
        ("ch_2", "pending", "50.0000"),
        ("ch_3", "failed", "50.0000"),
    ]
    stripe.vendor.charge("ch_1", ago(days=20), 5000, order="1", amount_captured=4500)
    stripe.vendor.things["charges"]["ch_2"]["status"] = "failed"
    assert stripe.load("payments").rows_changed == 2
    assert stripe.ask(states)[:2] == [("ch_1", "succeeded", "45.0000"), ("ch_2", "failed", "50.0000")]


def test_what_goes_back_is_read_whatever_the_age_of_its_charge_and_never_twice(stripe):
    fill(stripe.vendor, 3)
    stripe.vendor.charge("ch_jp", DAY, 500, "jpy", order="9")
    assert {one.status for one in load_all(stripe)} == {"published"}
    stripe.vendor.refund("re_1", ago(hours=2), "ch_1", 301)
    stripe.vendor.refund("re_2", ago(hours=2), "ch_1", 700, status="pending")
    stripe.vendor.refund("re_3", ago(hours=2), "ch_jp", 200, status="canceled")
    stripe.vendor.dispute("du_1", ago(days=90), "ch_2", 1002)
    load_all(stripe)
    is_complete(stripe)
    back = "select payment_id, kind, order_id, order_source, status, amount::text from raw.payments where kind <> 'payment' order by 1"
    assert stripe.ask(back) == [
        ("du_1", "chargeback", "2", "web", "pending", "10.0200"),
        ("re_1", "refund", "1", "web", "succeeded", "3.0100"),
        ("re_2", "refund", "1", "web", "pending", "7.0000"),
        ("re_3", "refund", "9", "web", "failed", "200.0000"),
    ]
    stripe.vendor.things["refunds"]["re_2"]["status"] = "succeeded"
    stripe.vendor.things["disputes"]["du_1"]["status"] = "lost"
    assert [one.rows_changed for one in load_all(stripe)] == [0, 1, 1]
    assert [row[4] for row in stripe.ask(back)] == ["succeeded", "succeeded", "succeeded", "failed"]
    assert [one.rows_changed for one in load_all(stripe)] == [0, 0, 0]


def test_a_dispute_that_was_prevented_is_over_and_took_what_its_balance_transactions_say(stripe):
    fill(stripe.vendor, 2)
    for key, moved in (("du_1", []), ("du_2", [{"amount": -1002, "currency": "eur"}])):
        stripe.vendor.dispute(key, ago(days=3), f"ch_{key[-1]}", 1002, status="prevented")
        stripe.vendor.things["disputes"][key]["balance_transactions"] = moved
    load_all(stripe)
    assert stripe.ask("select payment_id, status from raw.payments where kind = 'chargeback' order by 1") == [
        ("du_1", "failed"),
        ("du_2", "succeeded"),
    ]


def test_a_charge_that_comes_while_pages_are_read_takes_no_other_one_with_it(stripe):
    fill(stripe.vendor, 10)
    stripe.vendor.always = lambda request: stripe.vendor.charge(
        f"ch_n{len(stripe.vendor.requests)}", datetime.now(UTC), 100, order="n"
    )
    stripe.load("payments")
    stripe.vendor.always = None
    known = {row[0] for row in stripe.ask("select payment_id from raw.payments")}
    assert known >= {f"ch_{number}" for number in range(1, 11)}
    for one in stripe.vendor.things["charges"].values():
        one["created"] = min(one["created"], int(ago(minutes=2).timestamp()))
    stripe.load("payments")
    is_complete(stripe)


def test_a_limit_a_crash_and_answers_that_are_none_lose_nothing(stripe):
    fill(stripe.vendor, 10)
    stripe.vendor.instead[2] = Answer(b'{"error": {"type": "rate_limit", "message": "slow down"}}', 429)
    stripe.vendor.instead[4] = Answer(b"", 429, {"retry-after": "1"})
    for answer in (
        Answer(b"{}", cut_after=0),
        HTML,
        Answer(b'{"data": [{"id": "ch_1"'),
        Answer(b'{"error": {"message": "idempotency"}}'),
        Answer(b'{"object": "list", "data": []}'),
    ):
        stripe.vendor.always = lambda request, answer=answer: (
            answer if request.params.get("starting_after") == "ch_5" else None
        )
        assert stripe.load("payments").status == "unreadable"
    stripe.vendor.always = None
    stripe.vendor.forget_requests()
    assert stripe.load("payments").rows_sent == 10
    assert [request.params["starting_after"] for request in stripe.vendor.requests] == ["ch_5", "ch_2"]
    is_complete(stripe)


def test_a_page_that_comes_for_ever_stops_the_load(stripe):
    fill(stripe.vendor, 5)
    stripe.vendor.always = lambda request: request.params.pop("starting_after", None) and None
    assert "the same 3 records as one before it, so the pages never end" in stripe.load("payments").message


def test_an_account_without_charges_is_a_load_without_rows(stripe):
    assert [(one.status, one.rows_sent) for one in load_all(stripe)] == [("published", 0)] * 3


def test_check_says_what_is_wrong_and_what_the_key_may_not(stripe, monkeypatch):
    fill(stripe.vendor, 1)
    assert [one for one in check_source(stripe.settings, "one") if one.state == "wrong"] == []
    stripe.vendor.may_read = set()
    (finding,) = check_source(stripe.settings, "one")
    assert "(403: The provided key does not have the required permissions.)" in finding.sentence
    assert "Charges and Refunds" in finding.to_do
    monkeypatch.setattr("vendors.stripe.KEY", "another")
    (finding,) = check_source(stripe.settings, "one")
    assert "does not accept the credentials (401: Invalid API Key provided" in finding.sentence
    assert "restricted key" in finding.to_do
    assert KEY not in finding.sentence + finding.to_do
