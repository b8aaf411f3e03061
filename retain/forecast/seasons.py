"""Busy and quiet months: a shop's year, measured from its own repeat purchases, and time stretched by it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAME = "seasons"
TITLE = "Seasons"
FEWEST_DAYS = 546  # 78 weeks, half the months twice: with less, a good month and a good cohort look the same
DAYS_OF_MONTH = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) / 365.25
CAUTION = 50.0  # repeat occasions that would have to say otherwise before a month counts as unlike the others


@dataclass(frozen=True)
class Seasons:
    """How busy each month is beside an average day of the year (1.0): twelve numbers from January.

    The purchasing models assume that nothing changes but customers leaving. In *elapsed* time, where a busy day is
    longer than a quiet one, that holds again for a shop with seasons: rates are then per average day."""

    index: tuple[float, ...] = (1.0,) * 12

    @property
    def is_flat(self) -> bool:
        return all(each == 1.0 for each in self.index)

    def elapsed(self, day: npt.NDArray[np.integer]) -> FloatArray:
        """Average days from 1970-01-01 to the end of each `day` (days since then)."""
        day = np.asarray(day, dtype=np.int64)
        if self.is_flat or not len(day):
            return day.astype(np.float64)
        busy = np.asarray(self.index)[month_of(np.arange(max(int(day.max()), 0) + 1))]
        return np.asarray(np.where(day < 0, day, np.cumsum(busy)[np.maximum(day, 0)] - busy[0]))

    def weeks_ahead(self, until: int, days: float) -> float:
        """Average weeks in the `days` after day `until`; a part of a day counts as such a part."""
        whole = int(days)
        ends = self.elapsed(np.array([until, until + whole, until + whole + 1]))
        return float(ends[1] - ends[0] + (days - whole) * (ends[2] - ends[1])) / 7.0


NO_SEASONS = Seasons()


def month_of(day: npt.NDArray[np.integer]) -> IntArray:
    """0 for January to 11, of days since 1970-01-01."""
    return np.asarray(np.asarray(day).astype("M8[D]").astype("M8[M]").astype(np.int64) % 12)


def measure_seasons(repeats: FloatArray, expected: FloatArray, first_day: int) -> Seasons:
    """Repeat occasions on each day from `first_day` beside those `expected` of a shop without seasons.

    Months with few occasions are drawn towards 1; the year's average is 1."""
    month = month_of(first_day + np.arange(len(repeats)))
    counted = np.bincount(month, weights=repeats, minlength=12)
    awaited = np.bincount(month, weights=expected, minlength=12)
    awaited *= counted.sum() / max(awaited.sum(), 1e-9)
    index = (counted + CAUTION) / (awaited + CAUTION)
    index /= float(index @ DAYS_OF_MONTH)
    return Seasons(tuple(float(round(each, 4)) for each in index))


def expected_by_day(newcomers: FloatArray, from_start: FloatArray) -> FloatArray:
    """Repeat occasions expected on each day, of `newcomers` a day who make `from_start[age]` repeats in `age` days."""
    return np.convolve(newcomers, np.diff(from_start, prepend=0.0))[: len(newcomers)]
