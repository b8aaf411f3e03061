"""Shops whose truth is known: customers who follow BG/NBD and Gamma-Gamma exactly, or live in the demo shop."""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from retain.demo.buying import STILL_BUYING, Buyers, buy
from retain.demo.clock import Clock
from retain.demo.dice import Dice
from retain.forecast.statistics import History, Occasions

FloatArray = npt.NDArray[np.float64]

PURCHASES = {"r": 0.5, "alpha": 6.0, "a": 0.8, "b": 2.5}  # weeks
SPEND = {"p": 6.0, "q": 4.0, "gamma": 15.0}
WEEKS = 39.0


def customers(count: int, seed: int, weeks: float = WEEKS) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(x, t_x, T, mean repeat spend) of customers who joined evenly over the first half; weeks, in continuous time."""
    random = np.random.default_rng(seed)
    rate = random.gamma(PURCHASES["r"], 1 / PURCHASES["alpha"], count)
    leaves = random.beta(PURCHASES["a"], PURCHASES["b"], count)
    level = random.gamma(SPEND["q"], 1 / SPEND["gamma"], count)
    t = weeks - random.random(count) * weeks / 2
    x, t_x, moment = np.zeros(count), np.zeros(count), np.zeros(count)
    active = np.arange(count)
    while len(active):
        with np.errstate(divide="ignore", over="ignore"):
            moment[active] += random.exponential(1 / rate[active])
        active = active[moment[active] <= t[active]]
        x[active] += 1
        t_x[active] = moment[active]
        active = active[random.random(len(active)) > leaves[active]]
    spend = np.zeros(count)
    again = x > 0
    spend[again] = random.gamma(SPEND["p"] * x[again], 1 / (level[again] * x[again]))
    return x, t_x, t, spend


def by_days(x: FloatArray, t_x: FloatArray, t: FloatArray, spend: FloatArray) -> History:
    """The same as a shop knows it: whole days, and amounts to the cent."""
    t_days = np.maximum(np.round(t * 7).astype(np.int64), 1)
    cents = np.rint(spend * x * 100).astype(np.int64)
    days = np.minimum(np.round(t_x * 7).astype(np.int64), t_days)
    return History(
        until=10_000,
        customer=np.arange(len(x)),
        x=x.astype(np.int64),
        t_x_days=np.where(x > 0, np.maximum(days, 1), 0),
        t_days=t_days,
        repeat_cents=cents,
        total_cents=cents + 2_000,
        first_day=10_000 - int(t_days.max()),
    )


def occasions(count: int, days: int, seed: int) -> Occasions:
    """Day by day: customers who join evenly over `days` and follow the same models."""
    random = np.random.default_rng(seed)
    rate = random.gamma(PURCHASES["r"], 1 / PURCHASES["alpha"], count) / 7
    leaves = random.beta(PURCHASES["a"], PURCHASES["b"], count)
    moment = random.random(count) * days
    active = np.arange(count)
    who, when = [active], [moment.copy()]
    while len(active):
        with np.errstate(divide="ignore", over="ignore"):
            moment[active] += random.exponential(1 / rate[active])
        active = active[moment[active] < days]
        who.append(active)
        when.append(moment[active].copy())
        active = active[random.random(len(active)) > leaves[active]]
    together = np.unique(np.concatenate(who) * 100_000 + np.floor(np.concatenate(when)).astype(np.int64))
    customer = (together // 100_000).astype(np.int32)
    level = random.gamma(SPEND["q"], 1 / SPEND["gamma"], count)
    cents = np.rint(random.gamma(SPEND["p"], 1 / level[customer]) * 100).astype(np.int64)
    keys = np.sort(random.integers(0, 2**62, count)).astype(">u8")
    both = np.stack([keys, np.arange(count, dtype=">u8")], axis=1)
    day = (together % 100_000).astype(np.int32) + 18_000
    return Occasions(np.ascontiguousarray(both).view("V16").ravel(), customer, day, cents)


def demo(start: date, until: date, seed: int, count: int) -> tuple[Clock, Buyers, Occasions]:
    """The people of the demo shop, with the truth about each beside what they bought; `keys` are their numbers."""
    clock = Clock(start, until)
    buyers, bought = buy(Dice(seed), clock, count)
    together, row = np.unique(bought.person * 100_000 + bought.day, return_inverse=True)
    cents = np.bincount(row, weights=np.rint(bought.spend * 100)).astype(np.int64)
    position = np.searchsorted(buyers.number, together // 100_000)
    scrambled = np.random.default_rng(1).permutation(len(buyers.number))  # so that halves by key are random halves
    order = np.lexsort((together % 100_000, scrambled[position]))
    keys = np.zeros((len(buyers.number), 2), dtype=">u8")
    keys[:, 1] = np.arange(len(keys))
    known = Occasions(
        keys.view("V16").ravel(),
        scrambled[position][order].astype(np.int32),
        (together % 100_000)[order].astype(np.int32),
        cents[order],
    )
    return clock, buyers.take(np.argsort(scrambled)), known


def truth(clock: Clock, buyers: Buyers, history: History, days: int) -> dict[str, Any]:
    """What is true of the customers of a history: the probability of no order, and the expected value, of the next
    `days`; given rate, drop-out and mean spend of each person, and whether they had left by then."""
    chosen = buyers.take(history.customer)
    is_there = (chosen.dropped_on == STILL_BUYING) | (chosen.dropped_on > history.until)
    ends = np.searchsorted(clock.days, [history.until, history.until + days])
    ahead = float(clock._elapsed[ends[1] + 1] - clock._elapsed[ends[0] + 1])
    p = chosen.drop_out_probability
    orders = -np.expm1(-chosen.rate * p * ahead) / np.maximum(p, 1e-12)
    return {
        "p_no_order": np.where(is_there, np.exp(-chosen.rate * ahead), 1.0),
        "value": np.where(is_there, orders * chosen.mean_spend, 0.0),
    }
