from datetime import date, timedelta
from itertools import pairwise

import jdatetime
import pytest

from retain.calendars import FIRST_DAY, LAST_DAY, calendar_days

DAY, WEEK, MONTH, QUARTER, NEXT_WEEK, NEXT_MONTH, NEXT_QUARTER, WEEK_INDEX, MONTH_INDEX, QUARTER_INDEX, LABEL = range(
    11
)


def days(calendar: str, week_start: str = "monday") -> dict[date, tuple]:
    return {row[DAY]: row for row in calendar_days(calendar, week_start)}


@pytest.mark.parametrize("calendar", ["gregorian", "jalali"])
def test_every_day_has_one_row_and_indexes_have_no_gaps(calendar):
    rows = days(calendar)
    assert len(rows) == (LAST_DAY - FIRST_DAY).days + 1
    for index in (WEEK_INDEX, MONTH_INDEX, QUARTER_INDEX):
        seen = [row[index] for row in rows.values()]
        steps = {later - earlier for earlier, later in pairwise(seen)}
        assert steps == {0, 1}


@pytest.mark.parametrize("calendar", ["gregorian", "jalali"])
def test_a_day_lies_in_its_week_month_and_quarter(calendar):
    for row in days(calendar, "saturday").values():
        assert row[WEEK] <= row[DAY] < row[NEXT_WEEK]
        assert row[MONTH] <= row[DAY] < row[NEXT_MONTH]
        assert row[QUARTER] <= row[MONTH]
        assert row[NEXT_MONTH] <= row[NEXT_QUARTER]
        assert row[NEXT_WEEK] - row[WEEK] == timedelta(days=7)


def test_weeks_begin_on_the_configured_day():
    assert {row[WEEK].strftime("%A") for row in days("gregorian", "sunday").values()} == {"Sunday"}


def test_a_jalali_year_begins_at_nowruz_leap_years_included():
    rows = days("jalali")
    for year in range(1370, 1439):
        nowruz = jdatetime.date(year, 1, 1).togregorian()
        assert rows[nowruz][MONTH] == rows[nowruz][QUARTER] == nowruz
        assert rows[nowruz][LABEL] == f"{year}-01"
    assert rows[date(2025, 3, 20)][NEXT_QUARTER] == date(2025, 3, 21)


def test_a_gregorian_quarter_begins_in_january_april_july_or_october():
    assert {row[QUARTER].month for row in days("gregorian").values()} == {1, 4, 7, 10}


@pytest.mark.parametrize(("year", "days_of_esfand"), [(1399, 30), (1402, 29), (1403, 30), (1404, 29), (1408, 30)])
def test_esfand_has_30_days_in_a_leap_year_and_29_in_any_other(year, days_of_esfand):
    rows = days("jalali")
    first = jdatetime.date(year, 12, 1).togregorian()
    last = first + timedelta(days=days_of_esfand - 1)
    assert {rows[first + timedelta(days=n)][LABEL] for n in range(days_of_esfand)} == {f"{year}-12"}
    assert rows[last][NEXT_MONTH] == rows[last][NEXT_QUARTER] == last + timedelta(days=1)
    assert rows[last + timedelta(days=1)][LABEL] == f"{year + 1}-01"
