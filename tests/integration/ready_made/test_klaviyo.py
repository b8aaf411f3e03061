"""Messages of a Klaviyo: put together from events that come late, in any order, and some of them from the future."""

from datetime import UTC, datetime, timedelta

import pytest
from vendors.klaviyo import TOKEN, Klaviyo
from vendors.server import Answer

from retain.replay import replay
from retain.source_checks import check_source

DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)
KILLED = Answer(b"{}", cut_after=0)


@pytest.fixture
def shop(described):
    more = '    entities: {sends: {params: {"page[size]": 2}}}\n'
    return described(Klaviyo(), "klaviyo", "/api", more, token=TOKEN)


def sends(shop):
    return [row[0] for row in shop.ask("select send_id from raw.sends order by 1")]


def test_events_of_messages_are_in_raw_with_whom_they_reached_and_other_events_are_not(shop):
    shop.vendor.put("e1", "Received Email", "P1", DAY)
    shop.vendor.put("e2", "Clicked Email", "P1", DAY + timedelta(hours=1))
    shop.vendor.put("e3", "Opened Email", "P1", DAY + timedelta(hours=1))
    shop.vendor.put("e4", "Received SMS", "P2", DAY, message="S1")
    shop.vendor.put("e5", "Placed Order", "P1", DAY, message=None)
    shop.vendor.put("e6", "Bounced Email", "P2", DAY)
    outcome = shop.load("sends")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    hour = DAY + timedelta(hours=1)
    assert shop.ask(
        "select send_id, email, channel, campaign, delivered_at, opened_at, clicked_at, failed_at from raw.sends order by 1"
    ) == [
        ("e1", "P1@x.am", "email", "May letter", DAY, None, None, None),
        ("e2", "P1@x.am", "email", "May letter", None, None, hour, None),
        ("e3", "P1@x.am", "email", "May letter", None, hour, None, None),
        ("e4", "P2@x.am", "sms", "May letter", DAY, None, None, None),
        ("e6", "P2@x.am", "email", "May letter", None, None, None, DAY),
    ]
    assert shop.ask("select count(distinct message_id) from raw.sends") == [(3,)]
    assert shop.ask("select count(*) from landing.one__sends") == [(6,)]
    assert shop.does_not_add_up() == []
    assert [one.rows_restored for one in replay(shop.settings)] == [0]


def test_an_event_of_the_past_that_comes_late_and_one_of_the_future_are_read_once_each(shop):
    now = datetime.now(UTC)
    for number in range(5):
        shop.vendor.put(f"a{number}", "Received Email", "P1", DAY)  # ties across pages
    shop.vendor.put("b", "Received Email", "P1", now + timedelta(hours=18))
    shop.load("sends")
    assert sends(shop) == [f"a{number}" for number in range(5)]
    shop.vendor.put("c", "Opened Email", "P1", now - timedelta(days=2))
    shop.vendor.put("b", "Received Email", "P1", now - timedelta(minutes=2))  # its time has come
    outcome = shop.load("sends")
    assert (outcome.rows_sent, outcome.rows_changed) == (2, 2)
    assert sends(shop) == [*(f"a{number}" for number in range(5)), "b", "c"]
    assert shop.load("sends").rows_changed == 0


def test_the_same_message_sent_twice_to_somebody_is_two_where_klaviyo_says_so(shop):
    for number, cohort in enumerate(["1:M1", "1:M1", "2:M1"]):
        shop.vendor.put(f"e{number}", "Received Email", "P1", DAY, **{"$_cohort$message_send_cohort": cohort})
    shop.load("sends")
    assert shop.ask("select count(distinct message_id) from raw.sends") == [(2,)]


def test_check_says_what_is_wrong(shop):
    shop.vendor.put("e1", "Received Email", "P1", DAY)
    assert {one.state for one in check_source(shop.settings, "one")} <= {"good", "warning"}
    shop.vendor.events.clear()
    assert {one.state for one in check_source(shop.settings, "one")} == {"good"}
    assert shop.load("sends").rows_sent == 0
    shop.vendor.token = "another"
    (finding,) = check_source(shop.settings, "one")
    assert "(401: Incorrect authentication credentials.)" in finding.sentence
    assert "Settings > API keys" in finding.to_do
