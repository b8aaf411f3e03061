"""The shop's days: local days in Yerevan, instants in UTC, and the seasons that make some days busier than others."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from retain.demo.dice import Floats, Ints

DAY = 86_400
UTC_OFFSET = 4 * 3_600  # Asia/Yerevan has kept UTC+4, without daylight saving, since 2012
FIRST_START = date(2012, 1, 1)
NEVER = np.int64(2**60)
ALWAYS = np.int64(-(2**60))

# How busy a month and a weekday (Monday first) are, relative to an average day.
MONTHS = np.array([0.86, 0.92, 1.06, 0.96, 0.98, 0.97, 0.93, 0.91, 0.99, 1.00, 1.07, 1.37])
WEEKDAYS = np.array([0.90, 0.92, 0.95, 0.98, 1.08, 1.15, 1.02])


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def midnight(day: Ints | int) -> Ints:
    """The instant (seconds since 1970-01-01 UTC) at which a local day begins."""
    return np.asarray(day, dtype=np.int64) * DAY - UTC_OFFSET


def local_day(at: Ints) -> Ints:
    """The local day (days since 1970-01-01) of an instant."""
    return np.asarray((at + UTC_OFFSET) // DAY, dtype=np.int64)


def last_before(cut: int, *events: Ints) -> Ints:
    """The latest of each row's events that had happened before `cut`; ALWAYS where none had."""
    latest: Ints = np.maximum.reduce([np.where(event < cut, event, ALWAYS) for event in events])
    return latest


@dataclass(frozen=True)
class Clock:
    """The days from `start` to `until`, both included, and the seasons over them."""

    start: date
    until: date

    @property
    def first_day(self) -> int:
        return day_number(self.start)

    @property
    def last_day(self) -> int:
        return day_number(self.until)

    @property
    def cut(self) -> int:
        """The instant at which the last day has ended: nothing from then on is known."""
        return int(midnight(self.last_day + 1))

    @cached_property
    def days(self) -> Ints:
        return np.arange(self.first_day, self.last_day + 1, dtype=np.int64)

    @cached_property
    def _elapsed(self) -> Floats:
        months = self.days.astype("M8[D]").astype("M8[M]").astype(np.int64) % 12
        weekdays = (self.days + 3) % 7  # 1970-01-01 was a Thursday
        busy = MONTHS[months] / MONTHS.mean() * WEEKDAYS[weekdays] / WEEKDAYS.mean()
        return np.concatenate([[0.0], np.cumsum(busy)])

    @property
    def length(self) -> float:
        """How much business time `until` has seen. An average day is 1; a day before New Year is more."""
        return float(self._elapsed[-1])

    def day_of(self, business_time: Floats) -> Ints:
        """The local day on which so much business time has passed since the start (must be below `length`)."""
        return self.first_day + np.searchsorted(self._elapsed, business_time, side="right").astype(np.int64) - 1
