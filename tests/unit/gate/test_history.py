"""What is usual: medians by weekday, in the shop's own scatter; silent until there is enough history."""

from datetime import date, datetime, timedelta

import pytest

from retain.config import Gate
from retain.history import compare, lateness, profile_of, usual_volume
from retain.measures import Measure

GATE = Gate()
MONDAY = date(2025, 11, 3)
WEEK = [100, 90, 95, 110, 140, 160, 0]  # closed on Sundays


def weeks(days, numbers=WEEK, until=MONDAY):
    """Records by day, for the days before `until`."""
    return {until - timedelta(days=n): numbers[(until - timedelta(days=n)).weekday()] for n in range(1, days + 1)}


def volume(day, rows, past, gate=GATE, may_be_low=True):
    return usual_volume(day, rows, past, gate, may_be_low=may_be_low)


def test_a_weekday_is_compared_with_its_own():
    past = weeks(42)
    assert not volume(MONDAY, 100, past).is_unusual
    assert volume(MONDAY, 160, past).is_unusual  # a Saturday's number
    saturday = MONDAY + timedelta(days=5)
    assert not volume(saturday, 160, past).is_unusual
    assert volume(saturday, 60, past).is_unusual


def test_a_day_that_has_not_ended_cannot_have_too_few():
    assert not volume(MONDAY, 3, weeks(42), may_be_low=False).is_unusual


def test_nothing_is_said_of_a_day_on_which_the_shop_is_closed():
    assert volume(MONDAY + timedelta(days=6), 0, weeks(42)) is None


def test_nothing_is_said_until_there_is_enough_history():
    assert volume(MONDAY, 5000, weeks(13)) is None
    assert volume(MONDAY, 5000, weeks(14)).is_unusual
    assert volume(MONDAY, 5000, weeks(27), Gate(min_history_days=28)) is None


def test_one_day_out_of_the_ordinary_makes_no_later_day_unusual():
    past = weeks(42)
    past[MONDAY - timedelta(days=7)] = 2000
    assert not volume(MONDAY, 100, past).is_unusual
    assert volume(MONDAY, 200, past).is_unusual


def test_who_scatters_is_allowed_more_than_who_is_steady():
    steady = {MONDAY - timedelta(days=n): 1000 for n in range(1, 43)}
    wild = {day: 1000 + (600 if number % 2 else -600) for number, day in enumerate(steady)}
    assert volume(MONDAY, 2200, steady).is_unusual
    assert not volume(MONDAY, 2200, wild).is_unusual


def test_a_few_rows_a_day_are_no_statistics():
    assert not volume(MONDAY, 3, {MONDAY - timedelta(days=n): 2 + n % 2 for n in range(1, 43)}).is_unusual


def test_of_a_list_of_fixed_length_a_tenth_is_missed():
    past = {MONDAY - timedelta(days=n): 28 for n in range(1, 43)}
    assert not volume(MONDAY, 26, past).is_unusual
    assert volume(MONDAY, 24, past).is_unusual


def measures(name, day, n, x, subject="", xx=0.0):
    return Measure(day, name, subject, n, x, xx)


def found(here, past, *, is_daily=True, today=MONDAY, last=MONDAY - timedelta(days=1), gate=GATE):
    evidence = compare(profile_of(here), profile_of(past), gate, today, last, is_daily=is_daily)
    return {one.kind: one for one in evidence if one.is_unusual}


def days_before(count):
    return [MONDAY - timedelta(days=n) for n in range(1, count + 1)]


def test_a_share_is_compared_with_its_own_history():
    past = [measures("empty", day, 200, 40 + day.day % 5, "email") for day in days_before(30)]
    assert found([measures("empty", MONDAY, 200, 45, "email")], past) == {}
    assert (
        "email is empty in 60% of 200 rows, usually 21%"
        in found([measures("empty", MONDAY, 200, 120, "email")], past)["empty"].sentence
    )


def test_what_never_happened_is_news_in_a_few_rows():
    past = [measures("empty", day, 200, 0, "email") for day in days_before(30)]
    assert found([measures("empty", MONDAY, 200, 2, "email")], past) == {}
    assert "empty" in found([measures("empty", MONDAY, 200, 6, "email")], past)
    sometimes = [measures("empty", day, 200, 1, "email") for day in days_before(30)]
    assert found([measures("empty", MONDAY, 200, 6, "email")], sometimes) == {}


def test_a_value_that_vanished_is_missed():
    past = [
        m
        for day in days_before(30)
        for m in (measures("share", day, 60, 60, "store=North"), measures("share", day, 40, 40, "store=South"))
    ]
    assert "store is 'South' in 0% of 100 rows, usually 40%" in {
        one.sentence
        for one in compare(
            profile_of([measures("share", MONDAY, 100, 100, "store=North")]),
            profile_of(past),
            GATE,
            MONDAY,
            None,
            is_daily=True,
        )
        if one.is_unusual
    }


def amounts(day, n, mean):
    """`n` amounts whose logarithms have this mean and a deviation of 0.5."""
    return measures("amount", day, n, n * mean, "gross_amount EUR", n * (mean**2 + 0.25))


@pytest.mark.parametrize(
    ("mean", "is_told", "is_refused"), [(3.0, False, False), (3.6, True, False), (5.5, True, True), (0.5, True, True)]
)
def test_amounts_are_told_when_they_are_larger_and_refused_when_they_cannot_be(mean, is_told, is_refused):
    past = [amounts(day, 200, 3.0) for day in days_before(30)]
    (one,) = compare(profile_of([amounts(MONDAY, 200, mean)]), profile_of(past), GATE, MONDAY, None, is_daily=True)
    assert one.is_unusual == is_told
    assert (one.observed < one.far_low or one.observed > one.far_high) == is_refused


def test_where_loads_come_by_the_hour_the_hours_of_a_day_are_put_together_first():
    """Shops close at night, and what comes at night comes from the web."""
    yesterday = MONDAY - timedelta(days=1)
    past = [
        measures("share", day, n, n, f"channel={name}")
        for day in days_before(30)[1:]
        for name, n in (("store", 80), ("web", 20))
    ]
    so_far = [
        measures("share", yesterday, 75, 75, "channel=store"),
        measures("share", yesterday, 19, 19, "channel=web"),
    ]
    late = [measures("share", yesterday, 6, 6, "channel=web")]
    assert found(late, past + so_far, is_daily=False, last=yesterday) == {}
    at_night = [measures("share", MONDAY, 30, 30, "channel=web")]
    assert found(at_night, past, is_daily=False, last=MONDAY) == {}
    assert "share" in found(at_night, past, is_daily=True)
    assert "share" in found(
        [], [*past, measures("share", yesterday, 100, 100, "channel=web")], is_daily=False, last=yesterday
    )


def test_amounts_that_cannot_be_are_refused_at_once_by_the_hour_too():
    past = [amounts(day, 200, 3.0) for day in days_before(30)]
    evidence = compare(profile_of([amounts(MONDAY, 20, 7.6)]), profile_of(past), GATE, MONDAY, MONDAY, is_daily=False)
    assert [one.observed > one.far_high for one in evidence] == [True]
    assert not any(one.is_unusual for one in evidence)


def nightly(count, hours=24.0):
    begin = datetime(2025, 11, 1, 3)
    return [(begin - timedelta(hours=hours * n), hours) for n in range(1, count + 1)]


def test_silence_is_late_after_the_longest_one_of_the_past_weeks():
    since = datetime(2025, 11, 1, 3)
    assert not lateness(26, since, nightly(30), GATE).is_unusual
    assert lateness(28, since, nightly(30), GATE).is_unusual
    assert lateness(28, since, nightly(6), GATE) is None


def test_who_rests_on_sundays_is_late_on_mondays_only_after_a_sunday():
    silences = [(begin, 48.0 if begin.weekday() == 5 else 24.0) for begin, _ in nightly(40)]
    saturday, monday = datetime(2025, 11, 1, 3), datetime(2025, 11, 3, 3)
    assert not lateness(50, saturday, silences, GATE).is_unusual
    assert lateness(50, monday, silences, GATE).is_unusual


def test_who_sends_when_there_is_something_is_not_late_at_once():
    silences = [(begin, (6.0, 30.0, 50.0)[number % 3]) for number, (begin, _) in enumerate(nightly(40))]
    since = datetime(2025, 11, 1, 3)
    assert not lateness(70, since, silences, GATE).is_unusual
    assert lateness(80, since, silences, GATE).is_unusual


def test_a_limit_of_ones_own_needs_no_history():
    assert lateness(7, datetime(2025, 11, 1, 3), [], Gate(fresh_within_hours=6)).is_unusual
    assert not lateness(5, datetime(2025, 11, 1, 3), [], Gate(fresh_within_hours=6)).is_unusual
