"""The web shop's own database at the end of a day: its tables, and the rows of them that changed since another day."""

from dataclasses import dataclass

import numpy as np

from retain.demo import wrong
from retain.demo.baskets import REASONS
from retain.demo.catalogue import CATEGORIES, CURRENCIES, rate_published_at
from retain.demo.clock import ALWAYS, NEVER, last_before, midnight
from retain.demo.contacts import card_as_typed
from retain.demo.dice import Bools, Ints
from retain.demo.identities import NONE, linked_cards
from retain.demo.interventions import ASSIGNED_AT, CHANGES, EXPERIMENTS, SENT_AT
from retain.demo.marketing import spend_on_ads
from retain.demo.orders import CHANNELS, FRAUD, NOBODY, TEST
from retain.demo.simulation import Simulation
from retain.demo.text import Texts, dates_and_times, days, decimals, integers, yes_or_no

FIRST_ORDER_ID = 100_001
STATUSES = ("pending", "paid", "partially_refunded", "refunded", "cancelled", "fraud")
PENDING, PAID, PARTIALLY_REFUNDED, REFUNDED, IS_CANCELLED, IS_FRAUD = range(6)

# In the order of loading. There are no foreign keys: real shops drop them, and the gate has to see what then happens.
TABLES = {
    "customers": """
        customer_id bigint primary key, email text, phone text, loyalty_card text, first_name text not null, last_name text not null,
        country text not null, region text, city text, signup_channel text not null, accepts_marketing boolean not null,
        created_at timestamptz not null, closed_at timestamptz, updated_at timestamptz not null""",
    "products": """
        product_id bigint primary key, sku text not null unique, name text not null, category text not null,
        price numeric(12, 2) not null, unit_cost numeric(12, 2) not null, currency text not null,
        is_gift_card boolean not null, updated_at timestamptz not null""",
    "orders": """
        order_id bigint primary key, customer_id bigint, email text, phone text, ordered_at timestamptz not null,
        channel text not null, status text not null, currency text not null, subtotal numeric(12, 2) not null,
        discount_total numeric(12, 2) not null, tax_total numeric(12, 2) not null, shipping_total numeric(12, 2) not null,
        ship_region text, is_test boolean not null, created_at timestamptz not null, updated_at timestamptz not null""",
    "order_items": """
        order_item_id bigint primary key, order_id bigint not null, line_number integer not null, product_id bigint not null,
        quantity integer not null, unit_price numeric(12, 2) not null, discount numeric(12, 2) not null,
        unit_cost numeric(12, 2) not null, updated_at timestamptz not null""",
    "returns": """
        return_id bigint primary key, order_id bigint not null, line_number integer, returned_at timestamptz not null,
        amount numeric(12, 2) not null, quantity integer, reason text, updated_at timestamptz not null""",
    "exchange_rates": """
        currency text not null, rate_on date not null, rate numeric(18, 8) not null, updated_at timestamptz not null,
        primary key (currency, rate_on)""",
    "marketing_costs": """
        channel text not null, month_on date not null, amount numeric(12, 2) not null, currency text not null,
        updated_at timestamptz not null, primary key (channel, month_on)""",
    "business_changes": """
        change_id text primary key, kind text not null, title text not null, channel text not null, valid_from date not null,
        updated_at timestamptz not null""",
    "experiment_assignments": """
        experiment_id text not null, customer_id bigint not null, arm text not null, assigned_at timestamptz not null,
        sent_at timestamptz not null, updated_at timestamptz not null, primary key (experiment_id, customer_id)""",
}
KEY_COLUMNS = {
    "exchange_rates": 2,
    "marketing_costs": 2,
    "experiment_assignments": 2,
}  # how many of the first columns are the key; else one
CURSORS = ("customers", "orders", "order_items", "returns")  # tables large enough for an index on updated_at


@dataclass(frozen=True)
class ShopOrders:
    """The orders that the web shop's database holds: their rows among all orders, and the number each has there."""

    rows: Ints
    order_id: Ints  # beside all orders; NONE for those of other systems, or not arrived yet
    item_id: Ints  # beside all lines; NONE for lines of other orders


def shop_orders(simulation: Simulation) -> ShopOrders:
    """Number the orders as they arrive, so that a later day only ever adds higher numbers."""
    orders, cut = simulation.orders, simulation.clock.cut
    rows = np.flatnonzero(~orders.in_store & ~simulation.at_storefront & (orders.arrived_at < cut))
    rows = rows[np.lexsort((orders.ref[rows], orders.arrived_at[rows]))]
    order_id = np.full(len(orders), NONE, dtype=np.int64)
    order_id[rows] = FIRST_ORDER_ID + np.arange(len(rows))
    of_line = order_id[simulation.lines.order]
    item_id = np.full(len(simulation.lines), NONE, dtype=np.int64)
    items = np.flatnonzero(of_line != NONE)
    items = items[np.lexsort((simulation.lines.number[items], of_line[items]))]
    item_id[items] = 1 + np.arange(len(items))
    return ShopOrders(rows, order_id, item_id)


def shop_tables(simulation: Simulation, numbered: ShopOrders, since: int | None = None) -> dict[str, list[Texts]]:
    """The columns of every table, as COPY takes them. With `since` (an instant) only the rows written from then on."""
    since = int(ALWAYS) if since is None else since
    return {
        "customers": _customers(simulation, since),
        "products": _products(simulation, since),
        "orders": _orders(simulation, numbered, since),
        "order_items": _order_items(simulation, numbered, since),
        "returns": _returns(simulation, numbered, since),
        "exchange_rates": _exchange_rates(simulation, since),
        "marketing_costs": _marketing_costs(simulation, since),
        "business_changes": _business_changes(simulation, since),
        "experiment_assignments": _experiment_assignments(simulation, since),
    }


def _customers(simulation: Simulation, since: int) -> list[Texts]:
    accounts, cut, contacts = simulation.accounts, simulation.clock.cut, simulation.contacts
    card, linked_at = linked_cards(simulation.dice, accounts, simulation.cards)
    changed_at = last_before(cut, accounts.registered_at, accounts.opted_out_at, accounts.closed_at, linked_at)
    rows = np.flatnonzero(changed_at >= since)
    account = accounts.take(rows)
    card = np.where(linked_at < cut, card, NONE)[rows]
    numbers, typed = simulation.cards.numbers(), simulation.dice.pick("card typed", [0.6, 0.3, 0.1], account.ref)
    is_staff = account.person == NOBODY
    person = np.maximum(account.person, 0)
    first, last = contacts.names(person)
    country, region, city = contacts.places(person)
    email = contacts.emails(person, account.email_slot, account.ref)
    for row in np.flatnonzero(is_staff).tolist():
        first[row], last[row], email[row] = "Test", "Order", "test-orders@aras.example"
        country[row], region[row], city[row] = "AM", "Yerevan", "Yerevan"
    return [
        integers(accounts.customer_id[rows]),
        email,
        contacts.phones(person, account.has_phone, account.ref),
        [
            None if row == NONE else card_as_typed(numbers[row], style)
            for row, style in zip(card.tolist(), typed.tolist(), strict=True)
        ],
        first,
        last,
        country,
        region,
        city,
        [CHANNELS[by_app] for by_app in account.by_app.astype(int).tolist()],
        yes_or_no(account.wants_mail & (account.opted_out_at >= cut) & (account.closed_at >= cut)),
        dates_and_times(account.registered_at),
        dates_and_times(np.where(account.closed_at < cut, account.closed_at, NEVER)),
        dates_and_times(changed_at[rows]),
    ]


def _products(simulation: Simulation, since: int) -> list[Texts]:
    catalogue, cut = simulation.catalogue, simulation.clock.cut
    changed_at = catalogue.product_changed_at(cut)
    rows = np.flatnonzero(changed_at >= since)
    in_euro, now = np.zeros(len(rows), dtype=np.int64), np.full(len(rows), cut - 1)
    skus, names = catalogue.skus(), catalogue.product_names()
    return [
        integers(catalogue.products.product_id[rows]),
        [skus[row] for row in rows.tolist()],
        [names[row] for row in rows.tolist()],
        [CATEGORIES[category] for category in catalogue.products.category[rows].tolist()],
        decimals(catalogue.prices(rows, in_euro, now)),
        decimals(catalogue.costs(rows, in_euro, now)),
        ["EUR"] * len(rows),
        yes_or_no(catalogue.products.is_gift_card[rows]),
        dates_and_times(changed_at[rows]),
    ]


def order_statuses(simulation: Simulation) -> Ints:
    """What the shop says of every order at the end of the last day: a position in STATUSES."""
    orders, cut, n = simulation.orders, simulation.clock.cut, len(simulation.orders)
    returned = np.bincount(simulation.returns.order, weights=simulation.returns.amount, minlength=n)
    status = np.where(orders.paid_at < cut, PAID, PENDING)
    status = np.where(returned > 0, PARTIALLY_REFUNDED, status)
    status = np.where((returned > 0) & (returned >= simulation.totals.net), REFUNDED, status)
    ended = orders.ended_at < cut
    return np.where(ended, np.where(orders.kind == FRAUD, IS_FRAUD, IS_CANCELLED), status)


def order_changed_at(simulation: Simulation) -> Ints:
    """When something about every order last changed, until the last day."""
    orders, cut = simulation.orders, simulation.clock.cut
    returned_at = np.full(len(orders), ALWAYS, dtype=np.int64)
    np.maximum.at(returned_at, simulation.returns.order, simulation.returns.at)
    return last_before(cut, orders.arrived_at, orders.paid_at, orders.ended_at, orders.corrected_at, returned_at)


def _not_booked_yet(simulation: Simulation) -> Bools:
    """Orders whose discount and shipping the shop forgets at first: the row is corrected some days later."""
    orders, cut = simulation.orders, simulation.clock.cut
    return np.asarray((orders.corrected_at != NEVER) & (orders.corrected_at >= cut))


def _orders(simulation: Simulation, numbered: ShopOrders, since: int) -> list[Texts]:
    all_orders, contacts = simulation.orders, simulation.contacts
    changed_at = order_changed_at(simulation)
    rows = numbered.rows[changed_at[numbered.rows] >= since]
    order, identified, totals = all_orders.take(rows), simulation.identified.take(rows), simulation.totals.take(rows)
    person = np.maximum(order.person, 0)
    forgotten = _not_booked_yet(simulation)[rows]
    customer_id = np.where(identified.account == NONE, NONE, simulation.accounts.customer_id[identified.account])
    customer_id = np.where(order.error == wrong.UNKNOWN_CUSTOMER, 9_000_001 + order.nth % 1_000, customer_id)
    currencies = [CURRENCIES[currency] for currency in order.currency.tolist()]
    for row in np.flatnonzero(order.error == wrong.UNKNOWN_CURRENCY).tolist():
        currencies[row] = "AMR"
    region = contacts.places(person)[1]
    status = order_statuses(simulation)[rows]
    return [
        integers(numbered.order_id[rows]),
        integers(customer_id, none=NONE),
        contacts.emails(person, identified.email_slot, order.ref),
        contacts.phones(person, identified.has_phone, order.ref),
        dates_and_times(order.at),
        [CHANNELS[channel] for channel in order.channel.tolist()],
        [STATUSES[one] for one in status.tolist()],
        currencies,
        decimals(totals.gross),
        decimals(np.where(forgotten, 0, totals.discount)),
        decimals(totals.tax),
        decimals(np.where(forgotten, 0, totals.shipping)),
        [where if who >= 0 else None for where, who in zip(region, order.person.tolist(), strict=True)],
        yes_or_no(order.kind == TEST),
        dates_and_times(order.arrived_at),
        dates_and_times(changed_at[rows]),
    ]


def _order_items(simulation: Simulation, numbered: ShopOrders, since: int) -> list[Texts]:
    lines, orders, cut = simulation.lines, simulation.orders, simulation.clock.cut
    written_at = last_before(cut, orders.arrived_at, orders.corrected_at)
    rows = np.flatnonzero((numbered.item_id != NONE) & (written_at[lines.order] >= since))
    rows = rows[np.argsort(numbered.item_id[rows])]
    line = lines.take(rows)
    forgotten = _not_booked_yet(simulation)[line.order]
    return [
        integers(numbered.item_id[rows]),
        integers(numbered.order_id[line.order]),
        integers(line.number),
        integers(simulation.catalogue.products.product_id[line.product]),
        integers(line.quantity),
        decimals(line.price),
        decimals(np.where(forgotten, 0, line.discount)),
        decimals(line.unit_cost),
        dates_and_times(written_at[line.order]),
    ]


def _returns(simulation: Simulation, numbered: ShopOrders, since: int) -> list[Texts]:
    of_shop = simulation.returns.take(numbered.order_id[simulation.returns.order] != NONE)
    return_id = 1 + np.arange(len(of_shop), dtype=np.int64)
    rows = np.flatnonzero(of_shop.at >= since)
    returned = of_shop.take(rows)
    return [
        integers(return_id[rows]),
        integers(numbered.order_id[returned.order]),
        integers(returned.line, none=0),
        dates_and_times(returned.at),
        decimals(returned.amount),
        integers(returned.quantity, none=0),
        [REASONS[reason] for reason in returned.reason.tolist()],
        dates_and_times(returned.at),
    ]


def _exchange_rates(simulation: Simulation, since: int) -> list[Texts]:
    rate_day = simulation.catalogue.rate_days()
    published_at = rate_published_at(rate_day)
    new = published_at >= since
    rates = simulation.catalogue.eur_per_amd(rate_day[new])
    return [
        ["AMD"] * int(new.sum()),
        days(rate_day[new]),
        [f"{rate:.8f}" for rate in rates.tolist()],
        dates_and_times(published_at[new]),
    ]


def _marketing_costs(simulation: Simulation, since: int) -> list[Texts]:
    costs = spend_on_ads(simulation.dice, simulation.clock, simulation.occasions)
    costs = costs.take(costs.booked_at >= since)
    return [
        [CHANNELS[channel] for channel in costs.channel.tolist()],
        days(costs.month_on),
        decimals(costs.amount),
        [CURRENCIES[currency] for currency in costs.currency.tolist()],
        dates_and_times(costs.booked_at),
    ]


def _business_changes(simulation: Simulation, since: int) -> list[Texts]:
    clock = simulation.clock
    known = [(change, clock.first_day + change.day) for change in CHANGES]
    written = [(change, day) for change, day in known if since <= midnight(day) < clock.cut]
    day = np.array([day for _, day in written], dtype=np.int64)
    return [
        [change.change_id for change, _ in written],
        [change.kind for change, _ in written],
        [change.title for change, _ in written],
        [CHANNELS[change.channel] for change, _ in written],
        days(day),
        dates_and_times(midnight(day)),
    ]


def _experiment_assignments(simulation: Simulation, since: int) -> list[Texts]:
    assigned = simulation.assignments
    day = simulation.clock.first_day + np.array([one.day for one in EXPERIMENTS], dtype=np.int64)[assigned.experiment]
    new = midnight(day) >= since
    assigned, day = assigned.take(new), day[new]
    return [
        [EXPERIMENTS[one].experiment_id for one in assigned.experiment.tolist()],
        integers(simulation.accounts.customer_id[assigned.account]),
        ["treatment" if treated else "control" for treated in assigned.is_treated.tolist()],
        dates_and_times(midnight(day) + ASSIGNED_AT),
        dates_and_times(midnight(day) + SENT_AT),
        dates_and_times(midnight(day) + SENT_AT),
    ]
