"""The days of the configured calendar, as a table: weeks from the configured weekday, months and quarters Gregorian or Jalali."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import psycopg

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2060, 12, 31)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Month(NamedTuple):
    """A calendar month: `number` counts months, so that two of them can be subtracted."""

    start: date
    number: int
    label: str


def gregorian_month(index: int) -> Month:
    year, month = divmod(index, 12)
    return Month(date(year, month + 1, 1), index, f"{year}-{month + 1:02}")


def jalali_month(index: int) -> Month:
    """`index` counts Jalali months from year 0; the label is Jalali, the start is its Gregorian date."""
    import jdatetime

    year, month = divmod(index, 12)
    return Month(jdatetime.date(year, month + 1, 1).togregorian(), index, f"{year}-{month + 1:02}")


def calendar_days(calendar: str, week_start: str) -> Iterator[tuple[Any, ...]]:
    """One row a day from 1990 to 2060 in the column order of `ops.calendar_days`."""
    month_of = {"gregorian": gregorian_month, "jalali": jalali_month}[calendar]
    years_behind = 621 if calendar == "jalali" else 0  # a Jalali year begins in March of Gregorian year + 621
    index = (FIRST_DAY.year - years_behind - 1) * 12
    while month_of(index + 1).start <= FIRST_DAY:
        index += 1
    week_offset = WEEKDAYS.index(week_start)
    while (month := month_of(index)).start <= LAST_DAY:
        following = month_of(index + 1)
        quarter = index // 3
        quarter_start, next_quarter = month_of(quarter * 3).start, month_of(quarter * 3 + 3).start
        for offset in range((following.start - month.start).days):
            day = month.start + timedelta(days=offset)
            if FIRST_DAY <= day <= LAST_DAY:
                week = day - timedelta(days=(day.weekday() - week_offset) % 7)
                yield (
                    day, week, month.start, quarter_start,
                    week + timedelta(days=7), following.start, next_quarter,
                    (week.toordinal() - week_offset) // 7, index, quarter, month.label,
                )  # fmt: skip
        index += 1


def write_calendar(connection: psycopg.Connection[Any], calendar: str, week_start: str) -> None:
    """Fill `ops.calendar_days`; does nothing when it already holds this calendar and week start."""
    wanted = f"{calendar}, weeks from {week_start}"
    row = connection.execute("select value from ops.settings where name = 'calendar'").fetchone()
    if row is not None and row[0] == wanted:
        return
    connection.execute("truncate ops.calendar_days")
    with connection.cursor().copy("copy ops.calendar_days from stdin") as copy:
        for day in calendar_days(calendar, week_start):
            copy.write_row(day)
    connection.execute(
        "insert into ops.settings (name, value) values ('calendar', %s) "
        "on conflict (name) do update set value = excluded.value",
        [wanted],
    )
