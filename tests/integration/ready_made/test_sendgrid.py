"""examples/sendgrid/retain.yml as it stands: what the Event Webhook tells, several times and in any order."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retain import loads, warehouse
from retain.config import load_settings

EXAMPLE = Path(__file__).parents[3] / "examples" / "sendgrid" / "retain.yml"
DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)


def event(key, what, after=0, message="14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0"):
    return {
        "email": "ana@x.am", "timestamp": int(DAY.timestamp()) + after, "event": what, "category": "may letter",
        "sg_event_id": key, "sg_message_id": message, "useragent": "Mozilla/5.0",
    }  # fmt: skip


@pytest.fixture
def shop(write_config):
    text = EXAMPLE.read_text().partition("\nsources:\n")[2].replace("../../.retain/sendgrid/events", "events")
    settings = load_settings(write_config(text))
    settings.source("sendgrid").folder.mkdir()
    warehouse.prepare(settings)
    return settings


def write(settings, name, events):
    (settings.source("sendgrid").folder / name).write_text("".join(f"{json.dumps(one)}\n" for one in events))


def test_an_event_that_is_told_several_times_is_one_and_what_it_says_is_read(shop):
    write(
        shop, "2025-03-01.jsonl", [event("c", "click", 90), event("d", "delivered", 2), *[event("o", "open", 60)] * 3]
    )
    write(
        shop,
        "2025-03-02.jsonl",
        [event("o", "open", 60), event("b", "bounce", 5, "other.0"), event("x", "group_resubscribe")],
    )
    outcome = loads.load_entity(shop, "sendgrid", "sends")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    with warehouse.connect(shop) as connection:
        rows = connection.execute(
            "select send_id, email, channel, campaign, happened_at - %s, delivered_at is not null, opened_at is not null, "
            "clicked_at is not null, failed_at is not null from raw.sends order by happened_at",
            [DAY],
        ).fetchall()
    assert [(row[0], row[4].seconds, *row[5:]) for row in rows] == [
        ("d", 2, True, False, False, False),
        ("b", 5, False, False, False, True),
        ("o", 60, False, True, False, False),
        ("c", 90, False, False, True, False),
    ]
    assert {row[1:4] for row in rows} == {("ana@x.am", "email", "may letter")}


@pytest.mark.parametrize(
    ("category", "campaign"),
    [(["may letter"], "may letter"), (["may", "letter"], "may"), ("may [1]", "may [1]"), ([], None)],
)
def test_a_campaign_is_a_category_or_the_first_of_several(shop, category, campaign):
    write(shop, "2025-03-01.jsonl", [{**event("d", "delivered"), "category": category}])
    assert loads.load_entity(shop, "sendgrid", "sends").rows_quarantined == 0
    with warehouse.connect(shop) as connection:
        assert connection.execute("select campaign from raw.sends").fetchall() == [(campaign,)]


def test_who_gives_no_categories_has_sends_without_campaigns(shop):
    bare = {name: value for name, value in event("d", "delivered").items() if name != "category"}
    write(shop, "2025-03-01.jsonl", [bare])
    outcome = loads.load_entity(shop, "sendgrid", "sends")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    assert outcome.warnings == ("no record has a category (sends.fields.campaign): it is empty",)
