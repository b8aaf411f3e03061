"""What is in every order, what it costs, and what comes back later."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retain.demo.catalogue import AMD, POPULARITY, Catalogue
from retain.demo.clock import DAY, NEVER, local_day, midnight
from retain.demo.columns import Columns, count_within
from retain.demo.dice import Bits, Bools, Dice, Ints
from retain.demo.orders import APP, GIFT_CARD, PURCHASE, Orders

MOST_LINES = 6
VAT_PERCENT = 20
FREE_SHIPPING_FROM, SHIPPING = (4_500, 1_900_000), (390, 150_000)  # hundredths, by currency
REASONS = ("changed mind", "wrong size", "damaged", "not as described", "late delivery", "goodwill")
WHOLE_ORDER = 0


@dataclass(frozen=True)
class Lines(Columns):
    """One line each, by order; `order` is a row of the orders. Amounts are in hundredths of the order's currency."""

    order: Ints
    number: Ints
    product: Ints
    quantity: Ints
    price: Ints
    discount: Ints
    unit_cost: Ints

    @property
    def gross(self) -> Ints:
        return self.quantity * self.price

    @property
    def net(self) -> Ints:
        return self.gross - self.discount


@dataclass(frozen=True)
class Totals(Columns):
    """Beside every order: the sums of its lines, tax and shipping, in hundredths of its currency."""

    gross: Ints
    discount: Ints
    tax: Ints
    shipping: Ints

    @property
    def net(self) -> Ints:
        return self.gross - self.discount


@dataclass(frozen=True)
class Returns(Columns):
    """One refund each, in the order of time. `line` is WHOLE_ORDER and `quantity` 0 where it is not about one line."""

    ref: Bits
    order: Ints
    line: Ints
    at: Ints
    amount: Ints
    quantity: Ints
    reason: Ints


def fill_baskets(dice: Dice, catalogue: Catalogue, orders: Orders) -> Lines:
    """The lines of all orders. What an order comes to is its `spend` but for the rounding to whole pieces of real goods."""
    rate = catalogue.published_rate(orders.day)
    in_drams = orders.currency == AMD
    # Today's rate, not the price list's: else the second currency would drift what people spend.
    listed = np.where(in_drams, 1 / (rate * 425.0), 1.0)
    aim = 0.98 * orders.spend * listed / (1 - orders.discount_percent / 100)  # whole pieces come out 2 % dearer
    most = np.clip((aim / 4).astype(np.int64), 1, MOST_LINES)
    wanted = 1 + np.floor(np.log(dice.uniform("lines", orders.ref)) / np.log(0.52)).astype(np.int64)
    is_gift = orders.kind == GIFT_CARD
    lines = np.where(is_gift, 1, np.minimum(wanted, most))

    order = np.repeat(np.arange(len(orders), dtype=np.int64), lines)
    number = count_within(order) + 1
    ref = orders.ref[order]
    weight = 0.25 + dice.exponential("weight", 1.0, ref, number)
    share = weight / np.bincount(order, weights=weight, minlength=len(orders))[order]
    goal = aim[order] * share
    quantity = 1 + dice.pick("quantity", [6, 2, 1], ref, number)
    quantity = np.where(goal / quantity < 2, 1, quantity)
    quantity = np.maximum(quantity, np.ceil(goal / 185).astype(np.int64))
    # Everybody has a favourite part of the shop; who is nobody in particular has one for this order.
    who = np.where(orders.person >= 0, orders.person, 0).astype(np.uint64)
    who = np.where(orders.person >= 0, who, orders.ref)[order]
    liked = dice.pick("favourite", list(POPULARITY), who)
    any_category = dice.pick("category", list(POPULARITY), ref, number)
    category = np.where(dice.happens("favourite today", 0.55, ref, number), liked, any_category)
    product = catalogue.near(category, goal / quantity, dice.below("shift", 3, ref, number) - 1)
    cards = catalogue.gift_card_rows
    faces = catalogue.products.price_eur[cards]
    card = cards[np.searchsorted(faces, np.round(orders.spend[order] * 100)).clip(0, len(cards) - 1)]
    product = np.where(is_gift[order], card, product)
    quantity = np.where(is_gift[order], 1, quantity)

    currency, at = orders.currency[order], orders.at[order]
    price = catalogue.prices(product, currency, at)
    discount = rounded(quantity * price * orders.discount_percent[order] / 100, currency)
    return Lines(order, number, product, quantity, price, discount, catalogue.costs(product, currency, at))


def rounded(hundredths: npt.NDArray[np.floating[Any]], currency: Ints) -> Ints:
    """To whole cents, or to whole drams."""
    return np.where(currency == AMD, np.round(hundredths / 100) * 100, np.round(hundredths)).astype(np.int64)


def add_up(orders: Orders, lines: Lines, abroad: Bools) -> Totals:
    """The totals of every order; nothing that leaves the country (`abroad`) is taxed."""
    n = len(orders)
    gross = np.bincount(lines.order, weights=lines.gross, minlength=n).astype(np.int64)
    discount = np.bincount(lines.order, weights=lines.discount, minlength=n).astype(np.int64)
    net = gross - discount
    tax = rounded(net * VAT_PERCENT / 100, orders.currency)
    free_from = np.array(FREE_SHIPPING_FROM)[orders.currency]
    shipped = ~orders.in_store & (net < free_from) & (orders.channel != APP) & (orders.kind != GIFT_CARD)
    return Totals(
        gross=gross,
        discount=discount,
        tax=np.where(abroad | (orders.kind == GIFT_CARD), 0, tax),
        shipping=np.where(shipped, np.array(SHIPPING)[orders.currency], 0),
    )


def give_back(dice: Dice, orders: Orders, lines: Lines, totals: Totals, cut: int) -> Returns:
    """The refunds until `cut`: whole orders, single lines, sums of goodwill; some at once, some months later.

    Only true purchases come back, never one that is corrected: a refund of a row that is wrong would prove nothing.
    """
    may = (orders.kind == PURCHASE) & (orders.corrected_at == NEVER)
    gives = may & dice.happens("gives back", np.where(orders.in_store, 0.035, 0.065), orders.ref)
    rows = np.flatnonzero(gives)
    ref = orders.ref[rows]
    how = dice.pick("gives back what", [0.15, 0.75, 0.10], ref)  # all, a line, a part of the price
    first_line = np.searchsorted(lines.order, rows)
    count = np.bincount(lines.order, minlength=len(orders))[rows]
    row = first_line + dice.below("line given back", count, ref)
    pieces = 1 + dice.below("pieces given back", lines.quantity[row], ref)
    of_line = rounded(lines.net[row] * pieces / lines.quantity[row], orders.currency[rows])
    goodwill = rounded(totals.net[rows] * 0.1, orders.currency[rows])
    amount = np.choose(how, [totals.net[rows], of_line, goodwill])

    soon = 3 + dice.exponential("gives back after", 9.0, ref)
    months = 60 + 240 * dice.uniform("gives back months after", ref)
    after = np.where(dice.happens("months later", 0.16, ref), months, soon)
    at = _in_opening_hours(dice, "refund", ref, orders.arrived_at[rows] + (after * DAY).astype(np.int64))
    is_line = how == 1
    first = Returns(
        ref=ref,
        order=rows,
        line=np.where(is_line, lines.number[row], WHOLE_ORDER),
        at=at,
        amount=amount,
        quantity=np.where(is_line, pieces, 0),
        reason=np.where(how == 2, REASONS.index("goodwill"), dice.pick("reason", [4, 2, 2, 1, 1], ref)),
    )
    # A few come back a second time with all the rest.
    rest = totals.net[rows] - amount
    again = is_line & (rest > 0) & dice.happens("gives back the rest", 0.06, ref)
    second = Returns(
        ref=ref + np.uint64(1),
        order=rows,
        line=np.zeros(len(rows), dtype=np.int64),
        at=at + (5 + dice.below("rest after", 40, ref)) * DAY,
        amount=rest,
        quantity=np.zeros(len(rows), dtype=np.int64),
        reason=first.reason,
    ).take(again)
    everything = Returns.joined(first, second)
    everything = everything.take((everything.at < cut) & (everything.amount > 0))
    return everything.take(np.lexsort((everything.ref, everything.at)))


def _in_opening_hours(dice: Dice, what: str, ref: Bits, at: Ints) -> Ints:
    """The same local day, between ten and seven."""
    return midnight(local_day(at)) + 10 * 3_600 + dice.below(f"{what} hour", 9 * 3_600, ref)
