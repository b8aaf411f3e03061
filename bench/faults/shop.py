"""A small shop that sends a folder of files every night: weeks of clean deliveries, the same for the same seed and last day."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

Row = dict[str, str]
Delivery = dict[str, list[Row]]  # rows by entity, every value as the text that the file holds

TIMEZONE, REPORTING_CURRENCY = "Asia/Yerevan", "EUR"
COLUMNS: dict[str, tuple[str, ...]] = {
    "exchange_rates": ("currency", "rate_on", "rate"),
    "customers": (
        "customer_id", "email", "phone", "full_name", "country", "region", "city", "channel", "tier",
        "accepts_marketing", "registered_at", "changed_at",
    ),
    "products": ("product_id", "name", "category", "price", "unit_cost", "currency", "is_gift_card", "changed_at"),
    "orders": (
        "order_id", "customer_id", "email", "phone", "ordered_at", "status", "currency", "gross_amount",
        "discount_amount", "tax_amount", "shipping_amount", "channel", "store", "region", "is_test", "changed_at",
    ),
    "order_items": (
        "order_id", "line_id", "product_id", "quantity", "gross_amount", "discount_amount", "cost_amount", "changed_at",
    ),
    "returns": ("return_id", "order_id", "line_id", "returned_at", "refund", "quantity", "reason", "changed_at"),
}  # fmt: skip
KEYS: dict[str, tuple[str, ...]] = {
    "exchange_rates": ("currency", "rate_on"),
    "customers": ("customer_id",),
    "products": ("product_id",),
    "orders": ("order_id",),
    "order_items": ("order_id", "line_id"),
    "returns": ("return_id",),
}
STORES = {  # name: share of the orders, currency, region, channel
    "Café Abovyan": (0.40, "EUR", "Yerevan", "store"),
    "Cascade": (0.20, "EUR", "Yerevan", "store"),
    "Gyumri": (0.20, "AMD", "Shirak", "store"),
    "online": (0.20, "USD", "", "web"),
}
EUROS = {"USD": 0.9, "GBP": 1.17, "AMD": 0.0023, "GEL": 0.33}  # worth of one unit when the history begins
CATEGORIES = ("coffee", "tea", "pâtisserie", "books", "kitchen", "toys", "gifts", "garden")
WEEKDAYS = (0.9, 0.85, 0.9, 1.0, 1.2, 1.35, 0.8)  # Monday to Sunday
REGIONS = ("Yerevan", "Shirak", "Lori", "Vayots Dzor", "Syunik")
FIRST_NAMES = ("Anahit", "Davit", "Léa", "Mariam", "Narek", "Søren", "Tigran", "Zoë", "Ani", "José")
LAST_NAMES = ("Abgaryan", "Bădescu", "Çelik", "Danielyan", "Garcia", "Hakobyan", "Müller", "Petrosyan", "Sargsyan")
REASONS = ("too small", "trop petit – déçu", "broken", "late", "wrong colour")
CENT = Decimal("0.01")


@dataclass
class Sold:
    """An order that may still be returned."""

    row: Row
    lines: list[Row]
    ordered_at: datetime


@dataclass
class Shop:
    """`orders` a day on average, over the `days` that end with `last_on`; the delivery of a day is sent in the next night."""

    days: int
    orders: int
    last_on: date
    seed: int = 20250101
    _numbers: dict[str, int] = field(default_factory=dict)

    def deliveries(self) -> Iterator[tuple[date, Delivery]]:
        """Each day of trade with the files sent about it, oldest first."""
        dice = Random(self.seed)
        self._numbers = {}
        customers: list[Row] = []
        sold: list[Sold] = []
        rates = dict(EUROS)
        week: list[Row] = []
        start = self.last_on - timedelta(days=self.days - 1)
        products = [self._product(dice, start) for _ in range(200)]
        for number in range(self.days):
            day = start + timedelta(days=number)
            rates = {currency: rate * math.exp(dice.gauss(0, 0.004)) for currency, rate in rates.items()}
            week = [row for row in week if row["rate_on"] > (day - timedelta(days=7)).isoformat()]
            week += [
                {"currency": name, "rate_on": day.isoformat(), "rate": f"{rate:.8f}"} for name, rate in rates.items()
            ]
            for product in dice.sample(products, 3):
                product["price"] = money(Decimal(product["price"]) * Decimal(dice.choice(("0.95", "1.05"))))
                product["changed_at"] = moment(day, 3)
            delivery: Delivery = {name: [] for name in COLUMNS}
            delivery["exchange_rates"] = [dict(row) for row in week]
            for _ in range(max(1, round(dice.gauss(self.orders * WEEKDAYS[day.weekday()], self.orders**0.5)))):
                sold.append(self._order(dice, day, customers, products, rates, delivery))
            self._changed_customers(dice, day, customers, delivery)
            sold = self._returns(dice, day, sold, delivery)
            delivery["products"] = [dict(row) for row in products]
            delivery["customers"].sort(key=lambda row: row["customer_id"])
            yield day, delivery

    def _next(self, kind: str, first: int) -> str:
        self._numbers[kind] = self._numbers.get(kind, first - 1) + 1
        return str(self._numbers[kind])

    def _product(self, dice: Random, start: date) -> Row:
        number, price = self._next("product", 1), Decimal(dice.randint(300, 9900)) / 100
        category = CATEGORIES[int(number) % len(CATEGORIES)]
        return {
            "product_id": f"P{int(number):05d}",
            "name": f"{category} {'grand' if dice.random() < 0.5 else 'petit'} n° {number}",
            "category": category,
            "price": money(price),
            "unit_cost": money(price * Decimal("0.6")),
            "currency": "EUR",
            "is_gift_card": "true" if category == "gifts" and dice.random() < 0.1 else "false",
            "changed_at": moment(start, 2),
        }

    def _customer(self, dice: Random, at: datetime) -> Row:
        number = self._next("customer", 1)
        name = f"{dice.choice(FIRST_NAMES)} {dice.choice(LAST_NAMES)}"
        return {
            "customer_id": f"C{int(number):06d}",
            "email": f"customer{number}@example.am" if dice.random() < 0.9 else "",
            "phone": f"+37491{int(number):06d}" if dice.random() < 0.8 else "",
            "full_name": name,
            "country": "AM",
            "region": (region := dice.choice(REGIONS)),
            "city": region if region == "Yerevan" else f"{region} town",
            "channel": dice.choice(("store", "store", "web")),
            "tier": dice.choice(("", "silver", "gold")),
            "accepts_marketing": dice.choice(("true", "true", "false")),
            "registered_at": f"{at:%Y-%m-%d %H:%M:%S}",
            "changed_at": f"{at:%Y-%m-%d %H:%M:%S}",
        }

    def _order(
        self,
        dice: Random,
        day: date,
        customers: list[Row],
        products: list[Row],
        rates: dict[str, float],
        delivery: Delivery,
    ) -> Sold:
        at = datetime.combine(day, time(9)) + timedelta(seconds=dice.randrange(12 * 3600))
        stamp = f"{at:%Y-%m-%d %H:%M:%S}"
        store = dice.choices(list(STORES), [share for share, *_ in STORES.values()])[0]
        _, currency, region, channel = STORES[store]
        customer: Row = {}
        is_guest = dice.random() < 0.1
        if not is_guest:
            if not customers or dice.random() < max(0.2, 1 - len(customers) / (self.orders * 8)):
                customers.append(self._customer(dice, at))
                delivery["customers"].append(dict(customers[-1]))
            customer = dice.choice(customers[-self.orders * 20 :])
        order_id = self._next("order", 700_001)
        rate = Decimal(1) if currency == REPORTING_CURRENCY else 1 / Decimal(rates[currency])
        lines = [
            self._line(dice, order_id, number, product, rate, stamp)
            for number, product in enumerate(dice.sample(products, dice.choice((1, 1, 2, 2, 3, 4))), 1)
        ]
        gross = sum(Decimal(line["gross_amount"]) for line in lines)
        discount = sum(Decimal(line["discount_amount"]) for line in lines)
        row = {
            "order_id": order_id,
            "customer_id": customer.get("customer_id", ""),
            "email": customer.get("email", "") or (f"guest{order_id}@example.com" if is_guest else ""),
            "phone": customer.get("phone", ""),
            "ordered_at": stamp,
            "status": dice.choices(("paid", "cancelled"), (0.97, 0.03))[0],
            "currency": currency,
            "gross_amount": money(Decimal(gross)),
            "discount_amount": money(Decimal(discount)),
            "tax_amount": money((gross - discount) * Decimal("0.2")),
            "shipping_amount": money(Decimal("4.90") * rate) if channel == "web" else "0.00",
            "channel": channel,
            "store": store,
            "region": region or customer.get("region", "Yerevan"),
            "is_test": "true" if dice.random() < 0.01 else "false",
            "changed_at": stamp,
        }
        delivery["orders"].append(dict(row))
        delivery["order_items"] += lines
        return Sold(row, lines, at)

    def _line(self, dice: Random, order_id: str, number: int, product: Row, rate: Decimal, stamp: str) -> Row:
        quantity = dice.choice((1, 1, 1, 2, 3))
        gross = Decimal(money(Decimal(product["price"]) * rate * quantity))
        return {
            "order_id": order_id,
            "line_id": str(number),
            "product_id": product["product_id"],
            "quantity": str(quantity),
            "gross_amount": money(gross),
            "discount_amount": money(gross * Decimal("0.1")) if dice.random() < 0.15 else "0.00",
            "cost_amount": money(Decimal(product["unit_cost"]) * rate * quantity),
            "changed_at": stamp,
        }

    def _changed_customers(self, dice: Random, day: date, customers: list[Row], delivery: Delivery) -> None:
        """A few of yesterday's customers move or become gold: sent again with a newer `changed_at`."""
        sent = {row["customer_id"] for row in delivery["customers"]}
        for customer in dice.sample(customers, min(len(customers), 15)):
            if customer["customer_id"] not in sent:
                customer["tier"], customer["changed_at"] = dice.choice(("silver", "gold")), moment(day, 22)
                delivery["customers"].append(dict(customer))

    def _returns(self, dice: Random, day: date, sold: list[Sold], delivery: Delivery) -> list[Sold]:
        """One line of some orders of the last three weeks comes back; the order is sent again as partially refunded."""
        young = [one for one in sold if one.ordered_at.date() > day - timedelta(days=21)]
        open_to_return = [
            one for one in young if one.row["status"] == "paid" and one.ordered_at.date() < day - timedelta(days=2)
        ]
        for one in dice.sample(
            open_to_return, min(len(open_to_return), max(1, round(dice.gauss(self.orders * 0.1, 2))))
        ):
            line = dice.choice(one.lines)
            at = moment(day, dice.randint(10, 20))
            one.row.update(status="partially_refunded" if len(one.lines) > 1 else "refunded", changed_at=at)
            delivery["orders"].append(dict(one.row))
            delivery["returns"].append(
                {
                    "return_id": f"R{self._next('return', 50_001)}",
                    "order_id": one.row["order_id"],
                    "line_id": line["line_id"],
                    "returned_at": at,
                    "refund": f"-{Decimal(line['gross_amount']) - Decimal(line['discount_amount'])}",
                    "quantity": line["quantity"],
                    "reason": dice.choice(REASONS),
                    "changed_at": at,
                }
            )
        return young


def money(amount: Decimal) -> str:
    return str(amount.quantize(CENT, ROUND_HALF_UP))


def moment(day: date, hour: int) -> str:
    return f"{day.isoformat()} {hour:02d}:30:00"
