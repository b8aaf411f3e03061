"""What a load asks for: fixed by our clock, with an overlap, in the system's own way of writing times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from retain.sources import BEGINNING, Window
from retain.sources.http_window import asked, moment_of, window_after

NOW = datetime(2025, 3, 10, 12, 0, 0, 500_000, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def test_the_first_load_asks_for_everything_up_to_now_less_the_settle_lag():
    window = window_after(None, NOW, timedelta(hours=1), timedelta(minutes=2))
    assert window == Window(BEGINNING, NOW - timedelta(minutes=2))
    assert asked(window, "iso", BERLIN) == (None, "2025-03-10T11:58:01Z")


def test_the_next_one_begins_at_the_end_of_the_last_less_the_overlap():
    until = (NOW - timedelta(days=1)).isoformat()
    window = window_after(until, NOW, timedelta(hours=1), timedelta(0))
    assert window.start == NOW - timedelta(days=1, hours=1)


def test_a_clock_that_was_set_back_never_makes_a_window_that_ends_before_it_begins():
    window = window_after((NOW + timedelta(hours=3)).isoformat(), NOW, timedelta(hours=1), timedelta(0))
    assert window.start <= window.end


@pytest.mark.parametrize(
    ("format", "bounds"),
    [
        ("iso", ("2025-03-10T10:59:59Z", "2025-03-10T12:00:01Z")),
        ("epoch", ("1741604399", "1741608001")),
        ("epoch_ms", ("1741604399000", "1741608001000")),
        ("local", ("2025-03-10T11:59:59", "2025-03-10T13:00:01")),
        ("day", ("2025-03-10", "2025-03-10")),
    ],
)
def test_bounds_are_written_as_the_system_reads_them_and_rounded_outwards(format, bounds):
    start = NOW - timedelta(hours=1, milliseconds=600)
    assert asked(Window(start, NOW), format, BERLIN) == bounds


def test_where_the_clock_goes_back_both_hours_of_that_name_are_asked_for():
    """26 October 2025, 03:00 in Berlin: from 02:50 the first time to 02:10 the second time there are 20 minutes."""
    start, end = datetime(2025, 10, 26, 0, 50, tzinfo=UTC), datetime(2025, 10, 26, 1, 10, tzinfo=UTC)
    low, high = asked(Window(start, end), "local", BERLIN)
    changed = [start + timedelta(minutes=minute) for minute in range(21)]
    for moment in changed:
        assert low <= f"{moment.astimezone(BERLIN):%Y-%m-%dT%H:%M:%S}" <= high


def test_where_the_clock_goes_forward_nothing_is_asked_for_twice():
    start, end = datetime(2025, 3, 30, 0, 50, tzinfo=UTC), datetime(2025, 3, 30, 1, 10, tzinfo=UTC)
    assert asked(Window(start, end), "local", BERLIN) == ("2025-03-30T01:50:00", "2025-03-30T03:10:00")


def test_a_records_time_is_read_however_it_is_written():
    moment = datetime(2025, 3, 10, 12, tzinfo=UTC)
    for text in ("2025-03-10T12:00:00Z", "2025-03-10T13:00:00", "1741608000", "1741608000000", 1741608000):
        assert moment_of(text, BERLIN) == moment
    for text in (None, "soon", "", {}, "9" * 40):
        assert moment_of(text, BERLIN) is None
