"""What the people of the small shop wrote, answered, earned, paid, were sent and looked at; and what was known of it on a day."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from retain.entities import NAMING_SOMEBODY
from retain.records import DAY_FIELDS

Row = dict[str, Any]


def make_engagement(shop: Any) -> None:
    """Fill the lists of a shop that has its orders: who writes names an account, an e-mail, a phone, or nobody.

    Some things happen to a ticket or a message long after it came, and two tickets in ten are named by somebody unknown.
    """
    chance = random.Random(17)
    for number, order in enumerate(chance.sample(shop.orders, 300)):
        at = order["ordered_at"] + timedelta(hours=chance.randrange(1, 900))
        desk = {"source": "desk", **_whose(chance, shop, order)}
        key = {"ticket_id": f"t{number}"}
        solved_at = at + timedelta(hours=chance.randrange(900)) if chance.random() < 0.8 else None
        shop.tickets.append(
            {
                **desk,
                **key,
                "opened_at": at,
                "first_replied_at": at + timedelta(minutes=chance.randrange(3000)) if solved_at else None,
                "solved_at": solved_at,
                "status": chance.choice(["solved", "closed"])
                if solved_at
                else chance.choice(["new", "open", "pending"]),
                "merged_into_id": f"t{number - 1}" if number % 20 == 19 else None,
                "topic": chance.choice(["delivery", "size", None]),
            }
        )
        if solved_at and chance.random() < 0.5:
            scale = chance.choice([("csat", 0, 1), ("csat", 1, 5), ("nps", 0, 10), ("ces", 1, 7)])
            shop.feedback.append(
                {
                    **desk,
                    **key,
                    "feedback_id": f"f{number}",
                    "kind": scale[0],
                    "answered_at": solved_at + timedelta(hours=chance.randrange(1, 90)),
                    "score": Decimal(chance.randint(*scale[1:])),
                    "lowest_score": Decimal(scale[1]),
                    "highest_score": Decimal(scale[2]),
                }
            )
        _message(chance, shop, number, order, at)
        _visit(chance, shop, number, order, at)
        _traffic(shop, number, at)
        _payments(chance, shop, number, order)
        earned = chance.randrange(1, 500)
        entry = {
            "source": "club",
            **_whose(chance, shop, order),
            "status": chance.choice(["approved", "approved", "pending"]),
        }
        shop.loyalty_entries.append(
            {**entry, "entry_id": f"e{number}", "kind": "earned", "points": earned, "entered_at": at}
        )
        if chance.random() < 0.3:
            spent = {"entry_id": f"r{number}", "kind": "redeemed", "points": -chance.randrange(earned + 1)}
            shop.loyalty_entries.append({**entry, **spent, "entered_at": at + timedelta(days=chance.randrange(60))})


def _whose(chance: random.Random, shop: Any, order: Row) -> Row:
    how = chance.randrange(5)
    if how == 0 and order["customer_id"]:
        return {"customer_id": order["customer_id"], "customer_source": order["source"]}
    if how == 1:
        return {"email": chance.choice(shop.customers)["email"]}
    if how == 2:
        return {"phone": chance.choice(shop.customers)["phone"]}
    return {"email": f"stranger{chance.randrange(50)}@example.com"} if how == 3 else {}


def _message(chance: random.Random, shop: Any, number: int, order: Row, at: datetime) -> None:
    message = {
        "source": "mail",
        "message_id": f"m{number}",
        **_whose(chance, shop, order),
        "channel": "email",
        "campaign": "letter",
    }
    for step, name in enumerate(["delivered_at", "opened_at", "clicked_at"][: chance.randrange(4)]):
        at += timedelta(hours=chance.randrange(30))
        shop.sends.append({**message, "send_id": f"m{number}-{step}", "happened_at": at, name: at})


def _visit(chance: random.Random, shop: Any, number: int, order: Row, at: datetime) -> None:
    whose = _whose(chance, shop, order)
    for step in range(chance.randrange(1, 5)):
        view = {
            "source": "site",
            "visit_id": f"v{number}",
            "view_id": f"v{number}-{step}",
            "device": "phone",
            "happened_at": at,
        }
        shop.visits.append({**view, **(whose if step else {}), "channel": chance.choice(["search", "direct", None])})
        at += timedelta(minutes=chance.randrange(20))


def _traffic(shop: Any, number: int, at: datetime) -> None:
    """A row a day that something happened on, by one of two channels each; of some days a counter knows no more."""
    row = {
        "source": "counter",
        "day_on": at.date(),
        "channel": ("Direct", "Paid Search")[number % 2],
        "origin": "(not set)",
    }
    if not any(all(known[key] == row[key] for key in row) for known in shop.traffic):
        told = {"engaged_sessions": number % 7, "revenue": Decimal(number), "currency": "EUR"} if number % 3 else {}
        shop.traffic.append({**row, "sessions": 7 + number, **told})


def _payments(chance: random.Random, shop: Any, number: int, order: Row) -> None:
    """Two orders in three are paid at the provider, most of them in full; some is paid back there, and some of nobody knows what."""
    if chance.random() < 0.3:
        return
    due = sum(order.get(name) or 0 for name in ("gross_amount", "tax_amount", "shipping_amount")) - (
        order.get("discount_amount") or 0
    )
    named = {
        "order_id": order["order_id"] if chance.random() < 0.9 else f"unknown{number}",
        "order_source": order["source"],
    }
    paid = {
        "source": "pay",
        **named,
        **_whose(chance, shop, order),
        "currency": order["currency"] if chance.random() < 0.95 else "EUR",
        "status": chance.choice(["succeeded"] * 8 + ["pending", "failed"]),
    }
    at = order["ordered_at"] + timedelta(minutes=chance.randrange(90))
    amount = due if chance.random() < 0.9 else due / 2
    shop.payments.append({**paid, "payment_id": f"p{number}", "kind": "payment", "amount": amount, "happened_at": at})
    if chance.random() < 0.2:
        back = {"payment_id": f"b{number}", "kind": chance.choice(["refund", "chargeback"]), "amount": amount / 2}
        shop.payments.append({**paid, **back, "happened_at": at + timedelta(days=chance.randrange(1, 60))})


def known_engagement(shop: Any, is_known: Callable[[datetime], bool]) -> dict[str, list[Row]]:
    """The rows of which the moment was known; what a ticket had not come to yet is not there."""
    known = {name: [row for row in getattr(shop, name) if is_known(row[DAY_FIELDS[name]])] for name in NAMING_SOMEBODY}
    known["tickets"] = [_as_of(row, is_known) for row in known["tickets"]]
    return known


def _as_of(row: Row, is_known: Callable[[datetime], bool]) -> Row:
    moments = ("first_replied_at", "solved_at")
    then = {**row, **{name: None for name in moments if row[name] is not None and not is_known(row[name])}}
    return {**then, "status": "open"} if row["solved_at"] is not None and then["solved_at"] is None else then
