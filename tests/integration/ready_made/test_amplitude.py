"""Events of an Amplitude project: archives of whole hours of upload, each of them asked for once, when it is complete."""

import io
import time
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from vendors.amplitude import KEY, SECRET, Amplitude
from vendors.server import HTML, Answer

from retain.config import load_settings
from retain.loads import window_of_days
from retain.source_checks import check_source
from retain.sources import http_lines

HOUR = timedelta(hours=1)
SECONDS_OF_A_TEST = 60


def moments():
    """Now; the last hour that has been over for three, where it begins; the first day, and its midnight."""
    now = datetime.now(UTC).replace(microsecond=0)
    first = (now - timedelta(days=3)).date()
    last = (now - 3 * HOUR).replace(minute=0, second=0) - HOUR
    return now, last, first, datetime(first.year, first.month, first.day, tzinfo=UTC)


NOW, LAST, FIRST, MIDNIGHT = moments()


@pytest.fixture(autouse=True)
def clock():
    """The hours as they are when a test begins; where another one is about to, it is waited for."""
    global NOW, LAST, FIRST, MIDNIGHT
    left = 3600 - time.time() % 3600
    time.sleep(left if left < SECONDS_OF_A_TEST else 0)
    NOW, LAST, FIRST, MIDNIGHT = moments()


@pytest.fixture
def project(described):
    def made(first_day=None, more=""):
        day = first_day or FIRST
        return described(Amplitude(), "amplitude", "/api/2", more, key=KEY, secret=SECRET, first_day=f"{day}")

    return made


def events(one) -> set[str]:
    return {row[0] for row in one.ask("select view_id from raw.visits")}


def hours_asked(one) -> list[tuple[datetime, datetime]]:
    return [
        tuple(datetime.strptime(request.params[name], "%Y%m%dT%H").replace(tzinfo=UTC) for name in ("start", "end"))
        for request in one.vendor.requests
    ]


def hours_covered(one) -> list[datetime]:
    return sorted(low + HOUR * n for low, high in hours_asked(one) for n in range((high - low) // HOUR + 1))


def test_events_are_in_raw_with_who_and_from_where(project):
    one = project()
    at = MIDNIGHT + timedelta(hours=9, minutes=15, microseconds=120_000)
    web = {"user_properties": {"utm_source": "letter", "utm_campaign": "May"}, "platform": "Web", "country": "Armenia"}
    one.vendor.put("u1", "Page View", at, session_id=1700000000000, **web)
    one.vendor.put(
        "u2", "Buy", at + HOUR, session_id=1700000000000, user_id="4711", device_type="iPhone", region="Lori", **web
    )
    one.vendor.put("u3", "$identify", at)
    one.vendor.put("u4", "Job", at + 2 * HOUR, user_properties={})
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent, outcome.rows_quarantined) == ("published", 4, 0), outcome.message
    assert one.ask(
        "select view_id, visit_id, customer_id, happened_at, channel, campaign, device, region from raw.visits order by 1"
    ) == [
        ("u1", "d-1:1700000000000", None, at, "letter", "May", "Web", "Armenia"),
        ("u2", "d-1:1700000000000", "4711", at + HOUR, "letter", "May", "iPhone", "Lori"),
        ("u4", None, None, at + 2 * HOUR, None, None, None, None),
    ]
    assert one.does_not_add_up() == []


def test_every_hour_that_is_complete_is_asked_for_once_and_no_other(project):
    one = project()
    for number, hour in enumerate((MIDNIGHT, MIDNIGHT + 23 * HOUR, LAST, LAST + HOUR)):
        one.vendor.put(f"u{number}", "Page View", hour, hour)
        one.vendor.put(f"v{number}", "Page View", hour, hour + timedelta(minutes=59, seconds=59))
    one.vendor.put("of before the first day", "Page View", MIDNIGHT - HOUR)
    outcome = one.load("visits")
    assert outcome.status == "published", outcome.message
    assert events(one) == {"u0", "v0", "u1", "v1", "u2", "v2"}
    assert hours_covered(one) == [MIDNIGHT + HOUR * n for n in range((LAST - MIDNIGHT) // HOUR + 1)]
    assert hours_asked(one)[0] == (MIDNIGHT, MIDNIGHT + 23 * HOUR)


def test_a_second_load_asks_for_the_hours_that_have_become_complete_and_for_nothing_twice(project):
    one = project()
    one.vendor.put("u1", "Page View", LAST)
    one.load("visits")
    one.vendor.forget_requests()
    again = one.load("visits")
    assert (again.status, again.rows_sent, again.rows_changed, one.vendor.requests) == ("published", 0, 0, [])
    one.ask(
        "update ops.cursors set state = jsonb_set(state, '{until}', to_jsonb((state ->> 'until')::timestamptz - interval "
        "'2 hours')) returning 1"
    )
    one.vendor.put("u2", "Page View", MIDNIGHT - timedelta(days=40), LAST)  # of long ago, and uploaded now
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent, outcome.rows_changed) == ("published", 2, 1), outcome.message
    assert hours_asked(one) == [(LAST - HOUR, LAST)]
    assert events(one) == {"u1", "u2"}


def test_hours_without_events_are_no_failure_and_are_not_asked_for_again(project):
    one = project()
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent) == ("published", 0), outcome.message
    assert len(one.vendor.requests) >= 3
    one.vendor.forget_requests()
    assert (one.load("visits").status, one.vendor.requests) == ("published", [])


@pytest.mark.parametrize("status", [400, 504])
def test_a_span_that_is_too_much_for_one_archive_is_asked_for_in_halves(project, status):
    one = project()
    one.vendor.most, one.vendor.too_much = 2, Answer(b"too large", status, content_type="text/plain")
    for number in range(8):
        one.vendor.put(f"u{number}", "Page View", MIDNIGHT + HOUR * number)
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_sent, len(events(one))) == ("published", 8, 8), outcome.message
    answered = [
        pair for pair in hours_asked(one) if sum(pair[0] <= hour <= pair[1] for hour, _ in one.vendor.lines) <= 2
    ]
    covered = sorted(low + HOUR * n for low, high in answered for n in range((high - low) // HOUR + 1))
    assert covered == [MIDNIGHT + HOUR * n for n in range((LAST - MIDNIGHT) // HOUR + 1)]


def test_one_hour_that_is_too_much_by_itself_is_told(project):
    one = project()
    one.vendor.most = 2
    for number in range(3):
        one.vendor.put(f"u{number}", "Page View", MIDNIGHT)
    failed = one.load("visits")
    assert (failed.status, "refused the request (400" in failed.message) == ("unreadable", True), failed.message
    assert "export to a bucket" in failed.message


def test_what_is_sent_twice_is_there_once_and_a_version_that_was_uploaded_later_wins(project):
    one = project()
    one.vendor.put("u1", "Buy", MIDNIGHT, MIDNIGHT + HOUR, region="later")
    one.vendor.put("u1", "Buy", MIDNIGHT, MIDNIGHT, region="before")
    for _ in range(2):
        one.vendor.put("u2", "Buy", MIDNIGHT, region="the same")
    one.load("visits")
    assert one.ask("select view_id, region from raw.visits order by 1") == [("u1", "later"), ("u2", "the same")]


def test_times_without_a_zone_are_utc_whatever_the_shops_own_zone_is(project):
    """In Berlin the clock goes back on 26 October 2025 at 01:00 UTC: nothing of that is to be seen here."""
    one = project("2025-10-26")
    one.settings.path.write_text(one.settings.path.read_text().replace("timezone: UTC", "timezone: Europe/Berlin", 1))
    one.settings = load_settings(one.settings.path)
    moments = [datetime(2025, 10, 26, hour, 30, tzinfo=UTC) for hour in range(4)]
    for number, moment in enumerate(moments):
        one.vendor.put(f"u{number}", "Page View", moment)
    window = window_of_days(one.settings, MIDNIGHT.replace(2025, 10, 26).date(), MIDNIGHT.replace(2025, 10, 27).date())
    outcome = one.load("visits", window=window)
    assert outcome.status == "published", outcome.message
    assert [row[0] for row in one.ask("select happened_at from raw.visits order by 1")] == moments


def test_an_id_of_twenty_digits_and_a_decimal_with_a_trailing_zero_land_as_they_were_sent(project):
    one = project()
    one.vendor.put("u1", "Buy", MIDNIGHT, user_id=12345678901234567890)
    hour, line = one.vendor.lines[0]
    one.vendor.lines[0] = (hour, f'{line[:-1]}, "amount": 95.10}}')
    assert one.load("visits").status == "published"
    assert one.ask("select customer_id from raw.visits") == [("12345678901234567890",)]
    assert one.ask("select _record from landing.one__visits") == [(one.vendor.lines[0][1],)]


def test_an_event_with_a_time_in_the_future_holds_up_nothing(project):
    one = project()
    one.vendor.put("u1", "Page View", NOW + timedelta(days=400), MIDNIGHT)
    one.vendor.put("u2", "Page View", MIDNIGHT)
    outcome = one.load("visits")
    assert (outcome.status, outcome.rows_quarantined, events(one)) == ("published", 1, {"u2"}), outcome.message
    one.vendor.forget_requests()
    assert (one.load("visits").status, one.vendor.requests) == ("published", [])


def _cut_in(body: bytes) -> bytes:
    """An archive that is whole, in which one file is not."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as whole, zipfile.ZipFile(packed, "w") as file:
        for name in whole.namelist():
            file.writestr(name, whole.read(name)[:-12])
    return packed.getvalue()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda body: Answer(body[:-20]), "not the end of the archive"),
        (lambda body: Answer(body, cut_after=len(body) - 20), "bytes came"),
        (lambda body: Answer(_cut_in(body)), "the archive is not whole"),
        (lambda body: HTML, "a web page or XML where JSON was due"),
        (lambda body: Answer(b'{"error": "over capacity"}'), "an error: over capacity"),
        (lambda body: Answer(b""), "something that is no archive"),
    ],
)
def test_an_archive_that_is_not_whole_is_refused_and_the_next_load_has_all_of_it(project, answer, words):
    one = project()
    for number in range(40):
        one.vendor.put(f"u{number}", "Page View", MIDNIGHT + HOUR, event_properties={"page": f"/{number}"})
    ordinary = one.vendor.answer
    one.vendor.always = lambda request: answer(ordinary(request).body)
    failed = one.load("visits")
    assert (failed.status, words in failed.message) == ("unreadable", True), failed.message
    assert SECRET not in failed.message
    assert one.ask("select count(*) from ops.cursors") == [(0,)]
    one.vendor.always = None
    assert (one.load("visits").status, len(events(one))) == ("published", 40)


def test_a_crash_between_spans_costs_the_running_one_alone(project):
    one = project()
    for number in range(60):
        one.vendor.put(f"u{number}", "Page View", MIDNIGHT + HOUR * number)
    one.vendor.always = lambda request: Answer(b"", 500) if len(one.vendor.requests) > 1 else None
    assert one.load("visits").status == "unreadable"
    assert one.ask("select rows_sent from ops.loads") == [(24,)]
    one.vendor.always = None
    one.vendor.forget_requests()
    outcome = one.load("visits")
    assert (outcome.status, len(events(one))) == ("published", 60), outcome.message
    assert hours_asked(one)[0][0] == MIDNIGHT + 24 * HOUR
    assert one.ask("select count(*) from landing.one__visits") == [(60,)]


def test_a_crash_inside_an_archive_lands_it_again_and_ends_with_every_event_once(project, monkeypatch):
    monkeypatch.setattr(http_lines, "BLOCK_BYTES", 500)
    one = project()
    for number in range(30):
        one.vendor.put(f"u{number}", "Page View", MIDNIGHT + HOUR * (number // 10))
    hour, line = one.vendor.lines[25]
    one.vendor.lines[25] = (hour, "no JSON")
    failed = one.load("visits")
    assert (failed.status, "in line 26" in failed.message) == ("unreadable", True), failed.message
    one.vendor.lines[25] = (hour, line)
    outcome = one.load("visits")
    assert (outcome.status, len(events(one))) == ("published", 30), outcome.message
    assert one.does_not_add_up() == []


def test_being_asked_too_often_is_waited_for_or_said(project):
    one = project()
    one.vendor.put("u1", "Page View", MIDNIGHT)
    one.vendor.instead[1] = Answer(b"", 429, {"retry-after": "1"})
    one.vendor.instead[2] = Answer(b"", 429)
    assert one.load("visits").status == "published"
    for headers, words in (
        ({"retry-after": "3000"}, "allows no more requests until"),
        ({}, "is asked too often (429)"),
    ):
        one.vendor.always = lambda request, headers=headers: Answer(b"", 429, headers)
        failed = one.load("visits", full=True)
        assert (failed.status, words in failed.message) == ("unreadable", True), failed.message


def test_check_says_what_is_wrong(project, monkeypatch):
    one = project()
    one.vendor.put("u1", "Page View", LAST)
    assert [finding.state for finding in check_source(one.settings, "one")] == ["good"]
    one.vendor.lines[0] = (LAST - 5 * HOUR, one.vendor.lines[0][1])
    assert [finding.state for finding in check_source(one.settings, "one")] == ["good"]
    one.vendor.lines.clear()
    (finding,) = check_source(one.settings, "one")
    assert (finding.state, "it has no record of the last day" in finding.sentence) == ("warning", True)
    monkeypatch.setattr("vendors.amplitude.SECRET", "another")
    (finding,) = check_source(one.settings, "one")
    assert "does not accept the credentials (401)" in finding.sentence
    assert "Secret Key" in finding.to_do
