"""The daily files that the tills of the physical stores write: sales, returns and loyalty members, and the price list."""

import csv
import io
from collections.abc import Iterator

import numpy as np

from retain.demo import wrong
from retain.demo.baskets import REASONS, VAT_PERCENT, rounded
from retain.demo.catalogue import AMD, CATEGORIES, CURRENCIES
from retain.demo.clock import NEVER, UTC_OFFSET, local_day, midnight
from retain.demo.columns import count_within
from retain.demo.dice import Ints
from retain.demo.identities import FIRST_EMAIL, NO_EMAIL, NONE
from retain.demo.orders import CANCELLED, TEST
from retain.demo.simulation import Simulation
from retain.demo.text import Texts, days, integers, local_times, short_decimals

# Code, city, region.
STORES = (
    ("YV1", "Yerevan", "Yerevan"),
    ("YV2", "Yerevan", "Yerevan"),
    ("GY1", "Gyumri", "Shirak"),
    ("VA1", "Vanadzor", "Lori"),
)
TIERS = ("bronze", "silver", "gold")
STORE_PHONES = ("+374 10 50 01 00", "010 500200", "+374 312 50300", "+374 322 50400")
SENT_AT = 22 * 3_600 + 15 * 60  # local time of day at which a till sends its day

SALES = (
    "receipt", "line", "sold_at", "store", "region", "card", "phone", "email", "sku",
    "quantity", "price", "discount", "vat", "currency", "kind", "sent_at",
)  # fmt: skip
RETURNS = ("return_no", "receipt", "line", "returned_at", "amount", "quantity", "reason")
MEMBERS = (
    "card", "first_name", "last_name", "phone", "email", "consent", "tier", "status", "city", "region",
    "registered_at", "closed_at", "sent_at",
)  # fmt: skip
KINDS_OF_FILE = ("sales", "returns", "members")
PRODUCTS = ("sku", "name", "category", "price", "unit_cost", "currency", "is_gift_card")

Files = Iterator[tuple[str, str]]  # path below the tills' folder, content


def till_files(simulation: Simulation, receipts: dict[int, str], since: int | None = None) -> Files:
    """Every file as (path, content); `receipts` are the numbers that `receipt_numbers` gives.

    With `since` (a local day) only the files of later days, and the price list. A file is what a till sent at the end of
    its day; nothing in it changes afterwards. What was wrong, or did not get through, comes with a later day's file. A
    day without sales, returns or news of members has no such file.
    """
    first = simulation.clock.first_day if since is None else since + 1
    yield "products.csv", _products(simulation)
    yield from _members(simulation, first)
    yield from _sales(simulation, receipts, first)
    yield from _returns(simulation, receipts, first)


def receipt_numbers(simulation: Simulation) -> dict[int, str]:
    """The number on the receipt of every order in a store: store, day, and a running number of that till's day."""
    orders = simulation.orders
    rows = np.flatnonzero(orders.in_store)
    rows = rows[np.lexsort((orders.ref[rows], orders.at[rows], orders.store[rows], orders.day[rows]))]
    till_day = orders.day[rows] * len(STORES) + orders.store[rows]
    return {
        row: f"{STORES[store][0]}-{day.replace('-', '')}-{number:04d}"
        for row, store, day, number in zip(
            rows.tolist(),
            orders.store[rows].tolist(),
            days(orders.day[rows]),
            (count_within(till_day) + 1).tolist(),
            strict=True,
        )
    }


def _daily_files(kind: str, header: tuple[str, ...], day: Ints, columns: list[Texts]) -> Files:
    """Rows, sorted by their file's day, as one file a day. No value may hold a comma, a quote or a line break."""
    if len(day) == 0:
        return
    rows = [",".join(row) for row in zip(*[[value or "" for value in column] for column in columns], strict=True)]
    starts = np.flatnonzero(np.concatenate([[True], day[1:] != day[:-1]]))
    ends = np.append(starts[1:], len(day))
    head = ",".join(header)
    for name, start, end in zip(days(day[starts]), starts.tolist(), ends.tolist(), strict=True):
        yield f"{kind}/{kind}_{name}.csv", "\n".join([head, *rows[start:end], ""])


def sent_on(simulation: Simulation) -> tuple[Ints, Ints]:
    """Beside every order: the local day of the file it first came with, and that of its correction (or NEVER)."""
    orders = simulation.orders
    return local_day(orders.arrived_at), np.where(
        orders.corrected_at == NEVER, NEVER, local_day(np.minimum(orders.corrected_at, 2**40))
    )


def _sales(simulation: Simulation, receipts: dict[int, str], first: int) -> Files:
    orders, lines, cards, last = simulation.orders, simulation.lines, simulation.cards, simulation.clock.last_day
    sent, again = sent_on(simulation)
    of_store = orders.in_store[lines.order]
    original = np.flatnonzero(of_store & (sent[lines.order] >= first) & (sent[lines.order] <= last))
    resent = np.flatnonzero(of_store & (again[lines.order] >= first) & (again[lines.order] <= last))
    row = np.concatenate([original, resent])
    is_again = np.repeat([False, True], [len(original), len(resent)])
    file_day = np.where(is_again, again[lines.order[row]], sent[lines.order[row]])
    order_of = lines.order[row]
    sort = np.lexsort((lines.number[row], orders.ref[order_of], orders.at[order_of], file_day))
    row, is_again, file_day, order_of = row[sort], is_again[sort], file_day[sort], order_of[sort]
    line, order, card = lines.take(row), orders.take(order_of), simulation.identified.card[order_of]

    # The first line of a receipt that will be corrected was keyed in with a nought too many.
    mistyped = (order.corrected_at != NEVER) & ~is_again & (line.number == 1)
    quantity = np.where(mistyped & (order.error == wrong.NO_ERROR), line.quantity * 10, line.quantity)
    prices = short_decimals(line.price)
    for at in np.flatnonzero((order.error == wrong.TEXT_FOR_NUMBER) & ~is_again & (line.number == 1)).tolist():
        prices[at] = wrong.WRITTEN_PRICES[int(order.nth[at]) % len(wrong.WRITTEN_PRICES)]
    sold_at = local_times(order.at)
    for at in np.flatnonzero(order.error == wrong.NO_SUCH_DAY).tolist():
        sold_at[at] = f"{sold_at[at][:4]}-02-31{sold_at[at][10:]}"
    currency = [CURRENCIES[one] for one in order.currency.tolist()]
    for at in np.flatnonzero(order.error == wrong.TILL_CURRENCY).tolist():
        currency[at] = "DRAM"
    names = cards.numbers()
    card_number = [names[one] if one != NONE else "" for one in card.tolist()]
    for at in np.flatnonzero(order.error == wrong.UNKNOWN_CARD).tolist():
        card_number[at] = f"AM9{int(order.nth[at]) % 100_000:05d}"
    # Some ask for the receipt by mail: the till then knows more than the card says.
    by_mail = (card != NONE) & simulation.dice.happens("receipt by mail", 0.03, order.ref)
    person = np.maximum(order.person, 0)
    kinds = np.where(order.kind == CANCELLED, 1, np.where(order.kind == TEST, 2, 0))
    columns: list[Texts] = [
        [receipts[one] for one in order_of.tolist()],
        integers(line.number),
        sold_at,
        [STORES[store][0] for store in order.store.tolist()],
        [STORES[store][2] for store in order.store.tolist()],
        card_number,
        [""] * len(row),
        simulation.contacts.emails(person, np.where(by_mail, FIRST_EMAIL, NO_EMAIL), order.ref),
        _looked_up(simulation.catalogue.skus(), line.product),
        integers(quantity),
        prices,
        short_decimals(line.discount),
        short_decimals(rounded(line.net * VAT_PERCENT / 100, order.currency)),
        currency,
        [("sale", "void", "training")[kind] for kind in kinds.tolist()],
        local_times(midnight(file_day) + SENT_AT),
    ]
    return _daily_files("sales", SALES, file_day, columns)


def _looked_up(words: list[str], positions: Ints) -> list[str]:
    return [words[position] for position in positions.tolist()]


def _returns(simulation: Simulation, receipts: dict[int, str], first: int) -> Files:
    of_tills = simulation.returns.take(simulation.orders.in_store[simulation.returns.order])
    number = 1 + np.arange(len(of_tills), dtype=np.int64)
    new = local_day(of_tills.at) >= first
    number, returned = number[new], of_tills.take(new)
    columns: list[Texts] = [
        [f"R{one:06d}" for one in number.tolist()],
        [receipts[order] for order in returned.order.tolist()],
        integers(returned.line, none=0),
        local_times(returned.at),
        short_decimals(returned.amount),
        integers(returned.quantity, none=0),
        _looked_up(list(REASONS), returned.reason),
    ]
    return _daily_files("returns", RETURNS, local_day(returned.at), columns)


def _members(simulation: Simulation, first: int) -> Files:
    """A row for every card on the day it is issued, and again on every day that something about its holder changes."""
    cards, contacts, cut = simulation.cards, simulation.contacts, simulation.clock.cut
    events = np.concatenate(
        [cards.issued_at, cards.email_from, cards.opted_out_at, cards.closed_at, cards.silver_from, cards.gold_from]
    )
    card = np.tile(np.arange(len(cards), dtype=np.int64), 6)
    known = events < cut
    pairs = np.unique(local_day(events[known]) * len(cards) + card[known])
    day, row = pairs // len(cards), pairs % len(cards)
    new = day >= first
    day, row = day[new], row[new]
    one, end = cards.take(row), midnight(day + 1)
    names = cards.numbers()
    first_names, last_names = contacts.names(one.person)
    _, region, city = contacts.places(one.person)
    is_open = one.closed_at >= end
    has_email = one.email_from < end
    consents = one.wants_mail & (one.opted_out_at >= end) & is_open
    tier = (one.silver_from < end).astype(int) + (one.gold_from < end).astype(int)
    closed_at = local_times(np.where(is_open, -UTC_OFFSET, one.closed_at))
    columns: list[Texts] = [
        _looked_up(names, row),
        first_names,
        last_names,
        [
            STORE_PHONES[store] if is_of_store else own
            for own, store, is_of_store in zip(
                contacts.phones(one.person, one.has_phone, one.ref),
                one.store.tolist(),
                one.has_store_phone.tolist(),
                strict=True,
            )
        ],
        contacts.emails(one.person, np.where(has_email, one.email_slot, NO_EMAIL), one.ref),
        ["yes" if consent else "no" for consent in consents.tolist()],
        [TIERS[which] for which in tier.tolist()],
        ["active" if still else "closed" for still in is_open.tolist()],
        city,
        region,
        local_times(one.issued_at),
        ["" if still else at for still, at in zip(is_open.tolist(), closed_at, strict=True)],
        local_times(midnight(day) + SENT_AT),
    ]
    return _daily_files("members", MEMBERS, day, columns)


def _products(simulation: Simulation) -> str:
    catalogue = simulation.catalogue
    rows = np.arange(len(catalogue.products), dtype=np.int64)
    in_drams, now = np.full(len(rows), AMD), np.full(len(rows), simulation.clock.cut - 1)
    columns: list[Texts] = [
        catalogue.skus(),
        catalogue.product_names(),
        [CATEGORIES[category] for category in catalogue.products.category.tolist()],
        short_decimals(catalogue.prices(rows, in_drams, now)),
        short_decimals(catalogue.costs(rows, in_drams, now)),
        ["AMD"] * len(rows),
        ["yes" if is_card else "no" for is_card in catalogue.products.is_gift_card.tolist()],
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PRODUCTS)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()
