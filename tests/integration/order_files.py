"""Files of orders as public data sets have them, with their dirt, and the cohorts counted from them by plain Python."""

import csv
import random
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

RETAIL = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
PRICES = ["2.55", "0.85", "1714.17", "0.001", "7.95", "0"]
THINGS = [
    ("85123A", "WHITE HANGING HEART"),
    ("85123a", 'SET 7, NESTING "BOXES"'),
    ("22423", "£ SIGN MUG; TIN"),
    ("POST", "POSTAGE"),
    ("M", ""),
]


def write_lines(path: Path, endings: tuple[str, ...] = (".0",)) -> list[dict[str, str]]:
    """One file of lines: cancellations, book-keeping, a quarter without a customer, lines that are there twice, and lines that
    nobody can use. `endings`: how a customer's number may end."""
    dice, rows, number = random.Random(20101201), [], 536365
    moments = sorted(datetime(2010, 12, 1, 8, 26) + timedelta(minutes=dice.randrange(360 * 1440)) for _ in range(420))
    for at in moments:
        number += dice.choice([1, 2])
        kind, customer = dice.random(), dice.randrange(70)
        known = "" if kind < 0.25 else f"{12346 + customer}{dice.choice(endings)}"
        invoice = f"C{number}" if dice.random() < 0.15 else str(number)
        if kind > 0.97:  # stock that was written off
            rows.append([str(number), "22423", "damages, thrown away", "-24", at, "0", "", "Unspecified"])
            continue
        lines = dice.choice([1, 2, 4])
        runs_over = lines > 1 and dice.random() < 0.1
        for line in range(lines):
            code, name = dice.choice(THINGS)
            quantity = dice.choice([1, 6, 48]) * (-1 if invoice.startswith("C") else 1)
            moment = at + timedelta(minutes=runs_over and line)
            rows.append([invoice, code, name, str(quantity), moment, dice.choice(PRICES), known, "EIRE"])
            if dice.random() < 0.05:
                rows.append(rows[-1])
    midnight = datetime(2011, 5, 31, 23, 59)  # the second line is of June, and sorts before the first
    for minutes in (1, 0):
        moment = midnight + timedelta(minutes=minutes)
        rows.append(["590000", "22423", "over midnight", "1", moment, "5.00", "99999.0", "EIRE"])
    written = [
        [*row[:4], f"{row[4].month}/{row[4].day}/{row[4]:%Y} {row[4].hour}:{row[4]:%M}", *row[5:]] for row in rows
    ]
    written += [
        ["A563185", "B", "Adjust bad debt", "1", "8/12/2011 14:50", "-11062.06", "", "United Kingdom"],
        ["A563186", "B", "Adjust bad debt", "1", "8/12/2011 14:51", "11062.06", "", "United Kingdom"],
        ["600001", "22423", "no number", "six", "8/12/2011 14:50", "1.00", "12346", "EIRE"],
        ["600002", "22423", "no day", "1", "31/31/2011 14:50", "1.00", "12347", "EIRE"],
        ["600003", "22423", "one customer", "1", "8/12/2011 14:50", "1.00", "12348", "EIRE"],
        ["600003", "22423", "and another", "1", "8/12/2011 14:50", "1.00", "12349", "EIRE"],
        ["600004", "22423", "gives back, and is no cancellation", "-1", "8/12/2011 14:50", "1.00", "12350", "EIRE"],
        ["", "22423", "no invoice", "1", "8/12/2011 14:50", "1.00", "12350", "EIRE"],
    ]  # fmt: skip
    _write(path, RETAIL, written, "cp1252")
    return [dict(zip(RETAIL, row, strict=True)) for row in written]


UNUSABLE = ("600001", "600002", "600003", "600004", "")


def orders_of_lines(lines: list[dict[str, str]]) -> list[tuple[str, datetime, Decimal]]:
    """(customer or '', moment, amount) of every order that counts: those of positive quantity and price."""
    orders: dict[str, tuple[str, datetime, Decimal]] = {}
    for line in lines:
        invoice, amount = line["InvoiceNo"], Decimal(line["UnitPrice"]) * int(line["Quantity"].replace("six", "0"))
        if invoice in UNUSABLE or invoice[0] in "AC" or amount <= 0:
            continue
        at = datetime.strptime(line["InvoiceDate"], "%m/%d/%Y %H:%M")
        customer, first, total = orders.get(invoice, (line["CustomerID"].removesuffix(".0"), at, Decimal(0)))
        orders[invoice] = (customer, min(first, at), total + amount)
    return [(customer, at, round(total, 4)) for customer, at, total in orders.values()]


TABLES = {
    "olist_customers_dataset.csv": ["customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"],
    "olist_orders_dataset.csv": ["order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at"],
    "olist_order_items_dataset.csv": ["order_id", "order_item_id", "product_id", "shipping_limit_date", "price", "freight_value"],
    "olist_products_dataset.csv": ["product_id", "product_category_name"],
}  # fmt: skip
STATES = {"delivered": 80, "shipped": 5, "canceled": 7, "unavailable": 4, "created": 4}


def write_tables(folder: Path) -> list[tuple[str, datetime, Decimal]]:
    """Tables apart, where each order has a customer of its own and a person behind it; answers (person, moment, amount) of every
    order that counts."""
    dice = random.Random(20160904)
    rows: dict[str, list[list[str]]] = {name: [] for name in TABLES}
    rows["olist_products_dataset.csv"] = [[f"p{n}", dice.choice(["beleza_saude", ""])] for n in range(9)]
    counted = []
    for number in range(400):
        order, person = f"o{number:03}", f"u{dice.randrange(150):03}"
        at = datetime(2016, 9, 4, 21, 15) + timedelta(minutes=dice.randrange(500 * 1440))
        state = dice.choices(list(STATES), list(STATES.values()))[0]
        bare = state in ("unavailable", "created") or dice.random() < 0.02
        prices = (
            [] if bare else [Decimal(dice.choice(["58.90", "239.90", "0.85"])) for _ in range(dice.choice([1, 1, 3]))]
        )
        rows["olist_customers_dataset.csv"].append([f"c{number}", person, "01409", "são paulo", "SP"])
        rows["olist_orders_dataset.csv"].append(
            [order, f"c{number}", state, f"{at}", "" if bare else f"{at + timedelta(hours=3)}"]
        )
        rows["olist_order_items_dataset.csv"] += [
            [order, str(line), f"p{dice.randrange(9)}", f"{at}", str(price), "13.29"]
            for line, price in enumerate(prices, 1)
        ]
        if state in ("delivered", "shipped") and prices:
            counted.append((person, at, sum(prices, Decimal(0))))
    for lines in rows.values():
        dice.shuffle(lines)
    for name, header in TABLES.items():
        _write(folder / name, header, rows[name], "utf-8")
    return counted


def cohorts(orders: list[tuple[str, datetime, Decimal]]) -> dict[tuple[str, int], int]:
    """Customers by the month of their first order and the months since, where there are any."""
    months: dict[str, set[int]] = defaultdict(set)
    for customer, at, _ in orders:
        if customer:
            months[customer].add(at.year * 12 + at.month - 1)
    table: dict[tuple[str, int], int] = defaultdict(int)
    for active in months.values():
        first = min(active)
        for month in active:
            table[f"{first // 12}-{first % 12 + 1:02}-01", month - first] += 1
    return dict(table)


def key_figures(orders: list[tuple[str, datetime, Decimal]]) -> tuple[int, int, int, int, Decimal]:
    """Customers, those of two days or more, orders, orders of nobody, and money."""
    days: dict[str, set[object]] = defaultdict(set)
    for customer, at, _ in orders:
        days[customer].add(at.date())
    nobody = sum(1 for customer, *_ in orders if not customer)
    days.pop("", None)
    repeat = sum(1 for one in days.values() if len(one) > 1)
    return len(days), repeat, len(orders), nobody, sum((round(amount, 2) for *_, amount in orders), Decimal(0))


def _write(path: Path, header: list[str], rows: list[list[str]], encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
