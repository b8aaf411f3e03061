"""What is known of each customer at the end of a day: the facts that a risk is judged by, and that reasons name."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retain.forecast.statistics import History, IntArray, Occasions

FloatArray = npt.NDArray[np.float64]

RECENT_DAYS = 180
SEASON_DAYS = 90  # the part of the year that lies ahead
YEAR = 365.25

# Facts that are moved together when a reason is looked for, because nobody could have one without the others.
DRIVERS: Mapping[str, tuple[str, ...]] = {
    "silence": ("silence",),
    "rhythm": ("occasions", "usual_gap", "gap_spread", "longest_gap"),
    "trend": ("recent", "before"),
    "spend": ("spend", "last_spend"),
    "returns": ("returned_share",),
    "channel": ("channel",),
    "season": ("in_season",),
    "tenure": ("tenure",),
}
NAMES = tuple(name for names in DRIVERS.values() for name in names)


@dataclass(frozen=True)
class Facts:
    """Customers of one day (positions in `Occasions.keys`), `table[customer, fact]` in the order of NAMES. NaN: not
    known.

    silence         days since the last occasion
    occasions       purchase occasions so far
    usual_gap       mean days between them; NaN with one occasion
    gap_spread      standard deviation of the gaps over their mean; NaN with fewer than two gaps
    longest_gap     the longest of them; NaN with one occasion
    recent, before  occasions in the last 180 days, and in the 180 before
    spend           mean net amount of an occasion, currency units, as known on the day
    last_spend      that of the last occasion
    returned_share  amount that came back by the day, over amount bought
    channel         of the first order, a position in `Occasions.channels`; NaN where it is not known
    in_season       share of occasions in the part of the year that lies ahead (90 days); NaN in the first year
    tenure          days since the first occasion
    """

    until: int
    customer: IntArray
    table: FloatArray

    def __len__(self) -> int:
        return len(self.customer)

    def __getitem__(self, name: str) -> FloatArray:
        return np.asarray(self.table[:, NAMES.index(name)])


def facts_at(occasions: Occasions, history: History) -> Facts:
    """The facts of the customers of `history` at the end of its last day. Uses nothing of a later day."""
    until = history.until
    known = occasions.day <= until
    row, customer = np.flatnonzero(known), occasions.customer[known]
    # customers of the history in order, and where each one's known occasions start
    starts = np.flatnonzero(np.diff(customer, prepend=-1))
    net = occasions.net_at(until)[row].astype(np.float64)
    day = occasions.day[row].astype(np.float64)
    back = np.zeros(len(occasions.day))
    returned = occasions.returned.day <= until
    np.add.at(back, occasions.returned.row[returned], occasions.returned.cents[returned])
    back = back[row]

    count = history.x + 1.0
    gap = np.diff(day, prepend=0.0)
    gap[starts] = 0.0
    squares, longest = np.add.reduceat(gap**2, starts), np.maximum.reduceat(gap, starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        usual = np.where(history.x > 0, history.t_x_days / history.x, np.nan)
        variance = np.maximum(squares / history.x - usual**2, 0.0)
        spread = np.where(history.x > 1, np.sqrt(variance) / usual, np.nan)
    total = np.add.reduceat(net, starts)
    last = starts + history.x
    came_back = np.add.reduceat(back, starts)
    age = until - day
    phase = age % YEAR  # 0 today; what lies 365 - 90 to 365 days back lies 0 to 90 days ahead in the year
    ahead = np.add.reduceat((phase >= YEAR - SEASON_DAYS).astype(np.float64), starts)
    columns = {
        "silence": history.t_days - history.t_x_days,
        "occasions": count,
        "usual_gap": usual,
        "gap_spread": spread,
        "longest_gap": np.where(history.x > 0, longest, np.nan),
        "recent": np.add.reduceat((age < RECENT_DAYS).astype(np.float64), starts),
        "before": np.add.reduceat(((age >= RECENT_DAYS) & (age < 2 * RECENT_DAYS)).astype(np.float64), starts),
        "spend": total / count / 100.0,
        "last_spend": net[last] / 100.0,
        "returned_share": came_back / np.maximum(total + came_back, 1.0),
        "channel": _channel(occasions, history),
        "in_season": np.where(history.t_days >= YEAR, ahead / count, np.nan),
        "tenure": history.t_days,
    }
    return Facts(until, history.customer, np.stack([np.asarray(columns[name], float) for name in NAMES], axis=1))


def _channel(occasions: Occasions, history: History) -> FloatArray:
    if not len(occasions.channel):
        return np.full(len(history), np.nan)
    channel = occasions.channel[history.customer].astype(np.float64)
    return np.where(channel >= 0, channel, np.nan)
