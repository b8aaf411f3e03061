"""Shops to forecast: the CDNOW sample as its file says, and shops whose customers follow a model exactly."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from retain.forecast.statistics import History, Occasions

CDNOW = Path(__file__).parents[3] / "examples" / "cdnow" / "CDNOW_sample.txt"
EPOCH = date(1970, 1, 1)


def occasions_of(customer: np.ndarray, day: np.ndarray, cents: np.ndarray) -> Occasions:
    """One occasion a customer and day, whatever the order of the purchases; customers are numbered from 0 without gaps."""
    together, position = np.unique(customer.astype(np.int64) * 100_000 + day, return_inverse=True)
    summed = np.zeros(len(together), dtype=np.int64)
    np.add.at(summed, position, cents)
    numbers = np.arange(customer.max() + 1, dtype=">u8")
    keys = np.zeros((len(numbers), 2), dtype=">u8")
    keys[:, 1] = numbers
    return Occasions(
        keys=keys.view("V16").ravel(),
        customer=(together // 100_000).astype(np.int32),
        day=(together % 100_000).astype(np.int32),
        cents=summed,
    )


@pytest.fixture(scope="session")
def make_occasions() -> Callable[..., Occasions]:
    return occasions_of


def read_cdnow() -> Occasions:
    rows = [line.split() for line in CDNOW.read_text().splitlines()]
    customer = np.array([int(row[1]) - 1 for row in rows])
    day = np.array([(date(int(row[2][:4]), int(row[2][4:6]), int(row[2][6:])) - EPOCH).days for row in rows])
    cents = np.array([round(float(row[4]) * 100) for row in rows])
    return occasions_of(customer, day, cents)


@pytest.fixture(scope="session")
def cdnow() -> Occasions:
    return read_cdnow()


@pytest.fixture(scope="session")
def cdnow_calibration(cdnow: Occasions) -> History:
    """The first 39 weeks: what was known on 1997-09-30."""
    return cdnow.history((date(1997, 9, 30) - EPOCH).days)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Occasions]:
    """A shop whose customers follow BG/NBD (or MBG/NBD) and Gamma-Gamma; they join evenly over the first `join_days` of `days`."""

    def shop(
        customers: int,
        days: int,
        *,
        r: float = 0.6,
        alpha: float = 8.0,
        a: float = 0.8,
        b: float = 2.5,
        p: float = 6.0,
        q: float = 4.0,
        gamma: float = 15.0,
        join_days: int | None = None,
        chances_at_start: int = 0,
        seed: int = 1,
    ) -> Occasions:
        random = np.random.default_rng(seed)
        rate = random.gamma(r, 1 / alpha, customers) / 7  # a day
        leaves = random.beta(a, b, customers)
        level = random.gamma(q, 1 / gamma, customers)
        first = random.integers(0, join_days or days, customers)
        moment = first.astype(float)
        active = np.arange(customers)
        who, when = [active], [moment.copy()]
        if chances_at_start:
            active = active[random.random(customers) > leaves]
        while len(active):
            moment[active] += random.exponential(1 / rate[active])
            active = active[moment[active] <= days]
            who.append(active)
            when.append(moment[active].copy())
            active = active[random.random(len(active)) > leaves[active]]
        customer = np.concatenate(who)
        spend = random.gamma(p, 1 / level[customer])
        return occasions_of(customer, np.floor(np.concatenate(when)).astype(int), np.rint(spend * 100).astype(np.int64))

    return shop
