from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from retain.alerts.message import Alert, message_of
from retain.alerts.problem import RUNBOOKS, SEVERITIES, Key, Kind
from retain.alerts.repeating import Event
from retain.alerts.senders.slack import document_of

RUNBOOK_FOLDER = Path(__file__).parents[3] / "docs" / "runbooks"
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ALERT = Alert(
    alert_id=3,
    thread="7a0f2c1e-4b7d-4c9e-9a6e-0d1f2a3b4c5d",
    key=Key(Kind.LOAD_REFUSED, "web", "orders"),
    parts=("orders",),
    severity=2,
    title="web: load of orders refused",
    reasons=("84 of 1,204 rows fail", "no rate: 84 rows"),
    rules=("quarantined_share",),
    rows=84,
    rows_of=1204,
    counted="84 of 1,204 rows fail; nothing of the load was published",
    keys=("1001", "1002"),
    holds_back="orders of web stay as of 2026-11-19 14:00 Asia/Yerevan",
    what_to_do="mend it",
    runbook="refused_load.md",
    load_id=12,
    since=NOW,
    opened_at=NOW,
    last_seen_at=NOW,
    resolved_at=None,
)


def message(alert=ALERT, event=Event.OPENED, runbooks=None):
    return message_of(alert, event, "Arax", ZoneInfo("Asia/Yerevan"), runbooks, NOW)


def test_a_message_says_what_how_many_which_since_when_what_it_holds_back_and_what_to_do():
    assert message().text == (
        "web: load of orders refused\n\n"
        "What failed: 84 of 1,204 rows fail; no rate: 84 rows\n"
        "Rows: 84 of 1,204 rows fail; nothing of the load was published\n"
        "For example: 1001, 1002\n"
        "Since: 2026-11-20 14:00 Asia/Yerevan\n"
        "Held back: orders of web stay as of 2026-11-19 14:00 Asia/Yerevan\n"
        "To do: mend it\n"
        "Runbook: docs/runbooks/refused_load.md\n"
        "Load: 12 (`retain loads show 12`)"
    )


def test_the_end_says_from_when_to_when_and_nothing_is_left_to_do():
    over = message(replace(ALERT, resolved_at=NOW.replace(hour=12)), Event.OVER)
    assert over.title == "Over: web: load of orders refused"
    assert "From: 2026-11-20 14:00 Asia/Yerevan to 2026-11-20 16:00 Asia/Yerevan" in over.text
    assert "To do" not in over.text


def test_runbooks_are_linked_where_retain_yml_says():
    assert "https://wiki.example/r/refused_load.md" in message(runbooks="https://wiki.example/r/").text


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_severity_and_a_runbook(kind):
    assert SEVERITIES[kind]
    assert RUNBOOKS[kind]


@pytest.mark.parametrize("link", sorted(set(RUNBOOKS.values())))
def test_every_runbook_that_a_message_links_to_has_the_heading_it_links_to(link):
    name, _, heading = link.partition("#")
    page = RUNBOOK_FOLDER / name
    assert page.is_file()
    headings = [
        line.lstrip("# ").lower().replace(" ", "-") for line in page.read_text().splitlines() if line.startswith("#")
    ]
    assert not heading or heading in headings


def test_data_cannot_mention_a_whole_slack_channel():
    document = document_of(message(replace(ALERT, reasons=("<!channel> & <https://evil.example|here>",))))
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;" in document["blocks"][1]["text"]["text"]
    assert "<!channel>" not in str(document)


def test_a_slack_message_stays_within_slacks_limits():
    document = document_of(message(replace(ALERT, title="t" * 1000, reasons=("r" * 10_000,))))
    assert len(document["blocks"][0]["text"]["text"]) <= 150
    assert len(document["blocks"][1]["text"]["text"]) <= 3000
