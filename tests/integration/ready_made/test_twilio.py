"""Messages of a Twilio account: asked for by day, and again for a week, because what became of them comes later."""

from datetime import UTC, datetime, timedelta

import pytest
from vendors.twilio import ACCOUNT, TOKEN, Twilio

from retain.source_checks import check_source

DAY = datetime(2025, 3, 1, 23, 59, 30, tzinfo=UTC)


@pytest.fixture
def account(described):
    more = "    entities: {sends: {params: {PageSize: 2}}}\n"
    return described(Twilio(), "twilio", "/2010-04-01", more, account=ACCOUNT, token=TOKEN)


def test_messages_are_in_raw_with_what_became_of_them(account):
    later = DAY + timedelta(hours=1)
    account.vendor.put("SM1", "+37491000001", DAY, "delivered", later)
    account.vendor.put("SM2", "+37491000002", DAY, "undelivered", later)
    account.vendor.put("SM3", "whatsapp:+37491000003", DAY, "read", later)
    account.vendor.put("SM6", "messenger:1234567890", DAY, "delivered", later)
    account.vendor.put("SM7", "rcs:+37491000007", DAY, "sent", later)
    account.vendor.put("SM4", "+37491000004", None, "queued", later)
    account.vendor.put("SM5", "+37410000000", DAY, "received", later, direction="inbound")
    outcome = account.load("sends")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    assert account.ask(
        "select send_id, phone, channel, happened_at, delivered_at, opened_at, failed_at from raw.sends order by 1"
    ) == [
        ("SM1", "+37491000001", "sms", DAY, later, None, None),
        ("SM2", "+37491000002", "sms", DAY, None, None, later),
        ("SM3", "+37491000003", "other", DAY, later, later, None),
        ("SM6", None, "other", DAY, later, None, None),
        ("SM7", "+37491000007", "other", DAY, None, None, None),
    ]
    assert account.does_not_add_up() == []


def test_what_becomes_of_a_message_days_after_it_was_sent_is_followed(account):
    sent = datetime.now(UTC) - timedelta(days=5)
    for number in range(5):
        account.vendor.put(f"SM{number}", "+37491000001", sent, "sent", sent)
    account.load("sends")
    account.vendor.put("SM0", "+37491000001", sent, "delivered", datetime.now(UTC) - timedelta(minutes=2))
    account.vendor.put("SM9", "+37491000001", datetime.now(UTC) - timedelta(minutes=3), "sent", datetime.now(UTC))
    again = account.load("sends")
    assert (again.status, again.rows_changed) == ("published", 2), again.message
    assert account.ask("select count(*), count(delivered_at) from raw.sends") == [(6, 1)]


def test_check_says_what_is_wrong(account, monkeypatch):
    account.vendor.put("SM1", "+37491000001", DAY, "delivered", DAY)
    assert {one.state for one in check_source(account.settings, "one")} <= {"good", "warning"}
    monkeypatch.setattr("vendors.twilio.TOKEN", "another")
    (finding,) = check_source(account.settings, "one")
    assert "(401" in finding.sentence
    assert "Twilio Console" in finding.to_do
