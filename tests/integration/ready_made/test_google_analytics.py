"""examples/google_analytics/retain.yml as it stands: daily tables of GA4's BigQuery export, written again for days."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from described import Described

from retain import loads, warehouse
from retain.config import load_settings

EXAMPLE = Path(__file__).parents[3] / "examples" / "google_analytics" / "retain.yml"
DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)


def event(number, who="a.1", at=DAY, name="page_view", session="1740819600", **more):
    """As BigQuery writes a row of the export: whole numbers as text, what is empty not at all."""
    known = {
        "event_date": f"{at:%Y%m%d}", "event_timestamp": str(round(at.timestamp() * 1_000_000)), "event_name": name,
        "event_params": [
            {"key": "page_title", "value": {"string_value": "Cap"}},
            {"key": "ga_session_id", "value": {"int_value": session}},
        ],
        "event_bundle_sequence_id": "-1880190226", "user_pseudo_id": who, "user_id": "4711",
        "device": {"category": "mobile", "is_limited_ad_tracking": "No"}, "geo": {"country": "Armenia", "region": "Lori"},
        "session_traffic_source_last_click": {"manual_campaign": {"source": "letter", "campaign_name": "May"}},
        "batch_page_id": "1", "batch_ordering_id": "1", "batch_event_index": str(number),
    }  # fmt: skip
    return {key: value for key, value in {**known, **more}.items() if value is not None}


class Property(Described):
    @property
    def folder(self):
        return self.settings.source(self.source).folder

    def write(self, name, events):
        (self.folder / name).write_text("".join(f"{json.dumps(one)}\n" for one in events))

    def load(self):
        return loads.load_sources(self.settings, [self.source])

    def moments(self):
        """Of the events that are there, the milliseconds after nine."""
        rows = self.ask("select happened_at from raw.visits where not is_deleted order by 1")
        return [round((row[0] - DAY) / timedelta(milliseconds=1)) for row in rows]


@pytest.fixture
def configured(write_config):
    def made(old="", new=""):
        text = (
            EXAMPLE.read_text().partition("\nsources:\n")[2].replace("../../.retain/google_analytics/events", "events")
        )
        assert old in text
        settings = load_settings(write_config(text.replace(old, new)))
        warehouse.prepare(settings)
        settings.source("google_analytics").folder.mkdir()
        return Property(settings, source="google_analytics")

    return made


def after(milliseconds):
    return DAY + timedelta(milliseconds=milliseconds)


def test_what_a_property_never_has_is_empty_and_told_once(configured):
    """BigQuery leaves out what is empty: who was signed in, where a site sends nobody, and what came in July 2024."""
    one = configured()
    never = ("user_id", "session_traffic_source_last_click", "batch_page_id", "batch_ordering_id", "batch_event_index")
    one.write(
        "events_20250301.jsonl", [event(1, **dict.fromkeys(never)), event(2, name="scroll", **dict.fromkeys(never))]
    )
    (outcome,) = one.load()
    assert (outcome.status, outcome.rows_sent, outcome.rows_quarantined) == ("published", 2, 0), outcome.message
    assert {name for name in never for said in outcome.warnings if name in said} == {*never}
    assert one.ask("select distinct customer_id, channel, device from raw.visits") == [(None, None, "mobile")]
    one.write("events_20250302.jsonl", [event(3, at=DAY + timedelta(days=1))])
    (again,) = one.load()
    assert (again.status, again.warnings) == ("published", ())
    assert one.ask("select customer_id, channel from raw.visits where customer_id is not null") == [("4711", "letter")]


def test_events_are_in_raw_with_who_and_from_where(configured):
    one = configured()
    exact = DAY + timedelta(microseconds=123_457)
    one.write("events_20250301.jsonl", [event(1, at=exact, user_id=None), event(2), event(3, who=None)])
    one.write("events_intraday_20250302.jsonl", [event(9)])
    (outcome,) = one.load()
    assert (outcome.status, outcome.rows_sent, outcome.rows_quarantined) == ("published", 3, 0), outcome.message
    assert one.ask(
        "select visit_id, customer_id, happened_at, channel, campaign, device, region from raw.visits order by happened_at"
    ) == [
        ("a.1:1740819600", "4711", DAY, "letter", "May", "mobile", "Lori"),
        ("a.1:1740819600", None, exact, "letter", "May", "mobile", "Lori"),
    ]
    assert one.does_not_add_up() == []


def test_two_events_of_one_microsecond_are_two_and_the_same_one_sent_twice_is_one(configured):
    one = configured()
    one.write("events_20250301.jsonl", [event(1), event(2), event(1), event(1, name="scroll"), event(1, who="b.2")])
    one.load()
    assert one.ask("select count(*) from raw.visits") == [(4,)]


def test_a_day_that_is_written_again_takes_the_place_of_what_it_was(configured):
    """Late events come, some are told otherwise, one is there no more; the day before stays as it was."""
    one = configured()
    before = [event(1, at=after(-86_400_000 + n)) for n in range(5)]
    one.write("events_20250228.jsonl", before)
    one.write("events_20250301.jsonl", [event(1, at=after(n)) for n in range(8)])
    one.load()
    one.write("events_20250301.jsonl", [event(1, at=after(n), user_id="815") for n in (0, 1, 2, 4, 5, 6, 7, 99)])
    outcomes = one.load()
    assert [(outcome.status, outcome.rows_changed) for outcome in outcomes] == [("published", 8), ("published", 1)]
    assert one.moments() == [*(-86_400_000 + n for n in range(5)), 0, 1, 2, 4, 5, 6, 7, 99]
    assert one.ask("select count(*) from raw.visits where customer_id = '815'") == [(8,)]
    assert one.does_not_add_up() == []
    assert [outcome.rows_changed for outcome in one.load()] == [0]
    one.write("events_20250301.jsonl", [event(1, at=after(n)) for n in range(8)])
    one.load()
    assert one.moments()[5:] == list(range(8))


def test_an_event_that_an_export_puts_into_another_file_is_not_gone(configured):
    one = configured()
    one.write("events_20250301-0.jsonl", [event(1, at=after(n)) for n in (0, 1, 2)])
    one.write("events_20250301-1.jsonl", [event(1, at=after(n)) for n in (3, 4, 5)])
    one.load()
    one.write("events_20250301-0.jsonl", [event(1, at=after(n)) for n in (0, 1, 2, 3)])
    one.load()
    one.write("events_20250301-1.jsonl", [event(1, at=after(n)) for n in (4, 5)])
    one.load()
    assert one.moments() == [0, 1, 2, 3, 4, 5]
    one.write("events_20250301-0.jsonl", [event(1, at=after(n)) for n in (0, 1, 3)])
    one.write("events_20250301-1.jsonl", [event(1, at=after(n)) for n in (2, 4, 5)])
    one.load()
    assert one.moments() == [0, 1, 2, 3, 4, 5]


def test_a_day_of_which_most_is_suddenly_gone_is_told_and_not_believed(configured):
    one = configured()
    one.write("events_20250301.jsonl", [event(1, at=after(n)) for n in range(100)])
    one.load()
    one.write("events_20250301.jsonl", [event(1, at=after(n)) for n in range(50)])
    _, compared = one.load()
    assert (compared.status, "50 of 100 visits are no longer at the source" in compared.message) == ("refused", True)
    assert len(one.moments()) == 100
    one.write("events_20250301.jsonl", [event(1, at=after(n)) for n in range(95)])
    one.load()
    assert len(one.moments()) == 95


def test_a_crash_before_what_is_gone_was_marked_is_made_up_for_by_the_next_load(configured, monkeypatch):
    one = configured()
    one.write("events_20250301.jsonl", [event(1, at=after(n)) for n in range(8)])
    one.load()
    one.write("events_20250301.jsonl", [event(1, at=after(n)) for n in range(7)])
    loads.load_entity(one.settings, "google_analytics", "visits")  # published, and the process is killed
    assert len(one.moments()) == 8
    one.load()
    assert one.moments() == list(range(7))


@pytest.mark.parametrize("nested", [False, True])
def test_the_same_tables_as_parquet_are_read_in_both_ways_of_writing_lists(configured, nested):
    """BigQuery writes a list as an object with a list of elements in it, other programs write it plainly."""
    one = configured('"events_2*.jsonl"', '"events_2*.parquet"')
    rows = [event(n, at=after(n), session=1740819600 + n) for n in range(3)]
    for row in rows:
        row["event_timestamp"] = int(row["event_timestamp"])
        if nested:
            row["event_params"] = {"list": [{"element": item} for item in row["event_params"]]}
    pq.write_table(pa.Table.from_pylist(rows), one.folder / "events_20250301.parquet")
    (outcome,) = one.load()
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    assert one.moments() == [0, 1, 2]
    assert one.ask("select visit_id from raw.visits order by 1 limit 1") == [("a.1:1740819600",)]


def test_a_table_that_was_cut_off_is_refused_and_an_event_of_the_future_is_held(configured):
    one = configured()
    one.write("events_20250301.jsonl", [event(1), event(2, at=datetime.now(UTC) + timedelta(days=400))])
    (outcome,) = one.load()
    assert (outcome.status, outcome.rows_quarantined) == ("published", 1)
    text = (one.folder / "events_20250301.jsonl").read_text()
    (one.folder / "events_20250302.jsonl").write_text(text[:-40])
    (outcome,) = one.load()
    assert (outcome.status, "ends in the middle of line 2" in outcome.message) == ("unreadable", True), outcome.message
    assert one.moments() == [0]
