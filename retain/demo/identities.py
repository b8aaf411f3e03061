"""Under which identity each order was placed: web accounts, loyalty cards, guests; and what each identity says of its person."""

from dataclasses import dataclass

import numpy as np

from retain.demo.buying import STILL_BUYING, Buyers
from retain.demo.clock import DAY, NEVER, Clock, midnight
from retain.demo.columns import Columns, count_within
from retain.demo.contacts import BROWSER
from retain.demo.dice import Bits, Bools, Dice, Ints
from retain.demo.orders import (
    CANCELLED,
    GIFT_CARD,
    NOBODY,
    PURCHASE,
    STORE,
    TEST,
    UNPAID,
    Orders,
    daily,
)

NO_EMAIL, FIRST_EMAIL, SECOND_EMAIL, PLACEHOLDER = range(4)
NONE = -1
SILVER_FROM, GOLD_FROM = 5, 15  # purchases in a store
FIRST_CUSTOMER_ID, FIRST_CARD = 1_000, 100_001


@dataclass(frozen=True)
class Accounts(Columns):
    """One web account each (`which` 1, or 2 for a person's second), in the order of registration; row 0 is the staff's."""

    person: Ints
    which: Ints
    ref: Bits
    registered_at: Ints
    by_app: Bools
    email_slot: Ints
    has_phone: Bools
    wants_mail: Bools
    opted_out_at: Ints
    closed_at: Ints

    @property
    def customer_id(self) -> Ints:
        return FIRST_CUSTOMER_ID + np.arange(len(self), dtype=np.int64)


@dataclass(frozen=True)
class Cards(Columns):
    """One loyalty card each, in the order of issue. `email_from` is when the address was added, if it was not there at once.

    `has_store_phone`: the cashier typed the store's own number, for who gave none.
    """

    person: Ints
    ref: Bits
    issued_at: Ints
    store: Ints
    email_slot: Ints
    email_from: Ints
    has_phone: Bools
    has_store_phone: Bools
    wants_mail: Bools
    opted_out_at: Ints
    closed_at: Ints
    silver_from: Ints
    gold_from: Ints

    def numbers(self) -> list[str]:
        return [f"AM{FIRST_CARD + row}" for row in range(len(self))]


@dataclass(frozen=True)
class Identified(Columns):
    """Beside every order: the row of its account or card, or NONE; and what a guest stated."""

    account: Ints
    card: Ints
    email_slot: Ints
    has_phone: Bools


def identify(
    dice: Dice, clock: Clock, buyers: Buyers, orders: Orders, customers: int
) -> tuple[Accounts, Cards, Identified]:
    """Give every order its identity, and make the accounts and cards that this takes."""
    which = _account_used(dice, orders)
    accounts = _accounts(dice, clock, buyers, orders, which, customers)
    card_used = _uses_card(dice, orders)
    cards = _cards(dice, clock, buyers, orders, card_used)
    guest = (orders.channel != STORE) & (which == 0)
    knows_guest = guest & (orders.person != NOBODY)
    stated = dice.pick("guest states", [0.5, 0.34, 0.1, 0.06], orders.ref)  # both, e-mail, phone, neither
    identified = Identified(
        account=_row_of(accounts.person * 4 + accounts.which, np.maximum(orders.person, 0) * 4 + which, which > 0),
        card=_row_of(cards.person, orders.person, card_used),
        email_slot=np.where(knows_guest & (stated <= 1), FIRST_EMAIL, NO_EMAIL),
        has_phone=knows_guest & ((stated == 0) | (stated == 2)),
    )
    # The staff order with their own account, which is row 0.
    staff = (orders.kind == TEST) & (orders.channel != STORE)
    account = np.where(staff, 0, identified.account)
    return accounts, cards, Identified(account, identified.card, identified.email_slot, identified.has_phone)


def _row_of(keys: Ints, wanted: Ints, has_one: Bools) -> Ints:
    order = np.argsort(keys, kind="stable")
    found = np.searchsorted(keys[order], np.where(has_one, wanted, keys[0] if len(keys) else 0))
    rows = order[np.minimum(found, len(order) - 1)] if len(order) else np.zeros(len(wanted), dtype=np.int64)
    return np.where(has_one, rows, NONE)


def _of_buyers(orders: Orders) -> Bools:
    return np.isin(orders.kind, [PURCHASE, CANCELLED, UNPAID, GIFT_CARD])


def _account_used(dice: Dice, orders: Orders) -> Ints:
    """0 for a guest, 1 for the person's account, 2 for a second one, opened under another address and used from then on."""
    online = _of_buyers(orders) & ~orders.in_store
    rows = np.flatnonzero(online)
    rows = rows[np.lexsort((orders.nth[rows], orders.person[rows]))]
    person = orders.person[rows]
    changes = np.concatenate([[True], (person[1:] != person[:-1]) | (orders.nth[rows][1:] != orders.nth[rows][:-1])])
    first_row = np.maximum.accumulate(np.where(changes, np.arange(len(rows)), 0)) if len(rows) else rows
    visits = np.flatnonzero(changes)
    visit = np.zeros(len(rows), dtype=np.int64)
    visit[visits] = count_within(person[visits])
    visit = visit[first_row]  # 0 at the person's first visit online, whatever was tried during it
    never = dice.happens("never registers", 0.09, person)
    later = dice.happens("registers later", 0.07, person) & (visit == 0)
    once = dice.happens("as a guest", 0.015, person, orders.nth[rows])
    second_from = 2 + dice.below("second account from", 4, person)
    second = dice.happens("opens a second account", 0.09, person) & (visit >= second_from)
    which = np.zeros(len(orders), dtype=np.int64)
    which[rows] = np.where(never | later | once, 0, np.where(second, 2, 1))
    return which


def _leaving(
    dice: Dice, clock: Clock, buyers: Buyers, person: Ints, what: str, from_at: Ints
) -> tuple[Bools, Ints, Ints]:
    """Whether they want mail at first, when they opt out, and when they close it; both after `from_at`, or NEVER.

    Only who has stopped buying closes an account, so that no identity is closed before its last purchase.
    """
    wants = dice.happens(f"{what} wants mail", 0.78, person)
    opts_out = wants & dice.happens(f"{what} opts out", 0.12, person)
    opted_out_at = from_at + DAY + dice.exponential(f"{what} opts out after", 220.0 * DAY, person).astype(np.int64)
    row = np.minimum(np.searchsorted(buyers.number, person), len(buyers) - 1)
    stopped = (buyers.number[row] == person) & (buyers.dropped_on[row] != STILL_BUYING)
    closes = stopped & dice.happens(f"{what} closes", 0.055, person)
    after = (30 + dice.below(f"{what} closes after", 40, person)) * DAY + dice.below(f"{what} closes at", DAY, person)
    closed_at = np.maximum(midnight(buyers.dropped_on[row]), from_at) + after
    return wants, np.where(opts_out, opted_out_at, NEVER), np.where(closes, closed_at, NEVER)


def _accounts(dice: Dice, clock: Clock, buyers: Buyers, orders: Orders, which: Ints, customers: int) -> Accounts:
    rows = np.flatnonzero(which > 0)
    keys, first = np.unique(orders.person[rows] * 4 + which[rows], return_index=True)  # rows are in the order of time
    opened = rows[first]
    # People who register and never order anything.
    day, within = daily(dice, clock, "browsers", 0.5 * customers / 20_000)
    browsers = ((day - clock.first_day) * 64 + within) * 4 + BROWSER
    looked_at = midnight(day) + 8 * 3_600 + dice.below("browses", 14 * 3_600, browsers)

    person = np.concatenate([[NOBODY], keys // 4, browsers])
    number = np.concatenate([[1], keys % 4, np.ones(len(browsers), dtype=np.int64)])
    ref = dice.bits("account", person + 2, number)
    before = orders.at[opened] - 60 * (1 + dice.below("registers before", 15, keys))
    before = np.maximum(before, midnight(orders.day[opened]))  # the same day: no account without its first order
    registered_at = np.concatenate([[midnight(clock.first_day - 7)], before, looked_at]).astype(np.int64)
    by_app = np.concatenate([[False], orders.channel[opened] == 1, dice.happens("browses in app", 0.5, browsers)])
    wants, opted_out_at, closed_at = _leaving(dice, clock, buyers, np.maximum(person, 0), "account", registered_at)
    wants[0], opted_out_at[0], closed_at[0] = False, NEVER, NEVER
    accounts = Accounts(
        person=person,
        which=number,
        ref=ref,
        registered_at=registered_at,
        by_app=by_app,
        email_slot=np.where(number == 2, SECOND_EMAIL, FIRST_EMAIL),
        has_phone=dice.happens("account states phone", np.where(number == 2, 0.6, 0.72), ref) & (person != NOBODY),
        wants_mail=wants,
        opted_out_at=opted_out_at,
        closed_at=closed_at,
    )
    return accounts.take(np.lexsort((ref, accounts.registered_at)))


def _uses_card(dice: Dice, orders: Orders) -> Bools:
    """Receipts of known people, but for those who left their card at home (never on the visit at which they get it)."""
    of_buyers = _of_buyers(orders) & orders.in_store
    forgotten = dice.happens("card left at home", 0.015, np.maximum(orders.person, 0), orders.nth)
    rows = np.flatnonzero(of_buyers)
    _, first = np.unique(orders.person[rows], return_index=True)
    forgotten[rows[first]] = False
    return of_buyers & ~forgotten


def _cards(dice: Dice, clock: Clock, buyers: Buyers, orders: Orders, used: Bools) -> Cards:
    rows = np.flatnonzero(used)
    person, first = np.unique(orders.person[rows], return_index=True)
    opened = rows[first]
    issued_at = np.maximum(orders.at[opened] - 120, midnight(orders.day[opened]))
    ref = dice.bits("card", person)
    email = dice.pick("card states e-mail", [0.375, 0.55, 0.07, 0.005], person)
    adds_later = dice.happens("adds e-mail", 0.04, person) & (email == FIRST_EMAIL)
    added_at = issued_at + (3 + dice.below("adds e-mail after", 200, person)) * DAY
    has_phone = dice.happens("card states phone", 0.83, person)
    wants, opted_out_at, closed_at = _leaving(dice, clock, buyers, person, "card", issued_at)

    bought = rows[orders.kind[rows] == PURCHASE]
    bought = bought[np.lexsort((orders.at[bought], orders.person[bought]))]
    nth = count_within(orders.person[bought]) + 1
    silver, gold = np.full(len(person), NEVER), np.full(len(person), NEVER)
    for times, target in ((SILVER_FROM, silver), (GOLD_FROM, gold)):
        reached = bought[nth == times]
        target[np.searchsorted(person, orders.person[reached])] = orders.at[reached]
    cards = Cards(
        person=person,
        ref=ref,
        issued_at=issued_at,
        store=orders.store[opened],
        email_slot=email,
        email_from=np.where(adds_later, added_at, issued_at),
        has_phone=has_phone,
        has_store_phone=~has_phone & dice.happens("store's own phone", 0.03, person),
        wants_mail=wants,
        opted_out_at=opted_out_at,
        closed_at=closed_at,
        silver_from=silver,
        gold_from=gold,
    )
    return cards.take(np.lexsort((ref, issued_at)))


def linked_cards(dice: Dice, accounts: Accounts, cards: Cards) -> tuple[Ints, Ints]:
    """Beside every account: the row of the card that its person entered there, or NONE, and when (or NEVER)."""
    row = _row_of(cards.person, np.maximum(accounts.person, 0), np.isin(accounts.person, cards.person))
    links = (row != NONE) & (accounts.which == 1) & dice.happens("enters the card", 0.3, accounts.person + 2)
    from_at = np.maximum(accounts.registered_at, cards.issued_at[row])
    linked_at = from_at + dice.below("enters the card after", 60 * DAY, accounts.person + 2)
    return np.where(links, row, NONE), np.where(links, linked_at, NEVER)
