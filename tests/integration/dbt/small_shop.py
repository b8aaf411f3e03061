"""A small shop of two sources, made from a seed, with everything that makes counting hard; and what was known of it on a day."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql
from small_engagement import known_engagement, make_engagement

from retain.entities import ENTITIES

TIMEZONE = ZoneInfo("Asia/Tehran")
FIRST, LAST = date(2023, 11, 1), date(2025, 6, 30)
AS_OF = date(2025, 3, 12)  # inside Esfand 1403, so that the running month is not mature
ACTIVE_DAYS = 100
Row = dict[str, Any]


@dataclass(frozen=True)
class Shop:
    """Rows by entity, in the fields of schema raw."""

    customers: list[Row]
    products: list[Row]
    orders: list[Row]
    order_items: list[Row]
    returns: list[Row]
    exchange_rates: list[Row]
    acquisition_costs: list[Row]
    business_changes: list[Row]
    experiment_assignments: list[Row]
    tickets: list[Row]
    feedback: list[Row]
    loyalty_entries: list[Row]
    payments: list[Row]
    sends: list[Row]
    visits: list[Row]
    traffic: list[Row]
    customer_tiers: list[Row]


def local_day(instant: datetime) -> date:
    return instant.astimezone(TIMEZONE).date()


def _instant(chance: random.Random, day: date) -> datetime:
    """Any minute of the day in business time, the first and the last half-hour (another day in UTC) included."""
    return datetime(day.year, day.month, day.day, tzinfo=TIMEZONE) + timedelta(minutes=chance.randrange(24 * 60))


def make_shop(seed: int = 7, people: int = 240) -> Shop:
    """`people` persons with accounts on the web, cards at the till, both, or none; ten share the till's own e-mail."""
    chance = random.Random(seed)
    shop = Shop([], _products(), [], [], [], _rates(chance), _costs(), _changes(), [], [], [], [], [], [], [], [], [])
    for person in range(people):
        began = FIRST + timedelta(days=chance.randrange((LAST - FIRST).days - 20))
        email, phone = f"person{person}@example.com", f"0912{person:07}"
        web = f"w{person}" if chance.random() < 0.65 else None
        till = f"t{person}" if chance.random() < 0.5 else None
        for source, account in (("web", web), ("till", till)):
            if account:
                closed = chance.random() < 0.06
                shop.customers.append(
                    {
                        "source": source,
                        "customer_id": account,
                        "email": email.upper() if source == "web" else chance.choice([email, None, "desk@example.com"]),
                        "phone": chance.choice([phone, None]) if source == "web" else phone,
                        "region": chance.choice(["north", "south", None]),
                        "accepts_marketing": chance.choice([True, True, False, None]),
                        "is_closed": closed,
                        "closed_at": _instant(chance, LAST - timedelta(days=chance.randrange(200))) if closed else None,
                        "registered_at": _instant(chance, began - timedelta(days=1)),
                    }
                )
        pace, day = chance.choice([9, 25, 60, 140]), began
        while day <= LAST:
            for _ in range(2 if chance.random() < 0.1 else 1):
                _order(chance, shop, day, web, till, email, phone)
            if chance.random() < 0.12:
                break
            day += timedelta(days=1 + int(chance.expovariate(1 / pace)))
    shop.experiment_assignments.extend(_assignments(shop))
    shop.customer_tiers.extend(_tiers(shop))
    make_engagement(shop)
    return shop


def _tiers(shop: Shop) -> list[Row]:
    """Of the cards: silver after some time, gold after more, and for some none again."""
    chance, found = random.Random(13), []
    for row in shop.customers:
        held_from = row["registered_at"]
        for tier in ("silver", "gold", None)[: chance.randrange(4)]:
            held_from += timedelta(days=chance.randrange(20, 200))
            found.append({key: row[key] for key in ("source", "customer_id")} | {"held_from": held_from, "tier": tier})
    return [row for row in found if row["source"] == "till"]


def _costs() -> list[Row]:
    """Of the web, a day a month, in either currency; the till's are not known."""
    days = [FIRST + timedelta(days=29 * number) for number in range(21)]
    return [
        {"source": "web", "channel": "web", "month_on": day, "amount": Decimal(90), "currency": currency}
        for day, currency in zip(days, ["USD", "EUR", "USD"] * 7, strict=True)
    ]


def _changes() -> list[Row]:
    """A change that can be read on the as-of day, one whose days have not ended, and one of later."""
    changes = {
        "dearer": ("price", date(2024, 9, 1), [("category", "shoes"), ("category", "bags")]),
        "closer": ("service", date(2025, 2, 20), [("region", "north"), ("customer", "w1")]),
        "later": ("campaign", AS_OF + timedelta(days=1), [("everybody", "everybody")]),
    }
    return [
        {"source": "web", "change_id": name, "kind": kind, "changed_on": day, "touched": by, "touched_value": value}
        for name, (kind, day, touched) in changes.items()
        for by, value in touched
    ]


def _assignments(shop: Shop) -> list[Row]:
    """Half of the web accounts of then: in an experiment that has ended, one that was assigned and has not begun, and a later one."""
    chance = random.Random(11)
    days = (date(2024, 11, 1), AS_OF + timedelta(days=1), AS_OF + timedelta(days=9))
    starts = [datetime(day.year, day.month, day.day, 10, tzinfo=TIMEZONE) for day in days]
    return [
        {
            "source": "web",
            "experiment_id": f"letter-{number}",
            "customer_id": row["customer_id"],
            "arm": chance.choice(["treatment", "control"]),
            "assigned_at": at - timedelta(days=1),
            "starts_at": at,
            "treatment_share": Decimal("0.5"),
        }
        for number, at in enumerate(starts)
        for row in shop.customers
        if row["source"] == "web" and row["registered_at"] < at - timedelta(days=1)
    ]


def _products() -> list[Row]:
    return [
        {
            "source": source,
            "product_id": f"p{number}",
            "category": ["shoes", "bags", None, "toys"][number % 4],
            "price": Decimal(10 + number),
            "unit_cost": None if number == 5 else Decimal(4 + number),
            "currency": ["USD", "EUR", None][number % 3],
            "is_gift_card": number == 8,
        }
        for source in ("web", "till")
        for number in range(9)
    ]


def _rates(chance: random.Random) -> list[Row]:
    days = [FIRST - timedelta(days=3) + timedelta(days=n) for n in range((LAST - FIRST).days)]
    return [
        {"source": "web", "currency": "EUR", "rate_on": day, "rate": Decimal(chance.randrange(10000, 12000)) / 10000}
        for day in days
        if day.weekday() < 5
    ]


def _order(
    chance: random.Random, shop: Shop, day: date, web: str | None, till: str | None, email: str, phone: str
) -> None:
    source = "till" if (till and chance.random() < 0.5) or not web else "web"
    account = till if source == "till" else web
    number = f"o{len(shop.orders)}"
    guest = account is None or chance.random() < 0.1
    anonymous = guest and chance.random() < 0.2
    key = {"source": source, "order_id": number}
    lines = [
        {
            **key,
            "line_id": str(line),
            "product_id": "p8" if chance.random() < 0.04 else f"p{chance.randrange(9)}",
            "quantity": Decimal(chance.randrange(1, 4)),
            "gross_amount": Decimal(chance.randrange(0, 9000)) / 100,
            "discount_amount": Decimal(chance.choice([0, 0, 0, 99])) / 100,
            "cost_amount": chance.choice([None, None, Decimal("3.33")]),
        }
        for line in range(chance.randrange(0, 4))
    ]
    gross = sum((line["gross_amount"] for line in lines), Decimal(0)) or Decimal(chance.randrange(100, 9000)) / 100
    discount = (
        sum((line["discount_amount"] for line in lines), Decimal(0)) + Decimal(chance.choice([0, 0, 0, 333])) / 100
    )
    ordered_at = _instant(chance, day)
    status = chance.choices(["paid", "cancelled", "voided", "pending", "fraud", "lost"], [90, 3, 2, 3, 1, 1])[0]
    if status == "paid" and chance.random() < 0.15:
        status = _return(chance, shop, key, lines, ordered_at, gross - discount)
    shop.order_items.extend(lines)
    shop.orders.append(
        {
            **key,
            "customer_id": None if guest else account,
            "email": email if guest and not anonymous else None,
            "phone": phone if guest and not anonymous and chance.random() < 0.3 else None,
            "ordered_at": ordered_at,
            "status": status,
            "currency": "EUR" if chance.random() < 0.3 else "USD",
            "gross_amount": gross + (1 if chance.random() < 0.03 else 0),
            "discount_amount": discount,
            "tax_amount": Decimal("1.10"),
            "shipping_amount": Decimal("4.00"),
            "channel": chance.choice(["web", "app", None]) if source == "web" else "store",
            "region": chance.choice(["north", "south"]),
            "is_test": chance.random() < 0.01,
        }
    )


def _return(
    chance: random.Random, shop: Shop, key: Row, lines: list[Row], ordered_at: datetime, charged: Decimal
) -> str:
    """One or two returns within five months; the status that the order ends with."""
    whole = chance.random() < 0.4 and charged > 0
    parts = [charged] if whole else [round(charged * Decimal("0.2"), 2)] * chance.choice([1, 2])
    for part, amount in enumerate(parts):
        shop.returns.append(
            {
                "source": key["source"],
                "return_id": f"r{key['order_id']}-{part}",
                "order_id": key["order_id"],
                "line_id": chance.choice(lines)["line_id"] if lines and chance.random() < 0.5 else None,
                "returned_at": ordered_at + timedelta(days=chance.randrange(150), minutes=chance.randrange(1440)),
                "amount": amount,
            }
        )
    return "refunded" if whole else "partially_refunded"


def known_on(shop: Shop, day: date) -> Shop:
    """What a warehouse would hold that had stopped loading at the end of `day`."""
    returns = [row for row in shop.returns if local_day(row["returned_at"]) <= day]
    returned = {(row["source"], row["order_id"]) for row in returns}
    later = {(row["source"], row["order_id"]) for row in shop.returns if local_day(row["returned_at"]) > day}
    orders = []
    for row in shop.orders:
        key = (row["source"], row["order_id"])
        if local_day(row["ordered_at"]) <= day:
            undone = {"status": "partially_refunded" if key in returned else "paid"} if key in later else {}
            orders.append({**row, **undone})
    kept = {(row["source"], row["order_id"]) for row in orders}
    customers = [
        row if row["closed_at"] is None or local_day(row["closed_at"]) <= day else {**row, "is_closed": False}
        for row in shop.customers
        if local_day(row["registered_at"]) <= day
    ]
    return replace(
        shop,
        customers=customers,
        orders=orders,
        order_items=[row for row in shop.order_items if (row["source"], row["order_id"]) in kept],
        returns=[row for row in returns if (row["source"], row["order_id"]) in kept],
        exchange_rates=[row for row in shop.exchange_rates if row["rate_on"] <= day],
        customer_tiers=[row for row in shop.customer_tiers if local_day(row["held_from"]) <= day],
        traffic=[row for row in shop.traffic if row["day_on"] <= day],
        acquisition_costs=[row for row in shop.acquisition_costs if row["month_on"] <= day],
        business_changes=[row for row in shop.business_changes if row["changed_on"] <= day],
        experiment_assignments=[row for row in shop.experiment_assignments if local_day(row["assigned_at"]) <= day],
        **known_engagement(shop, lambda moment: local_day(moment) <= day),
    )


def write_shop(connection: psycopg.Connection[Any], shop: Shop, *, load_id: int, backwards: bool = False) -> None:
    """Fill schema raw as the publish step would; `backwards` in the opposite order, which must not matter."""
    for name in (*ENTITIES, "customer_tiers"):
        rows: Iterable[Row] = getattr(shop, name)
        for row in reversed(list(rows)) if backwards else rows:
            columns = {**row, "_load_id": load_id}
            connection.execute(
                sql.SQL("insert into raw.{} ({}) values ({})").format(
                    sql.Identifier(name),
                    sql.SQL(", ").join(map(sql.Identifier, columns)),
                    sql.SQL(", ").join(sql.Placeholder() * len(columns)),
                ),
                list(columns.values()),
            )
    connection.execute(
        "insert into raw.phone_numbers select distinct phone, '+98' || substr(phone, 2) "
        "from (select phone from raw.customers union select phone from raw.orders union select phone from raw.tickets) as seen "
        "where phone is not null"
    )
