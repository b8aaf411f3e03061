"""Whole days and hours: each of a window is asked for once, whatever the clock does in it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from retain.sources import BEGINNING, Window
from retain.sources.http_spans import bounds, halves, newest, spans_of, whole

NOW = datetime(2025, 3, 10, 12, 40, tzinfo=UTC)
FIRST_ON = date(2025, 1, 1)


def asked(window, format, zone, at_once=1):
    zone = ZoneInfo(zone)
    return [bounds(span, format, zone) for span in spans_of(window, format, zone, at_once)]


def test_everything_begins_with_the_first_day_of_its_own_zone():
    tehran = ZoneInfo("Asia/Tehran")
    days = whole(Window(BEGINNING, NOW), "day", tehran, FIRST_ON, NOW)
    assert (days.start, days.end) == (datetime(2025, 1, 1, tzinfo=tehran), NOW)
    hours = whole(Window(BEGINNING, NOW), "hour", tehran, FIRST_ON, NOW)
    assert (hours.start, hours.end) == (datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 3, 10, 12, tzinfo=UTC))


def test_a_window_of_the_past_has_every_hour_that_it_touches_and_none_that_is_not_over():
    zone = ZoneInfo("UTC")
    half = timedelta(minutes=30)
    start = datetime(2025, 3, 9, 20, 30, tzinfo=UTC)
    past = whole(Window(start, start + timedelta(hours=1)), "hour", zone, FIRST_ON, NOW)
    assert past == Window(start - half, start + half + timedelta(hours=1))
    assert whole(Window(start, NOW + timedelta(days=9)), "hour", zone, FIRST_ON, NOW).end == NOW.replace(minute=0)


def test_what_is_over_before_the_first_day_holds_nothing():
    window = whole(Window(BEGINNING, NOW), "hour", ZoneInfo("UTC"), date(2025, 4, 1), NOW)
    assert window.start == window.end
    assert asked(window, "hour", "UTC") == []


def test_spans_meet_and_do_not_overlap():
    window = Window(datetime(2025, 3, 1, 5, tzinfo=UTC), datetime(2025, 3, 6, tzinfo=UTC))
    assert asked(window, "day", "UTC", 2) == [
        ("2025-03-01", "2025-03-02"), ("2025-03-03", "2025-03-04"), ("2025-03-05", "2025-03-05"),
    ]  # fmt: skip
    hours = Window(datetime(2025, 3, 1, 22, tzinfo=UTC), datetime(2025, 3, 2, 1, tzinfo=UTC))
    assert asked(hours, "hour", "UTC", 2) == [("20250301T22", "20250301T23"), ("20250302T00", "20250302T00")]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2025-03-30"),
        ("Europe/Berlin", "2025-10-26"),
        ("Asia/Beirut", "2025-03-30"),  # midnight does not exist
        ("America/Havana", "2025-11-02"),  # midnight is twice
        ("America/Asuncion", "2024-03-24"),  # the hour before midnight is twice
        ("Pacific/Apia", "2011-12-31"),  # the day before does not exist
    ],
)
def test_a_day_on_which_the_clock_changes_is_asked_for_once(zone, day):
    there = ZoneInfo(zone)
    middle = datetime.fromisoformat(day).replace(hour=12, tzinfo=there).astimezone(UTC)
    days = asked(Window(middle - timedelta(days=3), middle + timedelta(days=3)), "day", zone)
    assert all(low == high for low, high in days)
    found = [low for low, _ in days]
    assert found.count(day) == 1
    assert found == sorted(set(found))
    lived = {f"{(middle + timedelta(hours=n)).astimezone(there):%Y-%m-%d}" for n in range(-72, 73)}
    assert lived <= set(found)


def test_halves_are_the_whole_and_one_unit_has_none():
    (span,) = spans_of(Window(NOW, NOW + timedelta(days=5)), "day", ZoneInfo("UTC"), 9)
    first, second = halves(span)
    assert [*first, *second[1:]] == span
    assert first[-1] == second[0]
    (one,) = spans_of(Window(NOW, NOW + timedelta(minutes=1)), "day", ZoneInfo("UTC"), 9)
    assert halves(one) == []


def test_the_newest_is_what_was_over_last():
    tokyo = ZoneInfo("Asia/Tokyo")
    assert [bounds(span, "day", tokyo) for span in newest("day", tokyo, NOW)] == [("2025-03-09", "2025-03-09")] * 2
    assert [bounds(span, "hour", tokyo) for span in newest("hour", tokyo, NOW)] == [
        ("20250310T11", "20250310T11"), ("20250309T12", "20250310T11"),
    ]  # fmt: skip
