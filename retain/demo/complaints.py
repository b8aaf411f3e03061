"""Who writes to the shop about an order, how long they wait for an answer, and what they say of it afterwards."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.demo import wrong
from retain.demo.baskets import REASONS
from retain.demo.clock import DAY, NEVER, last_before
from retain.demo.columns import Columns
from retain.demo.dice import Bits, Bools, Ints
from retain.demo.identities import FIRST_EMAIL, NO_EMAIL, NONE, SECOND_EMAIL
from retain.demo.orders import PURCHASE
from retain.demo.simulation import Simulation
from retain.demo.text import Texts, web_times

RETURN, LATE_DELIVERY, QUESTION = range(3)
ABOUT = ("return", "late_delivery", "question")
SUBJECTS = ("I send something back", "Where is my parcel?", "A question about my order")
WRITES_ON_RETURN = {
    "changed mind": 0.04,
    "wrong size": 0.18,
    "damaged": 0.7,
    "not as described": 0.6,
    "late delivery": 0.75,
}
WRITES_ON_GOODWILL = 0.8
DELIVERED_LATE, WRITES_WHEN_LATE, ASKS = 0.06, 0.35, 0.012  # shares of the purchases online
# Who stops with a purchase was likelier to wait long for an answer about it: the same as that waiting makes people stop.
WAITS, WAITS_AND_STOPS = 0.25, 0.6
ANSWERS_SURVEY = 0.35
SCORES, SCORES_AFTER_WAITING = [0.03, 0.05, 0.12, 0.3, 0.5], [0.35, 0.25, 0.2, 0.12, 0.08]
FIRST_TICKET, FIRST_USER = 1, 9_000_001
CLOSES_AFTER = 4 * DAY


@dataclass(frozen=True)
class Complaints(Columns):
    """One ticket each, in the order of their opening. `order` is a row of the orders; `user` numbers who wrote, from 0.

    `replied_at`, `solved_at` and `answered_at` (the survey's) are instants, which may lie after the last day, or NEVER.
    """

    ref: Bits
    order: Ints
    user: Ints
    about: Ints
    opened_at: Ints
    replied_at: Ints
    solved_at: Ints
    answered_at: Ints
    score: Ints
    waits: Bools
    stops: Bools


@dataclass(frozen=True)
class Users(Columns):
    """Who wrote, numbered as they wrote first: `email_slot`, `has_phone` and `closed_at` as the identity that
    they had ordered under."""

    person: Ints
    email_slot: Ints
    has_phone: Bools
    since: Ints
    closed_at: Ints


def complain(simulation: Simulation) -> tuple[Complaints, Users]:
    """Every ticket until the last day, and who wrote them: only who has given an address can."""
    dice, orders, cut = simulation.dice, simulation.orders, simulation.clock.cut
    order, about, ref, opened_at = _occasions(simulation)
    slot, has_phone, closed_at = _written_by(simulation, order, opened_at)
    chosen = np.flatnonzero((opened_at < cut) & np.isin(slot, [FIRST_EMAIL, SECOND_EMAIL]))
    chosen = chosen[np.lexsort((ref[chosen], opened_at[chosen]))]
    order, about, ref, opened_at = order[chosen], about[chosen], ref[chosen], opened_at[chosen]
    person, slot = orders.person[order], slot[chosen]
    buyers = simulation.buyers
    stops = buyers.dropped_on[np.searchsorted(buyers.number, person)] == orders.day[order]
    waits = dice.happens("waits", np.where(stops & (about != QUESTION), WAITS_AND_STOPS, WAITS), ref)
    minutes = np.where(
        waits,
        1_500 + dice.exponential("waits for", 1_800.0, ref),
        20 + np.minimum(dice.exponential("answer", 240.0, ref), 1_300),
    ).astype(np.int64)
    replied_at = opened_at + minutes * 60
    solved_at = replied_at + (30 + dice.below("solved after", 2_880, ref)) * 60
    answers = dice.happens("answers survey", ANSWERS_SURVEY, ref)
    answered_at = np.where(answers, solved_at + 3_600 + dice.below("answers after", 2 * DAY, ref), NEVER)
    score = 1 + np.where(waits, dice.pick("score", SCORES_AFTER_WAITING, ref), dice.pick("score", SCORES, ref))
    score = np.where(wrong.is_off_scale(dice, ref), wrong.OFF_SCALE, score)
    identity = person * 4 + slot
    _, first, user = np.unique(identity, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    firsts = np.sort(first)
    complaints = Complaints(
        ref, order, rank[user], about, opened_at, replied_at, solved_at, answered_at, score, waits, stops
    )
    return complaints, Users(
        person[firsts], slot[firsts], has_phone[chosen][firsts], opened_at[firsts], closed_at[chosen][firsts]
    )


def _occasions(simulation: Simulation) -> tuple[Ints, Ints, Bits, Ints]:
    """Order, what about, reference and opening of every time that somebody writes, if they have an address."""
    dice, orders, returns = simulation.dice, simulation.orders, simulation.returns
    shares = np.array([WRITES_ON_RETURN.get(reason, WRITES_ON_GOODWILL) for reason in REASONS])
    writes = dice.happens("writes on return", shares[returns.reason], returns.ref)
    _, first = np.unique(returns.order, return_index=True)
    writes &= np.isin(np.arange(len(returns)), first)  # about the rest that comes back later nobody writes again
    given_back = returns.take(writes)
    online = np.flatnonzero((orders.kind == PURCHASE) & ~orders.in_store)
    ref = orders.ref[online]
    late = online[
        dice.happens("delivered late", DELIVERED_LATE, ref) & dice.happens("writes when late", WRITES_WHEN_LATE, ref)
    ]
    asks = online[dice.happens("asks", ASKS, ref)]
    parts = (
        (RETURN, given_back.order, given_back.at + 600 + dice.below("writes after return", 6 * 3_600, given_back.ref)),
        (LATE_DELIVERY, late, orders.paid_at[late] + 4 * DAY + dice.below("writes late", 5 * DAY, orders.ref[late])),
        (QUESTION, asks, orders.paid_at[asks] + 3_600 + dice.below("asks after", 2 * DAY, orders.ref[asks])),
    )
    order = np.concatenate([rows for _, rows, _ in parts])
    about = np.concatenate([np.full(len(rows), what, dtype=np.int64) for what, rows, _ in parts])
    ref = dice.bits("ticket", orders.ref[order], about)
    return order, about, ref, np.concatenate([at for _, _, at in parts])


def _written_by(simulation: Simulation, order: Ints, at: Ints) -> tuple[Ints, Bools, Ints]:
    """Of the identity of each order: the address and the phone that it had given by an instant, and when it is closed."""
    identified, accounts, cards = simulation.identified.take(order), simulation.accounts, simulation.cards
    of_card, of_account = identified.card != NONE, identified.account != NONE
    card_slot = np.where(cards.email_from[identified.card] <= at, cards.email_slot[identified.card], NO_EMAIL)
    slot = np.where(of_account, accounts.email_slot[identified.account], identified.email_slot)
    has_phone = np.where(of_account, accounts.has_phone[identified.account], identified.has_phone)
    closed_at = np.where(of_account, accounts.closed_at[identified.account], NEVER)
    return (
        np.where(of_card, card_slot, slot),
        np.where(of_card, cards.has_phone[identified.card], has_phone),
        np.where(of_card, cards.closed_at[identified.card], closed_at),
    )


def helpdesk_things(simulation: Simulation, complaints: Complaints, users: Users) -> dict[str, list[dict[str, Any]]]:
    """What the help desk holds on the last day, by kind, as Zendesk's API writes it."""
    return {
        "tickets": _tickets(simulation, complaints),
        "users": _users(simulation, users),
        "survey_responses": _responses(simulation, complaints),
    }


def _tickets(simulation: Simulation, complaints: Complaints) -> list[dict[str, Any]]:
    one, cut = complaints, simulation.clock.cut
    closed_at = one.solved_at + CLOSES_AFTER
    changed = last_before(cut, one.opened_at, one.replied_at, one.solved_at, closed_at)
    is_replied, is_solved = one.replied_at < cut, one.solved_at < cut
    step = is_replied.astype(int) + is_solved + (closed_at < cut)
    columns: list[Texts] = [web_times(at) for at in (one.opened_at, changed, np.where(is_solved, one.solved_at, NEVER))]
    return [
        {
            "id": FIRST_TICKET + number, "requester_id": FIRST_USER + user, "status": ("new", "open", "solved", "closed")[how_far],
            "subject": SUBJECTS[what], "type": "question" if what == QUESTION else "problem", "priority": "normal", "tags": [],
            "via": {"channel": "email", "source": {"from": {}, "to": {}, "rel": None}},
            "metric_set": {"reply_time_in_minutes": {"calendar": minutes if how_far else None, "business": None}, "solved_at": solved},
            "created_at": opened, "updated_at": updated, "generated_timestamp": second,
        }
        for number, (user, what, how_far, minutes, second, opened, updated, solved) in enumerate(
            zip(
                one.user.tolist(), one.about.tolist(), step.tolist(), ((one.replied_at - one.opened_at) // 60).tolist(),
                changed.tolist(), *columns, strict=True,
            )
        )
    ]  # fmt: skip


def _users(simulation: Simulation, users: Users) -> list[dict[str, Any]]:
    contacts, cut = simulation.contacts, simulation.clock.cut
    updated_at = np.maximum(users.since, last_before(cut, users.since, users.closed_at))
    rows = zip(
        *contacts.names(users.person), contacts.addresses(users.person, users.email_slot),
        contacts.numbers(users.person, users.has_phone), (users.closed_at < cut).tolist(),
        web_times(users.since), web_times(updated_at), strict=True,
    )  # fmt: skip
    return [
        {
            "id": FIRST_USER + number, "name": f"{first} {last}", "email": email, "phone": phone, "role": "end-user",
            "active": True, "suspended": is_closed, "created_at": since, "updated_at": updated,
        }
        for number, (first, last, email, phone, is_closed, since, updated) in enumerate(rows)
    ]  # fmt: skip


def _responses(simulation: Simulation, complaints: Complaints) -> list[dict[str, Any]]:
    rows = np.flatnonzero(complaints.answered_at < simulation.clock.cut)
    rows = rows[np.lexsort((rows, complaints.answered_at[rows]))]
    one = complaints.take(rows)
    return [
        {
            "id": f"01ARAS{row:08d}", "responder_id": FIRST_USER + user, "subject_zrns": [f"zen:ticket:{FIRST_TICKET + row}"],
            "survey": {"id": "01ARASSURVEY", "version": 1, "state": "enabled"}, "expires_at": None,
            "created_at": at, "updated_at": at,
            "answers": [{"type": "rating_scale", "rating": score, "created_at": at, "updated_at": at}],
        }
        for row, user, score, at in zip(
            rows.tolist(), one.user.tolist(), one.score.tolist(), web_times(one.answered_at), strict=True
        )
    ]  # fmt: skip
