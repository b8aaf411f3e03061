"""What the purchasing models need of a customer: how many repeat occasions, when the last one was, and for how long we
have watched."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
class Occasions:
    """Every purchase occasion of a shop, sorted by customer and day, one row a customer and day.

    keys      one a customer: the customer's uuid as 16 raw bytes
    customer  position in `keys`, ascending, none left out
    day       days since 1970-01-01, ascending within a customer
    cents     net amount in hundredths of the currency
    """

    keys: npt.NDArray[np.void]
    customer: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    cents: IntArray

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
        occasions = np.add.reduceat(known.astype(np.int64), starts)
        total = np.add.reduceat(np.where(known, self.cents, 0), starts)
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
            repeat_cents=total - self.cents[starts],
            total_cents=total,
            first_day=int(first.min()),
        )

    def between(self, history: History, end: int) -> tuple[IntArray, IntArray]:
        """What the customers of `history` did after its last day, until and with day `end`: (occasions, cents), one a
        customer."""
        starts, later = self.starts, (self.day > history.until) & (self.day <= end)
        if not len(starts):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        occasions = np.add.reduceat(later.astype(np.int64), starts)[history.customer]
        return occasions, np.add.reduceat(np.where(later, self.cents, 0), starts)[history.customer]


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


def states(history: History) -> States:
    """Group customers with equal (x, t_x, T): one-time buyers of a day become one row, so the likelihood is a short
    sum."""
    days = 1 << 20  # 2,870 years
    packed, state_of, customers = np.unique(
        (history.x * days + history.t_x_days) * days + history.t_days, return_inverse=True, return_counts=True
    )
    return States(
        x=(packed // (days * days)).astype(np.float64),
        t_x=(packed // days % days) / DAYS_A_WEEK,
        t=(packed % days) / DAYS_A_WEEK,
        customers=customers.astype(np.float64),
        state_of=state_of,
    )
