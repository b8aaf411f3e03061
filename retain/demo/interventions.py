"""What the shop does to be bought from more often: changes, and experiments; and the purchases that it brings about."""

from dataclasses import dataclass

import numpy as np

from retain.demo.buying import STILL_BUYING, Buyers, Occasions, P
from retain.demo.clock import Clock, midnight
from retain.demo.columns import Columns
from retain.demo.contacts import BUYER
from retain.demo.dice import Bools, Dice, Floats, Ints
from retain.demo.identities import Accounts
from retain.demo.orders import APP, NOBODY, STORE, WEB, Extra

MONTHS_OF_INTEREST = 270  # days: who bought nothing for longer is reached by no change
STAYS_REACHABLE = 28  # days after the last purchase of all; less than until anybody closes an account
ASSIGNED_AT, SENT_AT = 7 * 3_600, 10 * 3_600  # after midnight


@dataclass(frozen=True)
class Change:
    """From `day` (days after the start) on, each customer who came by `channel` buys once more with the chance `adds`."""

    change_id: str
    kind: str
    title: str
    channel: int
    day: int
    adds: float = 0.0


@dataclass(frozen=True)
class Experiment:
    """On `day` half of those who accept mail are written to; each of them buys once more with the chance `adds`."""

    experiment_id: str
    day: int
    adds: float = 0.0


@dataclass(frozen=True)
class Assignments(Columns):
    """One account each, in one experiment (its position in EXPERIMENTS)."""

    experiment: Ints
    account: Ints
    is_treated: Bools


# Far enough from each other that none lies in the days before or after another.
CHANGES = (
    Change("paper-bags", "service", "Paper bags in the stores", STORE, 400),
    Change("one-tap-reorder", "product", "Reorder with one tap in the app", APP, 820, adds=0.25),
)
EXPERIMENTS = (Experiment("voucher-by-mail", 520, adds=0.08), Experiment("postcard", 610))
CHANGE_DAYS, EXPERIMENT_DAYS = 80, 28  # how long what they bring about goes on
CAUSES = (None, *(change.change_id for change in CHANGES), *(one.experiment_id for one in EXPERIMENTS))


def brought_by_changes(dice: Dice, clock: Clock, buyers: Buyers, occasions: Occasions) -> Extra:
    """The purchases that would not have been without the changes."""
    first = occasions.take(occasions.nth == 0)
    channel = np.where(first.in_store, STORE, np.where(first.in_app, APP, WEB))
    parts = [_nothing()]
    for change in CHANGES:
        on = clock.first_day + change.day
        came = first.person[(channel == change.channel) & (first.day < on)]
        lately = occasions.person[(occasions.day < on) & (occasions.day >= on - MONTHS_OF_INTEREST)]
        buys = np.intersect1d(came, lately)
        buys = buys[dice.happens(f"{change.change_id} adds", change.adds, buys)]
        parts.append(_extra(dice, clock, buyers, occasions, buys, on, CHANGE_DAYS, change.channel, change.change_id))
    return Extra.joined(*parts)


def brought_by_experiments(dice: Dice, clock: Clock, buyers: Buyers, occasions: Occasions, accounts: Accounts) -> Extra:
    """The purchases of treated customers that would not have been without the treatment."""
    assigned = assignments(dice, clock, accounts)
    parts = [_nothing()]
    for number, one in enumerate(EXPERIMENTS):
        treated = accounts.person[assigned.account[(assigned.experiment == number) & assigned.is_treated]]
        buys = treated[dice.happens(f"{one.experiment_id} adds", one.adds, treated)]
        on = clock.first_day + one.day
        parts.append(_extra(dice, clock, buyers, occasions, buys, on, EXPERIMENT_DAYS, WEB, one.experiment_id))
    return Extra.joined(*parts)


def assignments(dice: Dice, clock: Clock, accounts: Accounts) -> Assignments:
    """Who was put into which arm until the last day: first accounts of buyers that accept mail on the morning of the sending.

    It depends on nothing that happens later, whatever the accounts of later days are.
    """
    experiments, rows = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for number, one in enumerate(EXPERIMENTS):
        day = clock.first_day + one.day
        dawn = int(midnight(day))
        reached = (accounts.which == 1) & (accounts.person != NOBODY) & (accounts.person % 4 == BUYER)
        reached &= (accounts.registered_at < dawn) & (accounts.closed_at >= dawn)
        reached &= accounts.wants_mail & (accounts.opted_out_at >= dawn)
        found = np.flatnonzero(reached) if day <= clock.last_day else rows[0]
        experiments.append(np.full(len(found), number, dtype=np.int64))
        rows.append(found)
    experiment, account = np.concatenate(experiments), np.concatenate(rows)
    is_treated = dice.happens("treated", 0.5, experiment, accounts.person[account] + 2)
    return Assignments(experiment, account, is_treated)


def _nothing() -> Extra:
    none, amounts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float64)
    return Extra(none, none, none, none, amounts, none)


def _extra(
    dice: Dice,
    clock: Clock,
    buyers: Buyers,
    occasions: Occasions,
    person: Ints,
    on: int,
    within_days: int,
    channel: int,
    cause: str,
) -> Extra:
    """One more purchase each, on some day from `on` on, of those who have not stopped buying long before that day."""
    day = on + dice.below(f"{cause} after", within_days, person)
    dropped_on = buyers.dropped_on[np.searchsorted(buyers.number, person)]
    buys = (day <= clock.last_day) & ((dropped_on == STILL_BUYING) | (day <= dropped_on + STAYS_REACHABLE))
    person, day = person[buys], day[buys]
    # It belongs to the last purchase that the person made of themselves: occasions are by person and time.
    starts = np.searchsorted(occasions.person, person)
    before = np.searchsorted(occasions.person * 100_000 + occasions.day, person * 100_000 + day, side="right")
    spend: Floats = dice.gamma(f"{cause} spends", P, buyers.spend_rate[np.searchsorted(buyers.number, person)], person)
    n = len(person)
    return Extra(
        person=person,
        nth=before - 1 - starts,
        day=day,
        channel=np.full(n, channel, dtype=np.int64),
        spend=spend,
        cause=np.full(n, CAUSES.index(cause), dtype=np.int64),
    )
