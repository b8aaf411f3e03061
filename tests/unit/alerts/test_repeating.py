from datetime import UTC, datetime, timedelta

import pytest

from retain.alerts.repeating import Event, Size, Told, event_due, is_worse

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEN_ROWS = Size(1, 10, frozenset({"a"}))


def due(told, *, size=TEN_ROWS, hours=1.0, is_over=False, was_tried=True, is_seen=True):
    return event_due(
        size,
        told,
        is_over=is_over,
        was_tried=was_tried,
        is_seen=is_seen,
        now=NOON + timedelta(hours=hours),
        repeat=timedelta(hours=24),
    )


TOLD = Told(Event.OPENED, TEN_ROWS, NOON)


def test_a_first_sight_is_told_at_once_and_so_is_one_that_could_not_be_told():
    assert due(None, was_tried=False) is Event.OPENED
    assert due(None, was_tried=True) is Event.OPENED


def test_what_was_told_is_not_told_again_the_same_day():
    assert due(TOLD) is None
    assert due(TOLD, hours=23.4) is None


def test_a_nightly_run_that_starts_a_minute_early_still_repeats():
    assert due(TOLD, hours=23.98) is Event.STILL
    assert due(TOLD, hours=24) is Event.STILL


def test_a_problem_that_nobody_saw_again_is_not_repeated():
    assert due(TOLD, hours=48, is_seen=False) is None


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (Size(1, 19, frozenset({"a"})), False),
        (Size(1, 20, frozenset({"a"})), True),
        (Size(2, 10, frozenset({"a"})), True),
        (Size(1, 10, frozenset({"a", "b"})), True),
        (Size(1, 5, frozenset()), False),
        (Size(1, None, frozenset({"a"})), False),
    ],
)
def test_worse_is_twice_the_rows_more_severe_or_wrong_in_a_new_way(size, expected):
    assert is_worse(size, TEN_ROWS) is expected
    assert due(TOLD, size=size) is (Event.WORSE if expected else None)


def test_rows_that_were_not_counted_before_do_not_make_it_worse():
    assert not is_worse(TEN_ROWS, Size(1, None, frozenset({"a"})))
    assert not is_worse(TEN_ROWS, Size(1, 0, frozenset({"a"})))


def test_the_end_is_told_once_to_those_who_heard_or_should_have_heard_of_it():
    assert due(TOLD, is_over=True) is Event.OVER
    assert due(None, is_over=True, was_tried=True) is Event.OVER
    assert due(None, is_over=True, was_tried=False) is None
    assert due(Told(Event.OVER, TEN_ROWS, NOON), is_over=True, hours=100) is None
