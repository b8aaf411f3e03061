"""A `rest` source from end to end, over a system that misbehaves: what it has is in raw, nothing lost, nothing doubled."""

from datetime import UTC, datetime, timedelta

import pytest
from vendors.server import HTML, Answer

from retain.replay import replay

DAY = datetime(2025, 3, 1, 12, tzinfo=UTC)
ERRORS = Answer(b'{"errors": [{"message": "Throttled, try later"}], "data": null}')
KILLED = Answer(b"{}", cut_after=0)


def is_complete(crm):
    assert set(crm.raw()) == crm.there()
    landed = crm.ask("select count(*) from landing.crm__orders")[0][0]
    assert landed >= len(crm.there())


def test_every_record_is_in_raw_once_with_what_was_sent(crm):
    crm.fill(10)
    outcome = crm.load()
    assert (outcome.status, outcome.rows_sent) == ("published", 10), outcome.message
    is_complete(crm)
    assert crm.ask("select distinct email, status, ordered_at at time zone 'UTC' from raw.orders") == [
        ("a@x.am", "paid", datetime(2025, 3, 1, 9))
    ]


def test_a_twenty_digit_id_and_a_decimal_with_a_trailing_zero_land_as_they_were_sent(crm):
    crm.put("12345678901234567890", total="10.10")
    crm.put("2", total="12345678901234.8900")
    crm.load()
    assert crm.raw() == {"12345678901234567890": "10.1000", "2": "12345678901234.8900"}
    records = crm.ask("select _record from landing.crm__orders order by _record")
    assert any('"total": 10.10,' in record and '"id": 12345678901234567890,' in record for (record,) in records)


def test_a_second_load_asks_from_the_first_ones_end_less_the_overlap_and_changes_nothing(crm):
    crm.fill(4)
    crm.load()
    crm.system.forget_requests()
    again = crm.load()
    assert (again.status, again.rows_changed) == ("published", 0)
    since = datetime.fromisoformat(crm.system.requests[0].params["since"])
    (until,) = crm.ask("select state ->> 'until' from ops.cursors where entity = 'orders'")[0]
    assert since < datetime.fromisoformat(until) - timedelta(minutes=9)
    is_complete(crm)


def test_records_that_change_while_pages_are_read_take_no_other_one_with_them(crm):
    """They leave the window, and everything behind them moves forward: with each request another one does."""
    crm.fill(16)
    later = datetime.now(UTC) + timedelta(minutes=2)  # than the end of the window

    def change(request):
        crm.put(len(crm.system.requests), later, total="99.00")

    crm.system.always = change
    crm.load()
    crm.system.always = None
    changed = {str(number) for number in range(1, len(crm.system.requests) + 1)}
    assert len(changed) < 16
    assert set(crm.raw()) >= crm.there() - changed
    for number in changed:
        crm.put(number, datetime.now(UTC), total="99.00")
    crm.configure("settle_minutes: 1", "settle_minutes: 0")
    crm.load()
    is_complete(crm)
    assert {crm.raw()[number] for number in changed} == {"99.0000"}


def test_a_time_in_the_future_holds_up_nothing(crm):
    crm.fill(2)
    crm.put(3, datetime.now(UTC) + timedelta(hours=18))
    crm.load()
    crm.put(4, datetime.now(UTC) - timedelta(minutes=3))
    crm.load()
    assert set(crm.raw()) == {"1", "2", "4"}


def test_a_page_without_records_in_the_middle_ends_nothing_where_the_system_says_where_to_go_on(crm):
    crm.system.paging = "cursor"
    crm.configure("paging: {style: page}", "paging: {style: cursor, param: after, next: next, more: more}")
    crm.fill(5)
    crm.system.instead[2] = Answer(b'{"data": {"items": []}, "next": "3", "more": true}')
    crm.load()
    is_complete(crm)


def test_the_last_page_may_have_a_link_to_a_next_one(crm):
    crm.system.paging = "next_link"
    crm.configure("paging: {style: page}", "paging: {style: next_link, next: next, more: more}")
    crm.fill(2)
    link = f"{crm.system.url}/api/orders?page=1"
    items = ", ".join(text for _, text in crm.system.records["orders"].values())
    crm.system.always = lambda request: Answer(
        f'{{"data": {{"items": [{items}]}}, "next": "{link}", "more": false}}'.encode()
    )
    assert crm.load().status == "published"
    assert len(crm.system.requests) == 1
    is_complete(crm)


def test_an_asked_for_pause_is_kept_and_one_without_a_time_too(crm):
    crm.fill(7)
    crm.system.instead[2] = Answer(b"{}", 429, {"retry-after": "1"})
    crm.system.instead[4] = Answer(b"{}", 429)
    crm.system.instead[6] = Answer(b"oops", 503)
    assert crm.load().status == "published"
    is_complete(crm)


def test_a_pause_longer_than_is_waited_stops_the_load_which_goes_on_from_there(crm):
    crm.system.paging = "cursor"
    crm.configure("paging: {style: page}", "paging: {style: cursor, param: after, next: next}")
    crm.fill(9)
    crm.system.instead[3] = Answer(b"{}", 429, {"retry-after": "3600"})
    stopped = crm.load()
    assert stopped.status == "unreadable"
    assert "allows no more requests until" in stopped.message
    assert crm.raw() == {}
    crm.system.forget_requests()
    assert crm.load().rows_sent == 9
    assert [request.params.get("after") for request in crm.system.requests] == ["6"]
    is_complete(crm)


def test_a_crash_between_pages_costs_the_running_page_alone(crm):
    crm.system.paging = "link_header"
    crm.configure("paging: {style: page}", "paging: {style: link_header}")
    crm.fill(9)
    crm.system.always = lambda request: KILLED if request.params.get("page") == "3" else None
    failed = crm.load()
    assert failed.status == "unreadable"
    assert "What came so far is kept" in failed.message
    assert crm.ask("select status, rows_sent from ops.loads") == [("failed", 6)]
    crm.system.always = None
    crm.put(1, datetime.now(UTC) - timedelta(minutes=2), total="77.00")
    crm.system.forget_requests()
    assert crm.load().status == "published"
    assert [request.params.get("page") for request in crm.system.requests] == ["3"]
    assert crm.ask("select count(*) from ops.loads where kind = 'incremental'") == [(1,)]
    crm.load()
    is_complete(crm)
    assert crm.raw()["1"] == "77.0000"


def test_what_a_load_kept_is_dropped_when_everything_is_asked_for_anew(crm):
    crm.fill(9)
    crm.configure("paging: {style: page}", "paging: {style: page, more: more}")
    crm.system.always = lambda request: KILLED if request.params.get("page") == "3" else None
    crm.load()
    crm.system.always = None
    assert crm.load(full=True).rows_sent == 9
    assert crm.ask("select count(*) from landing.crm__orders") == [(9,)]
    is_complete(crm)


def test_a_failure_that_comes_as_a_success_is_none(crm):
    crm.fill(2)
    for answer, words in (
        (ERRORS, "answered with an error: Throttled, try later"),
        (HTML, "a web page or XML where JSON was due"),
        (Answer(b'{"data": {"orders": []}}'), "an answer without data.items; it has orders"),
        (Answer(b'{"data": {"items": {"id": 1}}}'), "an object with id where the list of records was due"),
        (Answer(b'{"data": {"items": [{"id": 1}, {"id"'), "something that is no JSON, or not all of it"),
        (Answer(b'{"data": {"items": [{"id": 1}]}'), "something that is no JSON, or not all of it"),
        (Answer(b""), "answered with nothing"),
    ):
        crm.system.always = lambda request, answer=answer: answer
        outcome = crm.load()
        assert outcome.status == "unreadable", words
        assert words in outcome.message
    assert crm.raw() == {}
    crm.system.always = None
    crm.load()
    is_complete(crm)


def test_an_answer_that_is_cut_off_is_asked_for_again(crm):
    crm.fill(4)
    crm.system.instead[1] = Answer(b'{"data": {"items": []}, "next": null}' * 3, cut_after=20)
    assert crm.load().status == "published"
    is_complete(crm)


def test_a_page_that_repeats_for_ever_is_told_and_not_read_for_ever(crm):
    crm.fill(2)
    items = ", ".join(text for _, text in crm.system.records["orders"].values())
    body = f'{{"data": {{"items": [{items}]}}, "more": true, "next": "x"}}'.encode()
    crm.system.always = lambda request: Answer(body)
    for paging in ("{style: page}", "{style: page, more: more}", "{style: cursor, next: next}"):
        crm.configure("paging: {style: page}", f"paging: {paging}")
        outcome = crm.load()
        assert outcome.status == "unreadable"
        assert "so the pages never end" in outcome.message
        crm.configure(f"paging: {paging}", "paging: {style: page}")


def test_an_empty_account_is_a_load_without_rows(crm):
    outcome = crm.load()
    assert (outcome.status, outcome.rows_sent) == ("published", 0)
    crm.put(1, datetime.now(UTC) - timedelta(minutes=2))
    crm.load()
    is_complete(crm)


def test_what_was_deleted_at_the_system_is_marked_where_its_list_holds_everything(crm):
    from retain.deletions import mark_deleted

    crm.fill(6)
    crm.load()
    crm.system.delete("orders", "2")
    assert mark_deleted(crm.settings, "crm", "orders") is None
    crm.configure("paging: {style: page}", "paging: {style: page}\n        find_deleted: true")
    assert mark_deleted(crm.settings, "crm", "orders").missing == 1
    is_complete(crm)


def test_a_record_with_what_cannot_be_stored_is_kept_and_told(crm):
    crm.put(1, note='"a\\u0000b \\ud83d\\ude00 \\ud83d \\\\u0000"')
    crm.fill(0)
    crm.load()
    assert crm.ask("select _record::json ->> 'note' from landing.crm__orders") == [("a\ufffdb 😀 \ufffd \\u0000",)]
    (reasons,) = crm.ask("select reasons from ops.quarantine")[0]
    assert any("a character that cannot be stored" in reason for reason in reasons)


def test_a_filter_that_the_system_does_not_know_is_told(crm):
    crm.fill(3)
    crm.load()
    crm.configure("since: since", "since: updated_after")
    crm.load()
    assert any("does not know `updated_after`" in warning for warning in crm.load().warnings)


def test_a_field_that_no_record_has_is_told_and_refused_where_it_is_needed(crm):
    crm.fill(3)
    crm.configure("order_id: id", "order_id: number")
    outcome = crm.load()
    assert "none has a value at number (orders.fields.order_id)" in outcome.message
    assert "They have: id, buyer, placed, total" in outcome.message
    crm.configure("order_id: number", "order_id: id, phone: buyer.phone")
    assert crm.load().warnings == ("no record has a value at buyer.phone (orders.fields.phone)",)


def test_raw_is_rebuilt_from_landing_alone_and_the_system_is_not_asked(crm):
    crm.fill(5)
    crm.load()
    crm.put(2, datetime.now(UTC) - timedelta(minutes=2), total="55.50")
    crm.load()
    before = crm.ask("select * from raw.orders order by order_id")
    crm.system.forget_requests()
    replay(crm.settings, source="crm")
    assert crm.ask("select * from raw.orders order by order_id") == before
    assert crm.system.requests == []


def test_a_path_that_is_mapped_later_is_read_from_what_was_landed(crm):
    """The record landed whole: no system has to be asked for what it has sent already."""
    crm.put(1, phone='"+37491000001"')
    crm.load()
    crm.configure("order_id: id", "order_id: id, phone: phone")
    assert "`retain replay` does it to what was landed already" in crm.load().warnings[0]
    replay(crm.settings, source="crm")
    assert crm.ask("select phone from raw.orders") == [("+37491000001",)]


@pytest.mark.parametrize("is_large", [False, True])
def test_a_record_that_says_it_was_deleted_is_marked_and_one_that_is_restored_is_there_again(
    crm, monkeypatch, is_large
):
    if is_large:  # counted anew, by a session beside this one
        monkeypatch.setattr("retain.reconciliation.MANY_ROWS", 1)
        monkeypatch.setattr("retain.beside.MANY_ROWS", 1)
    crm.configure("        fields:", "        deleted: gone = 'true'\n        fields:")
    minutes = iter(range(9, 0, -1))

    def put(key, **more):
        crm.put(key, datetime.now(UTC) - timedelta(minutes=next(minutes)), **more)

    def marked():
        return [row[0] for row in crm.ask("select order_id from raw.orders where is_deleted order by 1")]

    for key in (1, 2):
        put(key)
    put(3, gone="true")
    assert crm.load().status == "published"
    assert (marked(), set(crm.raw())) == (["3"], {"1", "2"})
    assert crm.ask("select sum(raw_records)::int from ops.reconciliation") == [(2,)]
    put(2, gone="true")
    put(3, gone="false")
    assert crm.load().rows_changed == 2
    assert (marked(), set(crm.raw())) == (["2"], {"1", "3"})
    assert crm.ask("select deleted_at = changed_at from raw.orders where is_deleted") == [(True,)]
    assert crm.load().rows_changed == 0
    assert crm.ask("select count(*) from ops.reconciliation where difference <> 0") == [(0,)]
    assert [one.rows_restored for one in replay(crm.settings)] == [0]
    assert marked() == ["2"]


def test_a_condition_for_what_was_deleted_that_cannot_be_read_is_told_by_its_name(crm):
    crm.configure("        fields:", "        deleted: gone =\n        fields:")
    crm.fill(1)
    outcome = crm.load()
    assert outcome.status == "unreadable"
    assert "orders.deleted: the expression 'gone =' cannot be evaluated" in outcome.message
