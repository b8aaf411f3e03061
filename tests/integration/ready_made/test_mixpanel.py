"""Events of a Mixpanel project: whole days, asked for again for a week, never thinned out by the system itself."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest
from vendors.mixpanel import PROJECT, SECRET, USER, Mixpanel
from vendors.server import HTML, Answer

from retain.config import load_settings
from retain.loads import window_of_days
from retain.source_checks import check_source
from retain.sources import http_lines, open_source

GZIPPED = {"content-encoding": "gzip"}


def now() -> datetime:
    """Asked for in each test: a day may begin between two of them."""
    return datetime.now(UTC).replace(microsecond=0)


def first() -> date:
    return now().date() - timedelta(days=25)


def noon(days_ago: int, minute: int = 0) -> datetime:
    return datetime.combine(now().date() - timedelta(days=days_ago), datetime.min.time(), UTC) + timedelta(
        hours=12, minutes=minute
    )


@pytest.fixture
def project(described):
    def made(zone="UTC", first_day=None, more=""):
        needs = {
            "project": f"'{PROJECT}'",
            "user": USER,
            "secret": SECRET,
            "timezone": zone,
            "first_day": f"{first_day or first()}",
        }
        return described(Mixpanel(zone), "mixpanel", "/api/2.0", more, **needs)

    return made


def events(one) -> int:
    return one.ask("select count(*) from raw.visits")[0][0]


def days_asked(one) -> list[tuple[str, str]]:
    return [(request.params["from_date"], request.params["to_date"]) for request in one.vendor.requests]


def test_events_are_in_raw_with_who_and_from_where(project):
    one = project()
    web = {"$device_id": "dev-1", "utm_source": "letter", "utm_campaign": "May", "$os": "Windows", "$region": "Yerevan"}
    one.vendor.put("Page View", "$device:dev-1", noon(3), "i1", **web)
    one.vendor.put("Sign In", "4711", noon(3, 5), "i2", **web, **{"$user_id": "4711"})
    one.vendor.put("$identify", "4711", noon(3, 5), "i3")
    one.vendor.put("Page View", "solo", noon(2), "i4", **{"mp_country_code": "AM", "$device": "iPhone"})
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent, outcome.rows_quarantined) == ("published", 4, 0), outcome.message
    assert one.ask(
        "select visit_id, customer_id, happened_at, channel, campaign, device, region, changed_at from raw.visits order by 3"
    ) == [
        (f"dev-1:{noon(3):%Y-%m-%d}", None, noon(3), "letter", "May", "Windows", "Yerevan", noon(3)),
        (f"dev-1:{noon(3):%Y-%m-%d}", "4711", noon(3, 5), "letter", "May", "Windows", "Yerevan", noon(3, 5)),
        (f"solo:{noon(2):%Y-%m-%d}", None, noon(2), None, None, "iPhone", "AM", noon(2)),
    ]
    assert one.does_not_add_up() == []


def test_every_day_is_asked_for_once_with_several_in_a_request(project):
    one = project()
    for day in range(26):
        one.vendor.put("Page View", "a", noon(day) if day else now() - timedelta(minutes=5), f"i{day}")
    one.vendor.put("Page View", "a", noon(26), "of before the first day")
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent) == ("published", 26), outcome.message
    day = [f"{first() + timedelta(days=n)}" for n in range(26)]
    until = f"{(now() - timedelta(minutes=1)).date()}"
    assert days_asked(one) == [(day[0], day[9]), (day[10], day[19]), (day[20], until)]


def test_a_second_load_asks_for_a_week_again_takes_what_came_late_and_changes_nothing_else(project):
    one = project()
    for number in range(5):
        one.vendor.put("Page View", "a", noon(3, number), f"i{number}")
    one.load("visits")
    one.vendor.forget_requests()
    again = one.load("visits")
    assert (again.status, again.rows_sent, again.rows_changed) == ("published", 5, 0), again.message
    ((low, high),) = days_asked(one)
    assert low == f"{(now() - timedelta(days=7, minutes=1)).date()}"
    assert high >= f"{(now() - timedelta(minutes=1)).date()}"
    one.vendor.put("Page View", "a", noon(4), "late", processed=now())
    assert one.load("visits").rows_changed == 1
    assert events(one) == 6


def test_what_was_received_twice_is_there_once_and_the_newest_version_wins(project):
    """The export is never thinned out, and is in no order."""
    one = project()
    one.vendor.put("Buy", "a", noon(3), "i1", processed=noon(2), utm_campaign="newest")
    one.vendor.put("Buy", "a", noon(3), "i1", processed=noon(3), utm_campaign="old")
    one.vendor.put("Buy", "b", noon(3), "i1", utm_campaign="of another one")
    for _ in range(3):
        one.vendor.put("Buy", "a", noon(3), "i2", utm_campaign="three times")
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent, outcome.rows_quarantined) == ("published", 6, 0), outcome.message
    campaigns = sorted(row[0] for row in one.ask("select campaign from raw.visits"))
    assert campaigns == ["newest", "of another one", "three times"]
    assert one.load("visits").rows_changed == 0


def test_two_that_were_received_in_the_same_millisecond_and_differ_wait_for_a_person(project):
    one = project()
    one.vendor.put("Buy", "a", noon(3), "i1", utm_campaign="first")
    one.vendor.put("Buy", "a", noon(3), "i1", utm_campaign="last")
    one.vendor.put("Buy", "a", noon(3), "i2")
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_quarantined, events(one)) == ("published", 2, 1), outcome.message
    assert one.ask("select distinct rules from ops.quarantine") == [(["key_unique"],)]
    assert one.does_not_add_up() == []


def test_events_without_a_usable_insert_id_are_told_apart_by_all_they_hold(project):
    one = project()
    for who, page in (("a", "/1"), ("a", "/2"), ("b", "/2"), ("b", "/2")):
        one.vendor.put("Page View", who, noon(3), None, page=page)
    one.vendor.put("Page View", "a", noon(3), "", page="/1", processed=noon(2))
    one.load("visits")
    assert events(one) == 4
    assert one.load("visits").rows_changed == 0


def test_a_visitor_who_turns_out_to_be_another_one_doubles_no_event(project):
    one = project()
    one.vendor.put("Page View", "anonymous", noon(3), "i1")
    one.vendor.put("Page View", "anonymous", noon(3), None)
    one.load("visits")
    one.vendor.merge("anonymous", "4711")
    again = one.load("visits")
    assert (again.status, events(one)) == ("published", 2), again.message
    assert {row[0].partition(":")[0] for row in one.ask("select visit_id from raw.visits")} == {"4711"}


def test_the_days_and_times_of_an_older_project_are_those_of_its_own_clock(project):
    """In Berlin 30 March 2025 has 23 hours and 26 October 25; Mixpanel writes wall clock times as if they were UTC."""
    one = project("Europe/Berlin", "2025-03-29", "    entities: {visits: {export: {at_once: 1}}}\n")
    moments = [
        datetime(2025, 3, 29, 23, 30, tzinfo=UTC),  # 00:30 of the 30th there
        datetime(2025, 3, 30, 0, 59, tzinfo=UTC),
        datetime(2025, 3, 30, 1, 0, tzinfo=UTC),  # 03:00, after 01:59
        datetime(2025, 3, 30, 21, 59, tzinfo=UTC),
        datetime(2025, 3, 30, 22, 0, tzinfo=UTC),
        datetime(2025, 10, 25, 22, 0, tzinfo=UTC),
        datetime(2025, 10, 26, 1, 30, tzinfo=UTC),  # the second 02:30: of two that are called so, it is what is meant
        datetime(2025, 10, 26, 22, 59, tzinfo=UTC),
        datetime(2025, 10, 26, 23, 0, tzinfo=UTC),
    ]
    for number, moment in enumerate(moments):
        one.vendor.put("Page View", "a", moment, f"i{number}")
    for start, end in ((datetime(2025, 3, 29), datetime(2025, 4, 1)), (datetime(2025, 10, 25), datetime(2025, 10, 28))):
        outcome = one.load("visits", window=window_of_days(one.settings, start.date(), end.date()))
        assert outcome.status == "published", outcome.message
    assert [row[0] for row in one.ask("select happened_at from raw.visits order by 1")] == moments
    asked = days_asked(one)
    assert all(low == high for low, high in asked)
    assert len(asked) == len(set(asked))
    assert [low for low, _ in asked if low.startswith("2025-03")] == ["2025-03-29", "2025-03-30", "2025-03-31"]


def test_an_id_of_twenty_digits_and_a_decimal_with_a_trailing_zero_land_as_they_were_sent(project):
    one = project()
    text = '{"event": "Buy", "properties": {"time": %d, "distinct_id": "a", "$insert_id": "i", "mp_processing_time_ms": 1, %s}}'
    sent = text % (noon(3).timestamp(), '"$user_id": 12345678901234567890, "amount": 95.10')
    one.vendor.lines.append((noon(3).date(), sent))
    outcome = one.load("visits")
    assert outcome.status == "published", outcome.message
    assert one.ask("select customer_id from raw.visits") == [("12345678901234567890",)]
    assert one.ask("select _record from landing.one__visits") == [(sent,)]


def test_an_event_of_the_future_holds_up_nothing(project):
    one = project()
    tomorrow = now() + timedelta(hours=26)
    one.vendor.put("Page View", "a", tomorrow, "i1")
    one.vendor.put("Page View", "a", noon(1), "i2")
    assert one.load("visits").status == "published"
    one.vendor.put("Page View", "a", noon(1, 5), "i3")
    one.load("visits")
    assert events(one) == 2


def test_an_empty_project_has_no_visits_and_is_no_failure(project):
    one = project()
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent) == ("published", 0), outcome.message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda body: Answer(body + b"export terminated early"), "ends with a line that is no record"),
        (lambda body: Answer(b"export terminated early"), "ends with a line that is no record"),
        (lambda body: Answer(body[:-30]), "ends in the middle of a record"),
        (lambda body: Answer(body, cut_after=len(body) // 2), "bytes came"),
        (lambda body: Answer(gzip.compress(body)[:-60], headers=GZIPPED), "ends in the middle of a record"),
        (lambda body: Answer(gzip.compress(body)[:60] + b"damaged", headers=GZIPPED), "bytes came"),
        (lambda body: HTML, "a web page or XML where JSON was due"),
        (lambda body: Answer(b'{"error": "Query timed out"}'), "an error: Query timed out"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_whole_is_refused_and_nothing_of_it_is_kept(project, answer, words):
    one = project()
    for number in range(5):
        one.vendor.put("Page View", "a", noon(20, number), f"i{number}")
    body = one.vendor.answer
    one.vendor.always = lambda request: answer(body(request).body)
    failed = one.load("visits")
    assert (failed.status, words in failed.message) == ("unreadable", True), failed.message
    assert SECRET not in failed.message
    assert one.ask("select to_regclass('landing.one__visits')") == [(None,)]
    one.vendor.always = None
    assert (one.load("visits").status, events(one)) == ("published", 5)


def test_a_file_that_was_packed_for_the_way_is_unpacked(project):
    one = project()
    one.vendor.put("Page View", "a", noon(20), "i1")
    ordinary = one.vendor.answer
    one.vendor.always = lambda request: Answer(gzip.compress(ordinary(request).body), headers=GZIPPED)
    assert (one.load("visits").status, events(one)) == ("published", 1)


def test_a_file_that_breaks_off_once_is_asked_for_again(project):
    one = project()
    for number in range(5):
        one.vendor.put("Page View", "a", noon(20, number), f"i{number}")
    one.vendor.instead[1] = lambda request: Answer(one.vendor.answer(request).body, cut_after=200)
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent) == ("published", 5), outcome.message
    assert one.ask("select count(*) from landing.one__visits") == [(5,)]


def test_a_crash_between_spans_costs_the_running_one_alone(project):
    one = project()
    for day in range(1, 26):
        one.vendor.put("Page View", "a", noon(day), f"i{day}")
    one.vendor.always = lambda request: Answer(b"", cut_after=0, status=500) if len(one.vendor.requests) > 1 else None
    failed = one.load("visits")
    assert failed.status == "unreadable"
    assert one.ask("select rows_sent from ops.loads") == [(10,)]
    assert one.ask("select count(*) from ops.cursors") == [(0,)]
    one.vendor.always = None
    first = days_asked(one)[0]
    one.vendor.forget_requests()
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent, events(one)) == ("published", 25, 25), outcome.message
    assert first not in days_asked(one)
    assert len(days_asked(one)) == 2


def test_a_load_that_stopped_goes_on_with_every_day_also_when_fewer_are_asked_for_at_once_now(project):
    one = project(more="    entities: {visits: {export: {at_once: 10}}}\n")
    for day in range(1, 26):
        one.vendor.put("Page View", "a", noon(day), f"i{day}")
    one.vendor.always = lambda request: Answer(b"", status=500) if len(one.vendor.requests) > 1 else None
    assert one.load("visits").status == "unreadable"
    one.vendor.always = None
    one.settings.path.write_text(one.settings.path.read_text().replace("at_once: 10", "at_once: 7"))
    one.settings = load_settings(one.settings.path)
    outcome = one.load("visits")
    assert (outcome.status, events(one)) == ("published", 25), outcome.message
    assert one.does_not_add_up() == []


def test_a_crash_inside_a_span_lands_it_again_and_ends_with_every_event_once(project, monkeypatch):
    monkeypatch.setattr(http_lines, "BLOCK_BYTES", 500)
    one = project()
    for number in range(30):
        one.vendor.put("Page View", "a", noon(3, number), f"i{number}")
    whole = one.vendor.lines[20]
    one.vendor.lines[20] = (whole[0], "this is no JSON")
    failed = one.load("visits")
    assert (failed.status, "in line 21" in failed.message) == ("unreadable", True), failed.message
    assert 0 < one.ask("select count(*) from landing.one__visits")[0][0] < 30
    one.vendor.lines[20] = whole
    one.vendor.lines.reverse()
    outcome = one.load("visits")
    assert (outcome.status, events(one)) == ("published", 30), outcome.message
    assert one.ask("select count(*) from landing.one__visits") == [(outcome.rows_sent,)]
    assert one.does_not_add_up() == []


def test_being_asked_too_often_is_waited_for_or_said(project):
    one = project()
    one.vendor.put("Page View", "a", noon(3), "i1")
    one.vendor.instead[1] = Answer(b"{}", 429, {"retry-after": "1"})
    one.vendor.instead[2] = Answer(b"{}", 429)
    assert one.load("visits").status == "published"
    one.vendor.always = lambda request: Answer(b"{}", 429, {"retry-after": "3000"})
    failed = one.load("visits")
    assert (failed.status, "allows no more requests until" in failed.message) == ("unreadable", True), failed.message
    one.vendor.always = lambda request: Answer(b"{}", 429)
    failed = one.load("visits")
    assert (failed.status, "is asked too often (429)" in failed.message) == ("unreadable", True), failed.message


def test_check_says_what_is_wrong(project, monkeypatch):
    one = project()
    one.vendor.put("Page View", "a", noon(1), "i1")
    assert [finding.state for finding in check_source(one.settings, "one")] == ["good"]
    monkeypatch.setattr("vendors.mixpanel.SECRET", "another")
    (finding,) = check_source(one.settings, "one")
    assert "(401: Invalid service account credentials)" in finding.sentence
    assert "Service Accounts" in finding.to_do
    monkeypatch.setattr("vendors.mixpanel.SECRET", SECRET)
    monkeypatch.setattr("vendors.mixpanel.PROJECT", "7")
    (finding,) = check_source(one.settings, "one")
    assert "refused the request (400: project_id is a required parameter)" in finding.sentence
    assert "Check `project`" in finding.to_do


def test_check_says_that_a_clock_is_off_and_that_there_is_nothing_of_the_last_day(project):
    one = project()
    there = format_datetime(datetime.now(UTC) + timedelta(minutes=10))
    one.vendor.always = lambda request: replace(one.vendor.answer(request), headers={"date": there})
    told = [finding.sentence for finding in check_source(one.settings, "one")]
    assert any("10 minutes apart" in sentence for sentence in told)
    assert any("it has no record of the last day" in sentence for sentence in told)


def test_a_look_at_some_records_asks_for_one_day_and_takes_no_more_than_it_needs(project, monkeypatch):
    one = project()
    for number in range(40):
        one.vendor.put("Page View", "a", noon(1, number), f"i{number}")
    reader = open_source(one.settings, "one")
    with reader.read(reader.plan("visits", None, datetime.now(UTC), full=True)) as extract:
        shown = next(iter(extract.copy_chunks)).decode()
    assert shown.count('""i') == 10
    assert days_asked(one) == [(f"{noon(1):%Y-%m-%d}",) * 2]


def test_a_character_that_cannot_be_stored_is_replaced_and_said(project):
    one = project()
    one.vendor.put("Page View", "a", noon(3), "i1", utm_campaign="S\0")
    assert "\\u0000" in json.dumps(one.vendor.lines[0][1])
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent) == ("published", 1), outcome.message
    assert one.ask("select _problem from landing.one__visits") == [
        ("a character that cannot be stored was replaced by �",)
    ]
