"""The main marts a second way: from the raw orders, in plain Python, by the definitions and with no regard to speed."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import jdatetime
from small_shop import Row, Shop, local_day

BAD = {"cancelled", "voided", "pending", "fraud", "lost", "refunded"}
CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Month:
    """A Jalali month: its first day, the next month's, and a number that counts months."""

    start: date
    end: date
    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        jalali = jdatetime.date.fromgregorian(date=day)
        number = jalali.year * 12 + jalali.month - 1
        starts = [jdatetime.date(n // 12, n % 12 + 1, 1).togregorian() for n in (number, number + 1)]
        return cls(starts[0], starts[1], number)


def people(shop: Shop) -> dict[tuple[str, str], str]:
    """(source, account or guest reference) to the smallest identity of the person."""
    first_order: dict[tuple[str, str], tuple[object, str]] = {}
    identifiers: dict[str, set[str]] = {}
    name_of: dict[tuple[str, str], str] = {}
    for row in shop.customers:
        name = f"{row['source']}:{row['customer_id']}"
        name_of[row["source"], row["customer_id"]] = name
        email = row["email"].lower() if row["email"] else None
        identifiers[name] = {x for x in (email, row["phone"]) if x}
    for row in shop.orders:
        if guest := guest_reference(row):
            candidate = (row["ordered_at"], row["order_id"])
            first_order[row["source"], guest] = min(first_order.get((row["source"], guest), candidate), candidate)
    for (source, guest), (_, order_id) in first_order.items():
        name = f"{source}:order:{order_id}"
        name_of[source, guest] = name
        identifiers[name] = {x for x in guest.split("|") if x}
    holders: dict[str, set[str]] = defaultdict(set)
    for name, known in identifiers.items():
        for identifier in known:
            holders[identifier].add(name)
    group = {name: {name} for name in identifiers}
    for names in holders.values():
        if len(names) <= 10:
            merged = set().union(*(group[name] for name in names))
            for name in merged:
                group[name] = merged
    return {reference: min(group[name]) for reference, name in name_of.items()}


def guest_reference(order: Row) -> str | None:
    if order["customer_id"] or not (order["email"] or order["phone"]):
        return None
    return f"{order['email'] or ''}|{order['phone'] or ''}"


def rate_of(shop: Shop, order: Row) -> Decimal:
    if order["currency"] == "USD":
        return Decimal(1)
    day = local_day(order["ordered_at"])
    return max((row["rate_on"], row["rate"]) for row in shop.exchange_rates if row["rate_on"] <= day)[1]


def occasions(shop: Shop) -> dict[str, dict[date, Decimal]]:
    """Person to day to net amount, of valid orders."""
    gift_cards = {(row["source"], row["product_id"]) for row in shop.products if row["is_gift_card"]}
    lines, returned = defaultdict(list), defaultdict(list)
    for row in shop.order_items:
        lines[row["source"], row["order_id"]].append((row["source"], row["product_id"]) in gift_cards)
    for row in shop.returns:
        returned[row["source"], row["order_id"]].append(row["amount"])
    person_of = people(shop)
    result: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for order in shop.orders:
        key = (order["source"], order["order_id"])
        left = order["gross_amount"] - order["discount_amount"] - sum(returned[key])
        only_gift_cards = bool(lines[key]) and all(lines[key])
        person = person_of.get((order["source"], order["customer_id"] or guest_reference(order) or ""))
        if order["status"] in BAD or order["is_test"] or only_gift_cards or left <= 0 or person is None:
            continue
        rate = rate_of(shop, order)
        net = cents(order["gross_amount"] * rate) - cents(order["discount_amount"] * rate)
        net -= cents(sum(returned[key]) * rate)
        result[person][local_day(order["ordered_at"])] += net
    return result


def months_until(bought: dict[str, dict[date, Decimal]], as_of: date) -> list[Month]:
    month = Month.of(min(day for days in bought.values() for day in days))
    months = []
    while month.start <= as_of:
        months.append(month)
        month = Month.of(month.end)
    return months


def retention_cohorts(
    bought: dict[str, dict[date, Decimal]], as_of: date
) -> dict[tuple[date, date], tuple[object, ...]]:
    """(cohort month, activity month) to (months since, cohort's customers, active ones, net amount, is mature)."""
    months = months_until(bought, as_of)
    cohorts: dict[date, list[str]] = defaultdict(list)
    for person, days in bought.items():
        cohorts[Month.of(min(days)).start].append(person)
    cells = {}
    for first in months:
        members = cohorts[first.start]
        for month in months:
            if members and month.number >= first.number:
                inside = {p: [n for d, n in bought[p].items() if month.start <= d < month.end] for p in members}
                active = sum(1 for amounts in inside.values() if amounts)
                net = sum((sum(amounts) for amounts in inside.values()), Decimal("0.00"))
                mature = month.end <= as_of + timedelta(days=1)
                cells[first.start, month.start] = (month.number - first.number, len(members), active, net, mature)
    return cells


def customer_flow(bought: dict[str, dict[date, Decimal]], as_of: date, active_days: int) -> dict[date, tuple[int, ...]]:
    """Month to (at start, new, reactivated, churned, at end)."""

    def active_at(moment: date) -> set[str]:
        earliest = moment - timedelta(days=active_days)
        return {person for person, days in bought.items() if any(earliest <= day < moment for day in days)}

    flow = {}
    for month in months_until(bought, as_of):
        end = min(month.end, as_of + timedelta(days=1))
        before, after = active_at(month.start), active_at(end)
        first_bought = {person for person, days in bought.items() if month.start <= min(days) < end}
        new = first_bought & after
        flow[month.start] = (len(before), len(new), len(after - before - new), len(before - after), len(after))
    return flow


def repeat_purchase(
    bought: dict[str, dict[date, Decimal]], as_of: date
) -> dict[tuple[date, int], tuple[int, int, int]]:
    """(cohort month, window) to (customers, eligible, repurchased)."""
    cells: dict[tuple[date, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for days in bought.values():
        ordered = sorted(days)
        for window in (30, 60, 90, 180, 365):
            last_day_of_window = ordered[0] + timedelta(days=window)
            eligible = last_day_of_window <= as_of
            back = eligible and len(ordered) > 1 and ordered[1] <= last_day_of_window
            cell = cells[Month.of(ordered[0]).start, window]
            cell[0] += 1
            cell[1] += eligible
            cell[2] += back
    return {key: (cell[0], cell[1], cell[2]) for key, cell in cells.items()}


def survival(bought: dict[str, dict[date, Decimal]], as_of: date, step: int) -> dict[int, float]:
    """Day to the Kaplan-Meier estimate for the step from occasion `step` to the next, at days with an event."""
    spans = []
    for days in bought.values():
        ordered = sorted(days)
        if len(ordered) >= step:
            back = len(ordered) > step
            spans.append((((ordered[step] if back else as_of) - ordered[step - 1]).days, back))
    estimate, curve = 1.0, {}
    for day in sorted({span for span, back in spans if back}):
        at_risk = sum(1 for span, _ in spans if span >= day)
        events = sum(1 for span, back in spans if back and span == day)
        estimate *= 1 - events / at_risk
        curve[day] = estimate
    return curve


def all_gaps(bought: dict[str, dict[date, Decimal]]) -> list[int]:
    return sorted((b - a).days for days in bought.values() for a, b in pairwise(sorted(days)))
