"""The points of the stores' loyalty card: earned and spent at the tills, taken back with what is given back."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.demo.catalogue import AMD, AMD_PER_EUR
from retain.demo.clock import last_before, midnight
from retain.demo.columns import Columns
from retain.demo.dice import Bits, Ints
from retain.demo.identities import FIRST_EMAIL, NONE, SECOND_EMAIL
from retain.demo.orders import PURCHASE, STOREFRONT_OPENS
from retain.demo.simulation import Simulation
from retain.demo.text import web_times

REWARD = 100  # points: so many are turned into a discount as soon as they are there
EARNED, SPENT, TAKEN_BACK = range(3)
DESCRIPTIONS = ("Receipt", "Reward redeemed", "Refund of a receipt")
FIRST_MEMBER, FIRST_ENTRY = 6_000_001, 1


@dataclass(frozen=True)
class Members(Columns):
    """One card each that has given an address, in the order in which it became a member."""

    card: Ints
    since: Ints


@dataclass(frozen=True)
class Entries(Columns):
    """One entry of the ledger each, in the order of time. `member` is a row of the members."""

    ref: Bits
    member: Ints
    at: Ints
    what: Ints
    points: Ints


def collect(simulation: Simulation) -> tuple[Members, Entries]:
    """All members and entries until the last day; the programme began when the second storefront opened."""
    cards, orders, returns, cut = simulation.cards, simulation.orders, simulation.returns, simulation.clock.cut
    begins = int(midnight(simulation.clock.first_day + STOREFRONT_OPENS))
    since = np.maximum(cards.email_from, begins)
    joins = np.flatnonzero(
        np.isin(cards.email_slot, [FIRST_EMAIL, SECOND_EMAIL]) & (since < np.minimum(cards.closed_at, cut))
    )
    joins = joins[np.lexsort((cards.ref[joins], since[joins]))]
    members = Members(joins, since[joins])
    member_of = np.full(len(cards), NONE, dtype=np.int64)
    member_of[joins] = np.arange(len(joins))

    card = simulation.identified.card
    member = np.where(card == NONE, NONE, member_of[card])
    counts = (orders.kind == PURCHASE) & (member != NONE) & (orders.arrived_at >= since[card])
    rows = np.flatnonzero(counts & (orders.arrived_at < cut))
    rows = rows[np.lexsort((orders.ref[rows], orders.arrived_at[rows], member[rows]))]
    to_points = np.where(orders.currency == AMD, 100 * AMD_PER_EUR, 100)
    earned = simulation.totals.net[rows] // to_points[rows]
    # What all have earned until then, less what all had before this member's first receipt.
    total = np.cumsum(earned)
    first = np.searchsorted(member[rows], member[rows])
    before = total - earned
    own = total - before[first] if len(rows) else total
    rewards = own // REWARD - (own - earned) // REWARD
    at = orders.arrived_at[rows]
    given_back = returns.take(np.isin(returns.order, rows))
    parts = (
        Entries(orders.ref[rows], member[rows], at, np.full(len(rows), EARNED), earned),
        Entries(orders.ref[rows], member[rows], at + 60, np.full(len(rows), SPENT), -rewards * REWARD),
        Entries(
            given_back.ref, member[given_back.order], given_back.at, np.full(len(given_back), TAKEN_BACK),
            -(given_back.amount // to_points[given_back.order]),
        ),
    )  # fmt: skip
    entries = Entries.joined(*parts)
    entries = entries.take((entries.points != 0) & (entries.at < cut))
    return members, entries.take(np.lexsort((entries.what, entries.ref, entries.at)))


def point_things(simulation: Simulation, members: Members, entries: Entries) -> dict[str, list[dict[str, Any]]]:
    """What the programme holds on the last day, by list, as Smile.io's API writes it."""
    cards, contacts, cut = simulation.cards.take(members.card), simulation.contacts, simulation.clock.cut
    holders = zip(
        *contacts.names(cards.person),
        contacts.addresses(cards.person, cards.email_slot),
        (cards.closed_at < cut).tolist(),
        web_times(members.since),
        web_times(last_before(cut, members.since, cards.closed_at)),
        strict=True,
    )
    ledger = zip(
        entries.member.tolist(), entries.what.tolist(), entries.points.tolist(), web_times(entries.at), strict=True
    )
    return {
        "customers": [
            {
                "id": FIRST_MEMBER + number, "first_name": first, "last_name": last, "email": email,
                "state": "disabled" if is_closed else "member", "created_at": since, "updated_at": updated,
            }
            for number, (first, last, email, is_closed, since, updated) in enumerate(holders)
        ],
        "points_transactions": [
            {
                "id": FIRST_ENTRY + number, "customer_id": FIRST_MEMBER + member, "points_change": points,
                "description": DESCRIPTIONS[what], "created_at": at, "updated_at": at,
            }
            for number, (member, what, points, at) in enumerate(ledger)
        ],
    }  # fmt: skip
