"""What is true of the demo shop's people and never stands in its systems: to judge marts and forecasts against."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from retain.demo import wrong
from retain.demo.buying import STILL_BUYING
from retain.demo.catalogue import AMD
from retain.demo.clock import NEVER, local_day
from retain.demo.complaints import ABOUT, FIRST_TICKET, FIRST_USER
from retain.demo.contacts import BUYER, household_head
from retain.demo.dice import Bools, Ints
from retain.demo.identities import FIRST_EMAIL, NO_EMAIL, NONE, PLACEHOLDER, SECOND_EMAIL, linked_cards
from retain.demo.interventions import CAUSES
from retain.demo.orders import CHANNELS, NOBODY, PURCHASE, WRONG
from retain.demo.points import FIRST_MEMBER
from retain.demo.serving import HELPDESK, POINTS, STOREFRONT
from retain.demo.shop import ShopOrders
from retain.demo.simulation import Simulation
from retain.demo.systems import Held
from retain.demo.tills import sent_on

TABLES_OF_TRUTH = ("persons", "identities", "purchases", "complaints", "wrong_rows")
WEBSHOP, TILLS = "webshop", "tills"  # the sources' names in examples/demo/retain.yml


def truth_tables(
    simulation: Simulation, numbered: ShopOrders, receipts: dict[int, str], holds: Held
) -> dict[str, pa.Table]:
    """Five tables; `source_id` is Retain's `source:id` throughout, `source:order:<order id>` for a guest.

    - persons, one row a person who ever bought: person_id, acquired_on, acquired_channel, rate_per_day (purchases per
      average day), drop_out_probability (after each repeat purchase), dropped_out_on (day of the last purchase; null
      while still buying), mean_spend (EUR per purchase), occasions.
    - identities: source_id, kind (account, card, guest_order; browser: an account that never buys; staff;
      storefront, helpdesk, member: of the systems of those names and of the points), person_id,
      can_be_joined (states an e-mail, a phone or a card that is the person's), joined_group: the identities of one group
      are one person's and connected by e-mail, phone and card, and no others are. shares_phone: with other people.
    - purchases, every valid order of a person: person_id, source_id, occasion (0 is the first), ordered_at, occasion_on,
      currency, net_amount and returned_amount in EUR, caused_by (the change or experiment without which it had not been).
    - complaints, one row a ticket: ticket_id, person_id, source_id of the order, about (return, late_delivery, question), opened_at,
      waits (more than a day for an answer), stops (buying for good with that order), score (null: none; 9: wrong).
    - wrong_rows: source, order_id, what, corrected_on (null: never).
    """
    names = _order_names(simulation, numbered, receipts, holds)
    return {
        "persons": _persons(simulation),
        "identities": _identities(simulation, names, holds),
        "purchases": _purchases(simulation, names),
        "complaints": _complaints(simulation, names, holds),
        "wrong_rows": _wrong_rows(simulation, names),
    }


def write_truth(folder: Path, tables: dict[str, pa.Table]) -> None:
    """Each table as a Parquet file, replaced whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        unfinished = folder / f".{name}.parquet.part"
        pq.write_table(table, unfinished, compression="zstd")
        unfinished.replace(folder / f"{name}.parquet")


def person_ids(number: Ints) -> list[str | None]:
    """P000123 for a buyer; other letters for those who only look, and for fraudsters; None for nobody."""
    return [None if one == NOBODY else f"{'PBF'[one % 4]}{one // 4:06d}" for one in number.tolist()]


def _order_names(
    simulation: Simulation, numbered: ShopOrders, receipts: dict[int, str], holds: Held
) -> list[str | None]:
    """Beside every order its number in its system; None while no system holds it."""
    sent, _ = sent_on(simulation)
    in_files = simulation.orders.in_store & (sent <= simulation.clock.last_day)
    number = np.maximum(numbered.order_id, holds.storefront.order_id)  # one of them is NONE
    names: list[str | None] = [None if one == NONE else str(one) for one in number.tolist()]
    for row in np.flatnonzero(in_files).tolist():
        names[row] = receipts[row]
    return names


def _sources(simulation: Simulation, rows: Ints) -> list[str]:
    """The system that holds each of these orders."""
    online = np.where(simulation.at_storefront[rows], STOREFRONT, WEBSHOP)
    names: list[str] = np.where(simulation.orders.in_store[rows], TILLS, online).tolist()
    return names


def _days(day: Ints, is_known: Bools | None = None) -> pa.Array:
    known = np.ones(len(day), dtype=bool) if is_known is None else is_known
    return pa.array(np.where(known, day, 0).astype(np.int32), mask=~known).cast(pa.date32())


def _persons(simulation: Simulation) -> pa.Table:
    buyers, occasions = simulation.buyers, simulation.occasions
    first = occasions.take(occasions.nth == 0)
    channel = np.where(first.in_store, 2, np.where(first.in_app, 1, 0))
    return pa.table(
        {
            "person_id": person_ids(buyers.number),
            "acquired_on": _days(buyers.acquired_on),
            "acquired_channel": [CHANNELS[one] for one in channel.tolist()],
            "rate_per_day": buyers.rate,
            "drop_out_probability": buyers.drop_out_probability,
            "dropped_out_on": _days(buyers.dropped_on, buyers.dropped_on != STILL_BUYING),
            "mean_spend": buyers.mean_spend,
            "occasions": buyers.occasions,
        }
    )


def _identities(simulation: Simulation, names: list[str | None], holds: Held) -> pa.Table:
    accounts, cards, orders, cut = simulation.accounts, simulation.cards, simulation.orders, simulation.clock.cut
    stated = simulation.identified
    is_guest = (stated.account == NONE) & (stated.card == NONE) & (orders.person != NOBODY)
    guests = np.array([row for row in np.flatnonzero(is_guest).tolist() if names[row] is not None], dtype=np.int64)
    source = _sources(simulation, guests)
    abroad, users = accounts.take(holds.storefront.accounts), holds.users
    members = cards.take(holds.members.card)
    person = np.concatenate(
        [accounts.person, cards.person, orders.person[guests], abroad.person, users.person, members.person]
    )
    card_email = np.where(cards.email_from < cut, cards.email_slot, NO_EMAIL)
    slot = np.concatenate(
        [
            accounts.email_slot,
            card_email,
            stated.email_slot[guests],
            abroad.email_slot,
            users.email_slot,
            members.email_slot,
        ]
    )
    has_phone = np.concatenate(
        [
            *(accounts.has_phone, cards.has_phone, stated.has_phone[guests]),
            *(abroad.has_phone, users.has_phone, np.zeros(len(members), dtype=bool)),
        ]
    )
    owners = np.where(accounts.person == NOBODY, 0, np.where(accounts.person % 4 == BUYER, 1, 2))
    kinds = [("staff", "account", "browser")[owner] for owner in owners.tolist()]
    kinds += ["card"] * len(cards) + ["guest_order"] * len(guests)
    kinds += ["storefront"] * len(abroad) + ["helpdesk"] * len(users) + ["member"] * len(members)
    source_ids = [f"{WEBSHOP}:{one}" for one in accounts.customer_id.tolist()]
    source_ids += [f"{TILLS}:{one}" for one in cards.numbers()]
    source_ids += [f"{name}:order:{names[row]}" for name, row in zip(source, guests.tolist(), strict=True)]
    source_ids += [f"{STOREFRONT}:{one}" for one in holds.storefront.customer_id[holds.storefront.accounts].tolist()]
    source_ids += [f"{HELPDESK}:{FIRST_USER + one}" for one in range(len(users))]
    source_ids += [f"{POINTS}:{FIRST_MEMBER + one}" for one in range(len(members))]
    own_email = (slot == FIRST_EMAIL) | (slot == SECOND_EMAIL)
    has_card = np.concatenate(
        [
            linked_cards(simulation.dice, accounts, cards)[1] < cut,
            np.ones(len(cards), dtype=bool),
            np.zeros(len(guests) + len(abroad) + len(users) + len(members), dtype=bool),
        ]
    )
    head = household_head(simulation.dice, np.maximum(person, 0))
    shares = np.isin(head, head[(person >= 0) & (head != person)])
    return pa.table(
        {
            "source_id": source_ids,
            "kind": kinds,
            "person_id": person_ids(person),
            "can_be_joined": own_email | has_phone | has_card,
            "shares_phone": has_phone & shares,
            "joined_group": _joined_groups(person, slot, has_phone, has_card),
        }
    )


def _joined_groups(person: Ints, slot: Ints, has_phone: Bools, has_card: Bools) -> Ints:
    """Connected components over one person's identities and what they state. The placeholder address is nobody's."""
    n = len(person)
    identity = np.arange(n, dtype=np.int64)
    has_email = (slot != NO_EMAIL) & (slot != PLACEHOLDER)
    held_by = np.concatenate([identity[has_email], identity[has_phone], identity[has_card]])
    held = np.concatenate(
        [person[has_email] * 4 + slot[has_email], person[has_phone] * 4, person[has_card] * 4 + PLACEHOLDER]
    )
    _, node = np.unique(held, return_inverse=True)
    size = n + (int(node.max()) + 1 if len(node) else 0)
    graph = coo_array((np.ones(len(node), dtype=bool), (held_by, n + node)), shape=(size, size))
    groups: Ints = connected_components(graph, directed=False)[1][:n].astype(np.int64)
    return groups


def _purchases(simulation: Simulation, names: list[str | None]) -> pa.Table:
    orders = simulation.orders
    returned = np.bincount(simulation.returns.order, weights=simulation.returns.amount, minlength=len(orders))
    held = np.array([name is not None for name in names], dtype=bool)
    rows = np.flatnonzero((orders.kind == PURCHASE) & held & (orders.paid_at < simulation.clock.cut))
    order = orders.take(rows)
    rate = np.where(order.currency == AMD, simulation.catalogue.published_rate(order.day), 1.0) / 100
    source = _sources(simulation, rows)
    return pa.table(
        {
            "person_id": person_ids(order.person),
            "source_id": [f"{name}:{names[row]}" for name, row in zip(source, rows.tolist(), strict=True)],
            "occasion": order.nth,
            "ordered_at": pa.array(order.at, type=pa.int64()).cast(pa.timestamp("s", tz="UTC")),
            "occasion_on": _days(order.day),
            "currency": np.where(order.currency == AMD, "AMD", "EUR").tolist(),
            "net_amount": np.round(simulation.totals.net[rows] * rate, 4),
            "returned_amount": np.round(returned[rows] * rate, 4),
            "caused_by": pa.array([CAUSES[one] for one in order.cause.tolist()], type=pa.string()),
        }
    )


def _complaints(simulation: Simulation, names: list[str | None], holds: Held) -> pa.Table:
    one, orders = holds.complaints, simulation.orders
    source = _sources(simulation, one.order)
    return pa.table(
        {
            "ticket_id": [str(FIRST_TICKET + number) for number in range(len(one))],
            "person_id": person_ids(orders.person[one.order]),
            "source_id": [f"{name}:{names[row]}" for name, row in zip(source, one.order.tolist(), strict=True)],
            "about": [ABOUT[what] for what in one.about.tolist()],
            "opened_at": pa.array(one.opened_at, type=pa.int64()).cast(pa.timestamp("s", tz="UTC")),
            "waits": one.waits,
            "stops": one.stops,
            "score": pa.array(one.score, mask=one.answered_at >= simulation.clock.cut),
        }
    )


def _wrong_rows(simulation: Simulation, names: list[str | None]) -> pa.Table:
    orders, cut = simulation.orders, simulation.clock.cut
    rows = np.array(
        [row for row in np.flatnonzero(orders.kind == WRONG).tolist() if names[row] is not None], dtype=np.int64
    )
    order = orders.take(rows)
    corrected = (order.corrected_at != NEVER) & (order.corrected_at < cut)
    return pa.table(
        {
            "source": _sources(simulation, rows),
            "order_id": [names[row] for row in rows.tolist()],
            "what": [wrong.WHAT[error] for error in order.error.tolist()],
            "corrected_on": _days(local_day(np.where(corrected, order.corrected_at, 0)), corrected),
        }
    )
