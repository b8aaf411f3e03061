"""examples/zendesk/retain.yml as it stands, over a fake Zendesk with every way of misbehaving that a real one is known for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from described import Described
from vendors.server import HTML, Answer
from vendors.zendesk import TOKEN, USER, Zendesk, response, ticket, user

from retain.config import load_settings
from retain.replay import replay
from retain.source_checks import check_source

EXAMPLE = Path(__file__).parents[3] / "examples" / "zendesk" / "retain.yml"
DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)
KILLED = Answer(b"{}", cut_after=0)


class Shop(Described):
    def load(self, entity="tickets", **options):
        return super().load(entity, **options)

    def tickets(self):
        """Status by ticket, of those that were not deleted."""
        return dict(self.ask("select ticket_id, status from raw.tickets where not is_deleted"))

    def is_complete(self):
        there = {str(key) for key, (_, one) in self.vendor.things["tickets"].items() if one["status"] != "deleted"}
        assert set(self.tickets()) == there
        assert self.does_not_add_up() == []


@pytest.fixture
def shop(from_example):
    vendor = Zendesk()
    own = """    url: {url}/api/v2
    entities:
      tickets: {params: {per_page: 3}}
      customers:
      feedback: {params: {"page[size]": 2}}
"""
    known = {"ZENDESK_SUBDOMAIN": "shop", "ZENDESK_USER": USER, "ZENDESK_TOKEN": TOKEN}
    return Shop(from_example(vendor, "zendesk", own, **known), vendor, "zendesk")


def fill(vendor, count):
    for number in range(1, count + 1):  # three of each second: ties across pages
        vendor.put("tickets", ticket(number, 100 + number % 4), DAY + timedelta(seconds=number // 3))


def now(minutes=2):
    return datetime.now(UTC) - timedelta(minutes=minutes)


def test_the_example_needs_no_more_than_where_who_and_a_token(monkeypatch):
    for name in ("SUBDOMAIN", "USER", "TOKEN"):
        monkeypatch.setenv(f"ZENDESK_{name}", "open-sesame")
    source = load_settings(EXAMPLE).source("zendesk")
    assert source.url == "https://open-sesame.zendesk.com/api/v2"
    assert source.auth.user.get_secret_value() == "open-sesame/token"
    assert list(source.entities) == ["customers", "tickets", "feedback"]
    assert "open-sesame" not in repr(source.auth)


def test_tickets_are_in_raw_with_their_times_and_who_asked(shop):
    shop.vendor.put("tickets", ticket(1, 101, "solved", minutes=90), DAY)
    shop.vendor.put("tickets", ticket(2, 102, "open"), DAY)
    shop.vendor.put("tickets", ticket("12345678901234567890", 103, "closed", tags=["vip", "closed_by_merge"]), DAY)
    outcome = shop.load()
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    assert shop.ask(
        "select ticket_id, customer_id, status, opened_at, first_replied_at, solved_at, channel, topic from raw.tickets order by 1"
    ) == [
        ("1", "101", "solved", DAY, DAY + timedelta(minutes=90), DAY + timedelta(days=1), "web", "question"),
        ("12345678901234567890", "103", "merged", DAY, None, DAY + timedelta(days=1), "web", "question"),
        ("2", "102", "open", DAY, None, None, "web", "question"),
    ]


def test_an_export_ends_where_the_system_says_so_and_goes_on_from_its_cursor(shop):
    fill(shop.vendor, 8)
    assert shop.load().rows_sent == 8
    assert [sorted(request.params) for request in shop.vendor.requests] == [
        ["include", "per_page", "start_time"],
        *[["cursor", "include", "per_page"]] * 2,
    ]
    shop.is_complete()
    shop.vendor.forget_requests()
    again = shop.load()
    assert (again.status, again.rows_sent, len(shop.vendor.requests)) == ("published", 0, 1)
    shop.vendor.put("tickets", ticket(2, 102, "solved"), DAY, generated=now())  # its own time of change is old
    shop.vendor.put("tickets", ticket(9, 102), datetime.now(UTC))  # of the last minute: not told of yet
    assert shop.load().rows_sent == 1
    assert shop.tickets()["2"] == "solved"
    assert "9" not in shop.tickets()
    shop.vendor.put("tickets", ticket(9, 102), now(1.1))
    shop.load()
    shop.is_complete()
    assert "start_time" not in {name for request in shop.vendor.requests for name in request.params}


def test_a_ticket_that_changes_while_pages_are_read_comes_again_and_none_is_lost(shop):
    fill(shop.vendor, 12)

    def change(request):
        number = len(shop.vendor.requests)
        shop.vendor.put("tickets", ticket(number, 101, "pending"), DAY, generated=now())

    shop.vendor.always = change
    shop.load()
    shop.vendor.always = None
    changed = len(shop.vendor.requests)
    shop.load()
    shop.is_complete()
    assert {shop.tickets()[str(number)] for number in range(1, changed + 1)} == {"pending"}


def test_a_deleted_ticket_is_marked_and_a_merged_user_hands_over_the_tickets(shop):
    fill(shop.vendor, 4)
    for number in (101, 102):
        shop.vendor.put("users", user(number), DAY)
    shop.vendor.put("users", user(7, role="agent"), DAY)
    shop.load()
    shop.load("customers")
    assert shop.ask("select customer_id, email from raw.customers order by 1") == [
        ("101", "c101@x.am"),
        ("102", "c102@x.am"),
    ]
    shop.vendor.delete_ticket(3, now())
    shop.vendor.merge_users(101, 102, now())
    shop.load("customers")
    assert shop.load().rows_quarantined == 0
    assert shop.ask("select ticket_id from raw.tickets where is_deleted") == [("3",)]
    assert shop.ask("select customer_id from raw.customers where is_deleted") == [("101",)]
    assert shop.ask("select distinct customer_id from raw.tickets where ticket_id = '1'") == [("102",)]
    shop.is_complete()
    assert {one.rows_restored for one in replay(shop.settings)} == {0}


def test_answers_to_surveys_are_read_once_each_also_when_they_are_edited(shop):
    for number in range(1, 6):
        at = now(60 * 24 * number)
        given = response(f"r{number}", 101, number, None if number == 5 else number, at)
        shop.vendor.put("survey_responses", {**given, "created_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}, at)
    assert shop.load("feedback").status == "published"
    assert shop.ask(
        "select feedback_id, customer_id, ticket_id, score::int, highest_score::int from raw.feedback order by 1"
    ) == [(f"r{number}", "101", str(number), number, 5) for number in range(1, 5)]
    edited = response("r2", 101, 2, 5, now(1))
    shop.vendor.put(
        "survey_responses",
        {**edited, "created_at": shop.vendor.things["survey_responses"]["r2"][1]["created_at"]},
        now(1),
    )
    outcome = shop.load("feedback")
    assert (outcome.status, outcome.rows_changed) == ("published", 1), outcome.message
    assert shop.ask("select score::int from raw.feedback where feedback_id = 'r2'") == [(5,)]


def test_ratings_of_before_surveys_are_read_where_retain_yml_says_so(shop):
    shop.configure("entities:\n", "satisfaction: ratings\n    entities:\n")
    for number, score in enumerate(["good", "bad", "offered", "good"], 1):
        given = {"id": number, "ticket_id": 7, "requester_id": 101, "score": score, "comment": "thanks"}
        shop.vendor.put("satisfaction_ratings", given, DAY + timedelta(minutes=number))
    assert shop.load("feedback").rows_quarantined == 0
    assert shop.ask("select feedback_id, ticket_id, score::int, highest_score::int from raw.feedback order by 1") == [
        ("1", "7", 1, 1),
        ("2", "7", 0, 1),
        ("4", "7", 1, 1),
    ]
    shop.vendor.put("satisfaction_ratings", {**given, "id": 5, "score": "bad"}, now())  # changed: another one
    assert shop.load("feedback").rows_changed == 1


def test_a_limit_of_requests_is_waited_out(shop):
    fill(shop.vendor, 7)
    shop.vendor.instead[2] = Answer(b'{"error": "TooManyRequests"}', 429, {"retry-after": "1"})
    shop.vendor.instead[3] = Answer(b"oops", 429)
    assert shop.load().status == "published"
    shop.is_complete()


def test_a_long_pause_and_a_crash_keep_what_came_and_the_next_load_goes_on(shop):
    fill(shop.vendor, 9)
    shop.vendor.instead[3] = Answer(b"{}", 429, {"retry-after": "3600"})
    assert "allows no more requests until" in shop.load().message
    shop.vendor.always = lambda request: KILLED
    assert shop.load().status == "unreadable"
    shop.vendor.always = None
    shop.vendor.forget_requests()
    assert shop.load().rows_sent == 9
    assert len(shop.vendor.requests) == 1
    shop.vendor.forget_requests()
    assert shop.load().rows_sent == 0
    assert "cursor" in shop.vendor.requests[0].params
    shop.is_complete()


def test_half_an_answer_a_web_page_and_an_empty_page_lose_nothing(shop):
    fill(shop.vendor, 5)
    for answer in (HTML, Answer(b'{"tickets": [{"id": 1}, {"id"'), Answer(b'{"error": "InternalError"}')):
        shop.vendor.always = lambda request, answer=answer: answer
        assert shop.load().status == "unreadable"
        shop.vendor.always = None
    cursor = shop.vendor.answer(shop.vendor.requests[0]).body.decode().split('"after_cursor": "')[1].split('"')[0]
    shop.vendor.forget_requests()
    shop.vendor.instead[2] = Answer(f'{{"tickets": [], "after_cursor": "{cursor}", "end_of_stream": false}}'.encode())
    assert shop.load().status == "published"
    shop.is_complete()


def test_everything_is_read_anew_when_asked_for(shop):
    fill(shop.vendor, 4)
    shop.load()
    shop.vendor.forget_requests()
    again = shop.load(full=True)
    assert (again.rows_sent, again.rows_changed) == (4, 0)
    assert "start_time" in shop.vendor.requests[0].params


def test_an_empty_account_is_a_load_without_rows(shop):
    assert {shop.load(entity).status for entity in ("customers", "tickets", "feedback")} == {"published"}
    fill(shop.vendor, 2)
    shop.load()
    shop.is_complete()


def test_check_says_what_is_wrong_and_whom_to_ask(shop):
    fill(shop.vendor, 1)
    assert [one for one in check_source(shop.settings, "zendesk") if one.state == "wrong"] == []
    shop.vendor.has_surveys = False
    (finding,) = (one for one in check_source(shop.settings, "zendesk") if one.state == "wrong")
    assert "guide/survey_responses is not there (404" in finding.sentence
    assert "`satisfaction: ratings`" in finding.to_do
    shop.vendor.always = lambda request: Answer(b'{"error": {"title": "Forbidden"}}', 403)
    (finding,) = check_source(shop.settings, "zendesk")
    assert "Exports are for administrators" in finding.to_do
    shop.vendor.always = None
    shop.vendor.token = "another"
    (finding,) = check_source(shop.settings, "zendesk")
    assert "does not accept the credentials (401: Couldn't authenticate you)" in finding.sentence
    assert "make a token" in finding.to_do
    assert TOKEN not in finding.sentence + finding.to_do
    shop.vendor.is_there = False
    findings = list(check_source(shop.settings, "zendesk"))
    assert all("is not there (404" in one.sentence and "Check `subdomain`" in one.to_do for one in findings)
