from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from retain.sources import BEGINNING, Window
from retain.sources.sql_cursor import (
    Bounds,
    Clock,
    bounds_of,
    bounds_of_window,
    condition,
    cursor_after,
    kind_of,
    start_of,
)

YEREVAN = ZoneInfo("Asia/Yerevan")  # UTC+4, no summer time
NOON = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)


def clock(now=NOON, overlap=60, settle=0, zone=YEREVAN):
    return Clock(now, zone, timedelta(minutes=overlap), timedelta(minutes=settle))


def test_the_first_load_reads_up_to_now_and_what_has_no_place():
    bounds = bounds_of("timestamptz", None, clock())
    assert bounds == Bounds(None, NOON, NOON + timedelta(days=1))


def test_the_next_load_begins_an_overlap_before_the_newest_row_read():
    bounds = bounds_of("timestamptz", {"kind": "timestamptz", "high": "2025-03-10T11:30:00+00:00"}, clock(overlap=45))
    assert bounds.low == datetime(2025, 3, 10, 10, 45, tzinfo=UTC)


def test_rows_younger_than_the_settling_time_are_left():
    assert bounds_of("timestamptz", None, clock(settle=10)).high == NOON - timedelta(minutes=10)


def test_times_without_a_zone_are_compared_in_the_zone_of_the_source():
    bounds = bounds_of("timestamp", {"kind": "timestamp", "high": "2025-03-10T15:00:00"}, clock())
    assert bounds.low == datetime(2025, 3, 10, 14, 0)
    assert bounds.high == datetime(2025, 3, 10, 16, 0)


def test_days_are_read_again_whole_and_today_is_not_left_for_tomorrow():
    bounds = bounds_of("date", {"kind": "date", "high": "2025-03-10"}, clock())
    assert bounds.low == date(2025, 3, 9)
    assert bounds.high == date(2025, 3, 11)


@pytest.mark.parametrize(
    ("sample", "low", "high"),
    [
        ("2025-01-01 10:00:00", "2025-03-10", "2025-03-10 16:00:00"),
        ("2025-01-01T10:00:00.123", "2025-03-10", "2025-03-10T16:00:00"),
        ("2025-01-01T10:00:00Z", "2025-03-10", "2025-03-10T12:00:00"),
        ("2025-01-01 10:00:00+02:00", "2025-03-10", "2025-03-10 14:00:00"),
    ],
)
def test_texts_are_compared_with_texts_that_sort_like_them(sample, low, high):
    newest = "2025-03-10T15:00:00" if "Z" not in sample and "+" not in sample else "2025-03-10T11:00:00Z"
    bounds = bounds_of("text", {"kind": "text", "high": newest}, clock(), sample)
    assert (bounds.low, bounds.high) == (low, high)


def test_the_day_before_is_read_again_whole_where_the_overlap_reaches_into_it():
    bounds = bounds_of("text", {"kind": "text", "high": "2025-03-10 00:30:00"}, clock(), "2025-01-01 10:00:00")
    assert bounds.low == "2025-03-09"


def test_a_text_bound_sorts_before_every_text_of_its_second():
    bounds = bounds_of(
        "text", None, clock(now=datetime(2025, 3, 10, 6, 0, 0, 999_000, tzinfo=UTC)), "2025-01-01T00:00:00.5Z"
    )
    assert bounds.high < "2025-03-10T06:00:00.000Z"


def test_texts_that_are_days_let_today_in():
    assert bounds_of("text", None, clock(), "2025-01-01").high == "2025-03-11"


def test_a_number_is_read_from_where_it_stood_before_the_overlap():
    before = {"kind": "number", "highs": [["2025-03-10T10:00:00+00:00", "100"], ["2025-03-10T11:30:00+00:00", "150"]]}
    assert bounds_of("number", before, clock()).low == Decimal(100)
    assert bounds_of("number", before, clock(now=NOON + timedelta(hours=1))).low == Decimal(150)


def test_a_number_with_no_load_before_the_overlap_is_read_from_the_beginning():
    before = {"kind": "number", "highs": [["2025-03-10T11:59:00+00:00", "150"]]}
    assert bounds_of("number", before, clock()).low is None


def test_only_the_numbers_that_can_still_be_needed_are_remembered():
    before = {
        "kind": "number",
        "highs": [[f"2025-03-10T{hour:02}:00:00+00:00", str(hour)] for hour in (8, 9, 10, 11)],
    }
    after = cursor_after("number", before, "12", clock())
    assert after["highs"] == [["2025-03-10T11:00:00+00:00", "11"], ["2025-03-10T12:00:00+00:00", "12"]]


def test_the_cursor_never_moves_back_and_stays_when_nothing_was_read():
    before = {"kind": "timestamptz", "high": "2025-03-10T11:00:00+00:00"}
    assert cursor_after("timestamptz", before, None, clock()) == before
    assert cursor_after("timestamptz", before, "2025-03-09T00:00:00+00:00", clock()) == before
    assert (
        cursor_after("timestamptz", before, "2025-03-10T11:30:00+00:00", clock())["high"] == "2025-03-10T11:30:00+00:00"
    )


def test_a_table_without_rows_leaves_no_cursor():
    assert cursor_after("timestamptz", None, None, clock()) is None


def test_a_cursor_of_another_kind_is_forgotten():
    before = {"kind": "number", "highs": [["2025-03-10T11:00:00+00:00", "9"]]}
    assert cursor_after("date", before, "2025-03-10", clock()) == {"kind": "date", "high": "2025-03-10"}


def test_a_slow_clock_at_the_source_loses_nothing():
    # The source writes times three hours behind ours. Reaching back from our own clock would begin at 12:00.
    after = cursor_after("timestamptz", None, "2025-03-10T09:00:00+00:00", clock())
    next_load = bounds_of("timestamptz", after, clock(now=NOON + timedelta(hours=1)))
    assert next_load.low <= datetime(2025, 3, 10, 9, 0, tzinfo=UTC)


def test_a_window_is_read_exactly():
    window = Window(datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 3, 2, tzinfo=UTC))
    assert bounds_of_window("timestamptz", window, clock()) == Bounds(
        window.start, window.end, None, without_place=False
    )
    assert bounds_of_window("date", window, clock()).high == date(
        2025, 3, 3
    )  # 4 a.m. there: that day belongs to it too
    assert bounds_of_window("number", window, clock()) is None


def test_a_window_from_the_beginning_has_no_lower_bound():
    assert bounds_of_window("timestamptz", Window(BEGINNING, NOON), clock()).low is None


def test_the_condition_takes_the_window_and_what_no_window_reaches():
    bounds = Bounds(1, 2, 9)
    assert condition("c", bounds, str) == "((c) >= 1 and (c) < 2) or ((c) is null) or ((c) >= 9)"
    assert condition("c", Bounds(None, 2, 9), str) == "((c) < 2) or ((c) is null) or ((c) >= 9)"
    assert condition("c", Bounds(1, 2, 9, without_place=False), str) == "((c) >= 1 and (c) < 2)"
    assert condition("c", Bounds(None, None), str) is None


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (NOON, "timestamptz"),
        (NOON.replace(tzinfo=None), "timestamp"),
        (NOON.date(), "date"),
        (7, "number"),
        (Decimal("7"), "number"),
        ("2025-03-10 12:00", "text"),
        ("tomorrow", None),
        (True, None),
        (7.5, None),
        (b"x", None),
    ],
)
def test_what_can_be_a_cursor(value, kind):
    assert kind_of(value) == kind


def test_the_start_in_time_is_told_for_every_kind():
    assert start_of(None, clock()) == BEGINNING
    assert start_of({"kind": "timestamp", "high": "2025-03-10T12:00:00"}, clock()) == datetime(
        2025, 3, 10, 7, tzinfo=UTC
    )
    assert start_of({"kind": "number", "highs": [["2025-03-10T10:00:00+00:00", "5"]]}, clock()) == datetime(
        2025, 3, 10, 10, tzinfo=UTC
    )


def test_a_remembered_value_that_is_no_time_begins_anew():
    assert bounds_of("timestamptz", {"kind": "timestamptz", "high": "-infinity"}, clock()).low is None
