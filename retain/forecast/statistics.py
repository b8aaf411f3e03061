"""What the purchasing models need of a customer: how many repeat occasions, when the last one was, and for how long we
have watched."""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from retain.forecast.seasons import NO_SEASONS, Seasons

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

DAYS_A_WEEK = 7.0  # the models' unit of time is the week, as in the papers; a shop's is the day


@dataclass(frozen=True)
class History:
    """Customers as they stood at the end of day `until`: one row a customer who had bought by then.

    customer      positions in `Occasions.keys`
    x             repeat occasions: days with a purchase, without the first
    t_x_days      days from the first to the last occasion; 0 where x = 0
    t_days        days from the first occasion to `until` (the papers' T)
    repeat_cents  net amount of the repeat occasions, in hundredths of the currency
    total_cents   the same with the first occasion
    first_day     day of the earliest occasion of the shop, days since 1970-01-01; None without customers
    """

    until: int
    customer: IntArray
    x: IntArray
    t_x_days: IntArray
    t_days: IntArray
    repeat_cents: IntArray
    total_cents: IntArray
    first_day: int | None

    def __len__(self) -> int:
        return len(self.customer)

    def only(self, chosen: npt.NDArray[np.bool_]) -> "History":
        """The same of some of its customers."""
        names = ("customer", "x", "t_x_days", "t_days", "repeat_cents", "total_cents")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    @property
    def mean_repeat_spend(self) -> FloatArray:
        """Mean net amount of a repeat occasion, in currency units; 0 where there was none. The first occasion is left
        out: the Gamma-Gamma model is about the spend of the occasions that the purchasing model counts."""
        mean = np.zeros(len(self))
        np.divide(self.repeat_cents, self.x * 100.0, out=mean, where=self.x > 0)
        return mean

    @property
    def mean_spend(self) -> FloatArray:
        """Mean net amount of an occasion, the first included, in currency units."""
        return np.asarray(self.total_cents / (100.0 * (self.x + 1)))


@dataclass(frozen=True)
class Returned:
    """What came back: the occasion (its row in `Occasions`), the day it came back on, and hundredths of the
    currency."""

    row: IntArray
    day: IntArray
    cents: IntArray


NOTHING_RETURNED = Returned(*(np.zeros(0, dtype=np.int64) for _ in range(3)))


@dataclass(frozen=True)
class Occasions:
    """Every purchase occasion of a shop, sorted by customer and day, one row a customer and day.

    keys      one a customer: the customer's uuid as 16 raw bytes
    customer  position in `keys`, ascending, none left out
    day       days since 1970-01-01, ascending within a customer
    cents     net amount in hundredths of the currency, without all of `returned`
    channel   of each customer's first order, a position in `channels`; empty where channels are not known
    """

    keys: npt.NDArray[np.void]
    customer: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    cents: IntArray
    returned: Returned = NOTHING_RETURNED
    channel: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    channels: tuple[str, ...] = ()

    def net_at(self, until: int) -> IntArray:
        """Net amount of every occasion as it was known at the end of day `until`: what came back later had not yet."""
        later = self.returned.day > until
        if not later.any():
            return self.cents
        net = self.cents.copy()
        np.add.at(net, self.returned.row[later], self.returned.cents[later])
        return net

    def known_at(self, until: int) -> "Occasions":
        """What was known at the end of day `until`: no later occasion, return or customer; positions are new ones."""
        known = self.day <= until
        if known.all() and not (self.returned.day > until).any():
            return self
        customers, renumbered = np.unique(self.customer[known], return_inverse=True)
        row = np.cumsum(known) - 1
        kept = (self.returned.day <= until) & known[self.returned.row]
        return replace(
            self,
            keys=self.keys[customers],
            customer=renumbered.astype(np.int32),
            day=self.day[known],
            cents=self.net_at(until)[known],
            returned=Returned(row[self.returned.row[kept]], self.returned.day[kept], self.returned.cents[kept]),
            channel=self.channel[customers] if len(self.channel) else self.channel,
        )

    def sample(self, customers: int) -> "Occasions":
        """The occasions of every k-th customer, so that about `customers` are left; all when there are no more.

        Keys are digests, so an even choice of them is a random one, and the same one every day."""
        every = max(1, -(-len(self.keys) // customers))
        if every == 1:
            return self
        chosen = self.customer % every == 0
        row = np.cumsum(chosen) - 1
        kept = chosen[self.returned.row]
        returned = Returned(row[self.returned.row[kept]], self.returned.day[kept], self.returned.cents[kept])
        return replace(
            self,
            keys=self.keys[::every],
            customer=self.customer[chosen] // np.int32(every),
            day=self.day[chosen],
            cents=self.cents[chosen],
            returned=returned,
            channel=self.channel[::every],
        )

    @property
    def starts(self) -> IntArray:
        """Row of each customer's first occasion."""
        return np.flatnonzero(np.diff(self.customer, prepend=-1))

    def history(self, until: int) -> History:
        """Compress what was known at the end of day `until`."""
        starts, known = self.starts, self.day <= until
        if not len(starts) or not known.any():
            none = np.zeros(0, dtype=np.int64)
            return History(until, none, none, none, none, none, none, None)
        cents = self.net_at(until)
        occasions = np.add.reduceat(known.astype(np.int64), starts)
        total = np.add.reduceat(np.where(known, cents, 0), starts)
        bought = occasions > 0
        starts, occasions, total = starts[bought], occasions[bought], total[bought]
        first = self.day[starts].astype(np.int64)
        last = self.day[starts + occasions - 1].astype(np.int64)
        return History(
            until=until,
            customer=np.flatnonzero(bought),
            x=occasions - 1,
            t_x_days=last - first,
            t_days=until - first,
            repeat_cents=total - cents[starts],
            total_cents=total,
            first_day=int(first.min()),
        )

    def between(self, history: History, end: int) -> tuple[IntArray, IntArray]:
        """What the customers of `history` did after its last day, until and with day `end`: (occasions, cents), one a
        customer; amounts as they were known at the end of that day."""
        starts, later = self.starts, (self.day > history.until) & (self.day <= end)
        if not len(starts):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        occasions = np.add.reduceat(later.astype(np.int64), starts)[history.customer]
        return occasions, np.add.reduceat(np.where(later, self.net_at(end), 0), starts)[history.customer]


@dataclass(frozen=True)
class States:
    """The different (x, t_x, T) among customers: everything the purchasing models know. Sorted by x, then t_x, then T.

    x, t_x, t  repeat occasions, and weeks
    customers  how many customers share the state
    state_of   the state of each customer of the history
    """

    x: FloatArray
    t_x: FloatArray
    t: FloatArray
    customers: FloatArray
    state_of: IntArray

    def __len__(self) -> int:
        return len(self.x)

    def thinned(self, states: int) -> "States":
        """Every k-th state, so that about `states` are left; all of them when there are no more than that."""
        every = slice(None, None, max(1, -(-len(self) // states)))
        return States(self.x[every], self.t_x[every], self.t[every], self.customers[every], np.zeros(0, dtype=np.int64))


def states(history: History, seasons: Seasons = NO_SEASONS) -> States:
    """Group customers with equal (x, t_x, T): one-time buyers of a day become one row, so the likelihood is a short
    sum. Time runs as fast as the shop is busy: see `Seasons`."""
    days = 1 << 20  # 2,870 years
    packed, state_of, customers = np.unique(
        (history.x * days + history.t_x_days) * days + history.t_days, return_inverse=True, return_counts=True
    )
    t_x_days, t_days = packed // days % days, packed % days
    first = history.until - t_days
    begun = seasons.elapsed(first)
    return States(
        x=(packed // (days * days)).astype(np.float64),
        t_x=(seasons.elapsed(first + t_x_days) - begun) / DAYS_A_WEEK,
        t=(seasons.elapsed(np.full(1, history.until)) - begun) / DAYS_A_WEEK,
        customers=customers.astype(np.float64),
        state_of=state_of,
    )
