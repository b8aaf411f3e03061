"""Every order that reaches a system of the shop: true purchases, and what else happens around them."""

from dataclasses import dataclass, replace

import numpy as np

from retain.demo import wrong
from retain.demo.buying import Occasions
from retain.demo.catalogue import AMD, EUR, Catalogue
from retain.demo.clock import DAY, NEVER, Clock, local_day, midnight
from retain.demo.columns import Columns
from retain.demo.contacts import COUNTRIES, FRAUDSTER, people
from retain.demo.dice import Bits, Bools, Dice, Floats, Ints

WEB, APP, STORE = 0, 1, 2
CHANNELS = ("web", "app", "store")
PURCHASE, CANCELLED, UNPAID, GIFT_CARD, TEST, FRAUD, WALK_IN, WRONG = range(8)
KINDS = ("purchase", "cancelled", "unpaid", "gift_card", "test", "fraud", "walk_in", "wrong")
NOBODY = -1
STOREFRONT_OPENS = 500  # days after the start: from then on those abroad order online at another storefront


@dataclass(frozen=True)
class Orders(Columns):
    """One order or receipt each.

    `person` is NOBODY for walk-ins; `nth` the purchase of that person it belongs to; `at` when it was ordered; `spend` the
    EUR it aims at. `arrived_at` is when the system heard of it (late for an app without network, or a till without line);
    `paid_at`, `ended_at` (cancelled, or found to be fraud) and `corrected_at` are instants or NEVER.
    `error` says what is wrong with a WRONG row (see wrong.py), `cause` what brought a purchase about (see interventions.py;
    0: nothing but the person).
    """

    ref: Bits
    kind: Ints
    person: Ints
    nth: Ints
    at: Ints
    channel: Ints
    store: Ints
    spend: Floats
    currency: Ints
    discount_percent: Ints
    arrived_at: Ints
    paid_at: Ints
    ended_at: Ints
    corrected_at: Ints
    error: Ints
    cause: Ints

    @property
    def day(self) -> Ints:
        return local_day(self.at)

    @property
    def in_store(self) -> Bools:
        return np.asarray(self.channel == STORE)


@dataclass(frozen=True)
class Extra(Columns):
    """One purchase each that something the shop did brought about, after the `nth` that the person made of themselves."""

    person: Ints
    nth: Ints
    day: Ints
    channel: Ints
    spend: Floats
    cause: Ints


@dataclass(frozen=True)
class _Draft(Columns):
    """What distinguishes the orders before what they all have in common is drawn."""

    ref: Bits
    kind: Ints
    person: Ints
    nth: Ints
    at: Ints
    channel: Ints
    spend: Floats
    error: Ints
    cause: Ints


def take_orders(
    dice: Dice, clock: Clock, catalogue: Catalogue, occasions: Occasions, extra: Extra, customers: int
) -> Orders:
    """All orders until the last day, in the order of time."""
    drafts = [
        *_of_people(dice, occasions),
        _brought_about(dice, extra),
        *_of_others(dice, clock, customers),
        _wrong_ones(dice, clock, customers),
    ]
    draft = _Draft.joined(*drafts)
    draft = draft.take(draft.at < clock.cut)
    draft = draft.take(np.lexsort((draft.ref, draft.at)))
    return _with_particulars(dice, catalogue, draft)


def sells_at_storefront(clock: Clock, orders: Orders) -> Bools:
    """Which orders are placed at the storefront for those abroad, if they come from there; fraud is tried at the old one."""
    is_open = orders.at >= midnight(clock.first_day + STOREFRONT_OPENS)
    return np.asarray(is_open & ~orders.in_store & np.isin(orders.kind, [PURCHASE, CANCELLED, UNPAID, GIFT_CARD]))


def _draft(
    dice: Dice, kind: int, person: Ints, nth: Ints, at: Ints, channel: Ints, spend: Floats, part: Ints | int = 0
) -> _Draft:
    n = len(person)
    ref = dice.bits("order", person + 2, nth, kind, part)
    none = np.zeros(n, dtype=np.int64)
    return _Draft(ref, np.full(n, kind), person, nth, at, channel, spend, error=none, cause=none)


def _brought_about(dice: Dice, extra: Extra) -> _Draft:
    at = midnight(extra.day) + _time_of_day(dice, extra.person, extra.nth, extra.channel == STORE)
    draft = _draft(dice, PURCHASE, extra.person, extra.nth, at, extra.channel, extra.spend, part=1 + extra.cause)
    return replace(draft, cause=extra.cause)


def _time_of_day(dice: Dice, person: Ints, nth: Ints, in_store: Bools) -> Ints:
    """Seconds after midnight: stores are open from 9 to 21; online, evenings are busiest and some buy after midnight."""
    lean = (dice.uniform("hour", person, nth) + dice.uniform("hour, again", person, nth)) / 2
    online = np.where(dice.happens("night", 0.07, person, nth), lean * 4 * 3_600, 7 * 3_600 + lean**0.8 * 17 * 3_600)
    return np.where(in_store, 9 * 3_600 + lean * 12 * 3_600, online).astype(np.int64)


def _of_people(dice: Dice, occasions: Occasions) -> list[_Draft]:
    """The true purchases, a second one on the same day now and then, and the attempts that came to nothing."""
    o = occasions
    channel = np.where(o.in_store, STORE, np.where(o.in_app, APP, WEB)).astype(np.int64)
    seconds = _time_of_day(dice, o.person, o.nth, o.in_store)
    dawn = midnight(o.day)
    at = dawn + seconds
    twice = dice.happens("twice a day", 0.025, o.person, o.nth)
    first_share = np.where(twice, 0.6 + 0.2 * dice.uniform("first share", o.person, o.nth), 1.0)
    drafts = [_draft(dice, PURCHASE, o.person, o.nth, at, channel, o.spend * first_share)]

    closes = np.where(o.in_store, 21 * 3_600 + 1_800, DAY - 60)
    again_at = at + ((closes - seconds) * (0.1 + 0.7 * dice.uniform("again at", o.person, o.nth))).astype(np.int64)
    second = _draft(dice, PURCHASE, o.person, o.nth, again_at, channel, o.spend * (1 - first_share), part=1)
    drafts.append(second.take(twice))

    minutes = dice.below("attempt before", 50, o.person, o.nth) + 4
    attempt_at = np.maximum(at - minutes * 60, dawn)
    cancelled = dice.happens("cancelled", np.where(o.in_store, 0.012, 0.025), o.person, o.nth)
    drafts.append(_draft(dice, CANCELLED, o.person, o.nth, attempt_at, channel, o.spend).take(cancelled))
    unpaid = dice.happens("unpaid", np.where(o.in_store, 0.0, 0.012), o.person, o.nth)
    drafts.append(_draft(dice, UNPAID, o.person, o.nth, attempt_at, channel, o.spend).take(unpaid))

    gift_at = at + (3 + dice.below("gift card after", 25, o.person, o.nth)) * DAY
    gift = dice.happens("gift card", 0.005, o.person, o.nth)
    drafts.append(_draft(dice, GIFT_CARD, o.person, o.nth, gift_at, channel, o.spend).take(gift))
    return drafts


def daily(dice: Dice, clock: Clock, what: str, a_day: float) -> tuple[Ints, Ints]:
    """Day and number within the day of things that happen `a_day` times a day on average, whoever comes."""
    counts = np.floor(a_day + dice.uniform(what, clock.days)).astype(np.int64)
    days = np.repeat(clock.days, counts)
    within = np.arange(len(days), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    return days, within


def _of_others(dice: Dice, clock: Clock, customers: int) -> list[_Draft]:
    """Walk-ins who leave no name, the staff's own tests, and fraudsters."""
    size = customers / 20_000
    drafts = []
    for what, kind, a_day, store_share in (
        ("walk-ins", WALK_IN, 2.6 * size, 1.0),
        ("tests", TEST, 0.22 * size, 0.4),
        ("frauds", FRAUD, 0.25 * size, 0.0),
    ):
        day, within = daily(dice, clock, what, a_day)
        in_store = dice.happens(f"{what} in store", store_share, day, within)
        channel = np.where(in_store, STORE, np.where(dice.happens(f"{what} in app", 0.4, day, within), APP, WEB))
        person = np.full(len(day), NOBODY)
        if kind == FRAUD:
            person = ((day - clock.first_day) * 64 + within) * 4 + FRAUDSTER
        at = midnight(day) + _time_of_day(dice, day, within, in_store)
        spend = 8 + dice.gamma(f"{what} spend", 1.5, 1 / (90.0 if kind == FRAUD else 14.0), day, within)
        draft = _draft(dice, kind, person, day * 64 + within, at, channel.astype(np.int64), spend)
        drafts.append(draft)
    return drafts


def _wrong_ones(dice: Dice, clock: Clock, customers: int) -> _Draft:
    """The few orders that hold something no gate may let through; nobody's, so that the truth about people stays whole."""
    error, number, day = wrong.schedule(dice, clock, customers)
    in_store = wrong.is_of_tills(error)
    channel = np.where(in_store, STORE, np.where(dice.happens("wrong in app", 0.5, error, number), APP, WEB))
    at = midnight(day) + _time_of_day(dice, error * 1_000 + number, day, in_store)
    person = np.full(len(error), NOBODY)
    spend = 10 + dice.gamma("wrong spend", 2.0, 0.1, error, number)
    draft = _draft(dice, WRONG, person, error * 1_000 + number, at, channel.astype(np.int64), spend)
    return replace(draft, error=error)


def _with_particulars(dice: Dice, catalogue: Catalogue, draft: _Draft) -> Orders:
    ref, kind, at = draft.ref, draft.kind, draft.at
    in_store = draft.channel == STORE
    is_purchase = kind == PURCHASE
    foreign = people(dice, np.maximum(draft.person, 0)).country != COUNTRIES.index("AM")
    foreign &= draft.person != NOBODY
    in_euro = dice.happens(
        "in euro", np.where(in_store, np.where(foreign, 0.5, 0.02), np.where(foreign, 1.0, 0.1)), ref
    )
    gift = kind == GIFT_CARD
    faces = catalogue.products.price_eur[catalogue.gift_card_rows] / 100
    face = faces[dice.pick("gift card", [3, 2, 1], ref)]
    promoted = dice.happens("promoted", 0.18, ref) & ~gift & (kind != WRONG)
    percent = np.array([5, 10, 15, 20, 30])[dice.pick("promotion", [3, 4, 2, 2, 1], ref)]

    arrives_late = dice.happens("late", np.where(draft.channel == APP, 0.012, np.where(in_store, 0.006, 0.0)), ref)
    arrives_late &= is_purchase
    late_by = np.where(in_store, 1 + dice.below("late days", 3, ref), 0) * DAY
    late_by += np.where(in_store, 0, 3_600 + dice.below("late seconds", 4 * DAY, ref))
    arrived_at = at + np.where(arrives_late, late_by, 0)

    by_transfer = dice.happens("by bank transfer", 0.05, ref) & ~in_store & is_purchase
    paid_at = arrived_at + np.where(by_transfer, 7_200 + dice.below("transfer", 2 * DAY, ref), 0)
    paid_at = np.where((kind == UNPAID) | ((kind == CANCELLED) & ~in_store), NEVER, paid_at)
    ended_at = np.full(len(ref), NEVER)
    ended_at = np.where(
        kind == CANCELLED, np.where(in_store, at, at + 180 + dice.below("cancels", DAY // 2, ref)), ended_at
    )
    ended_at = np.where((kind == UNPAID) & dice.happens("expires", 0.5, ref), at + 7 * DAY, ended_at)
    ended_at = np.where(kind == FRAUD, at + DAY + dice.below("found out", 9 * DAY, ref), ended_at)

    # The shop mends a row from a day later on; the till sends the receipt again with a later day's file.
    mended = dice.happens("corrected", 0.006, ref) & is_purchase & ~arrives_late & ~by_transfer
    corrected_at = arrived_at + DAY + dice.below("mended after", 4 * DAY, ref)
    return Orders(
        ref=ref,
        kind=kind,
        person=draft.person,
        nth=draft.nth,
        at=at,
        channel=draft.channel,
        store=np.where(in_store, dice.pick("store", [0.4, 0.3, 0.18, 0.12], ref), NOBODY),
        spend=np.where(gift, face, draft.spend),
        currency=np.where(in_euro, EUR, AMD).astype(np.int64),
        discount_percent=np.where(promoted, percent, 0),
        arrived_at=arrived_at,
        paid_at=paid_at,
        ended_at=ended_at,
        corrected_at=np.where(mended | wrong.is_mended(draft.error, draft.ref), corrected_at, NEVER),
        error=draft.error,
        cause=draft.cause,
    )
