"""The truth behind the shop: who joins when, how often each person buys, when each stops, and what each spends."""

from dataclasses import dataclass

import numpy as np

from retain.demo.clock import Clock
from retain.demo.columns import Columns
from retain.demo.contacts import BUYER
from retain.demo.dice import Bools, Dice, Floats, Ints

THREE_YEARS = 1_096  # days: `customers` people join in that time, and go on joining at that pace
STILL_BUYING = -1

# Purchases: BG/NBD in days of business time. Buying rates are Gamma(R, ALPHA) over people; after every repeat purchase
# a person stops for good with a probability of their own, Beta(A, B) over people.
R, ALPHA, A, B = 0.55, 29.0, 0.8, 2.8
# Money: Gamma-Gamma in EUR. What one purchase costs is Gamma(P, nu); nu is Gamma(Q, GAMMA) over people.
P, Q, GAMMA = 5.0, 4.5, 24.5


@dataclass(frozen=True)
class Buyers(Columns):
    """One person each. `rate` is purchases per average day; `mean_spend` EUR per purchase; `store_share` how often in a store.

    `dropped_on` is the local day of the purchase after which the person stopped for good, STILL_BUYING if that has not
    happened by the last day; `dropped_out` says which.
    """

    number: Ints
    acquired_on: Ints
    rate: Floats
    drop_out_probability: Floats
    mean_spend: Floats
    spend_rate: Floats
    store_share: Floats
    app_share: Floats
    dropped_on: Ints
    occasions: Ints

    @property
    def dropped_out(self) -> Bools:
        return np.asarray(self.dropped_on != STILL_BUYING)


@dataclass(frozen=True)
class Occasions(Columns):
    """One purchase of one person: the `nth` (0 is the first), its local day, EUR spent, and where."""

    person: Ints
    nth: Ints
    day: Ints
    spend: Floats
    in_store: Bools
    in_app: Bools


def buy(dice: Dice, clock: Clock, customers: int) -> tuple[Buyers, Occasions]:
    """Everybody who joined until the last day, and every purchase they meant to make, by person and time.

    Source: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way; Fader & Hardie (2013), the Gamma-Gamma
    model. Seasons stretch time itself: in business time the process is exactly stationary.
    """
    pace = customers / THREE_YEARS
    index = np.arange(int(np.ceil(clock.length * pace)), dtype=np.int64)
    joined = (index + dice.uniform("joins", index)) / pace
    index, joined = index[joined < clock.length], joined[joined < clock.length]
    number = index * 4 + BUYER

    rate = dice.gamma("rate", R, ALPHA, number)
    drop_out = dice.beta("drop-out", A, B, number)
    spend_rate = dice.gamma("spend", Q, GAMMA, number)
    style = dice.pick("store, online or both", [0.31, 0.34, 0.35], number)
    both = 0.2 + 0.6 * dice.uniform("store share", number)
    store_share = np.choose(style, [np.ones(len(number)), np.zeros(len(number)), both])
    app_share = np.where(dice.happens("likes the app", 0.42, number), 0.8, 0.08)

    persons, nths, times = [number], [np.zeros(len(number), dtype=np.int64)], [joined]
    dropped_at = np.full(len(number), np.inf)
    active, now, nth = np.arange(len(number)), joined, 0
    while len(active):
        nth += 1
        now = now + dice.exponential("next purchase", 1 / rate[active], number[active], nth)
        seen = now < clock.length
        active, now = active[seen], now[seen]
        persons.append(number[active])
        nths.append(np.full(len(active), nth, dtype=np.int64))
        times.append(now)
        stops = dice.happens("stops", drop_out[active], number[active], nth)
        dropped_at[active[stops]] = now[stops]
        active, now = active[~stops], now[~stops]

    person, nth_of, time = np.concatenate(persons), np.concatenate(nths), np.concatenate(times)
    order = np.lexsort((nth_of, person))
    person, nth_of, time = person[order], nth_of[order], time[order]
    where = np.searchsorted(number, person)
    in_store = dice.happens("in a store", store_share[where], person, nth_of)
    occasions = Occasions(
        person=person,
        nth=nth_of,
        day=clock.day_of(time),
        spend=dice.gamma("spends", P, spend_rate[where], person, nth_of),
        in_store=in_store,
        in_app=~in_store & dice.happens("in the app", app_share[where], person, nth_of),
    )
    stopped = np.isfinite(dropped_at)
    buyers = Buyers(
        number=number,
        acquired_on=clock.day_of(joined),
        rate=rate,
        drop_out_probability=drop_out,
        mean_spend=P / spend_rate,
        spend_rate=spend_rate,
        store_share=store_share,
        app_share=app_share,
        dropped_on=np.where(stopped, clock.day_of(np.where(stopped, dropped_at, 0.0)), STILL_BUYING),
        occasions=np.bincount(where, minlength=len(number)).astype(np.int64),
    )
    return buyers, occasions
