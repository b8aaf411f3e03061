"""The main marts, recomputed from purchase occasions by their definitions in docs/metrics.md.

Each is a table with the mart's own column names: key columns first, then values. Days are whole numbers since 1970-01-01,
amounts are cents.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from bench.reference.orders import EPOCH
from bench.reference.scores import scored
from retain.calendars import WEEKDAYS

PERIODS = ("week", "month", "quarter", "year")
BREAKDOWNS = ("all", "channel", "region", "category")
BREAKDOWNS_OF_STEPS = (*BREAKDOWNS, "segment", "value tier")  # as they stood when the month of the occasion began
WINDOWS = (0, 30, 60, 90, 180, 365)
SINCE = "months_since_first"
MONEY = {"gross": "gross_amount", "discount": "discount_amount", "returns": "returns_amount", "net": "net_amount"}
Days = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Shop:
    """What the definitions need to know: `as_of` is the last day that counts, `until` the first that has not ended."""

    occasions: pd.DataFrame
    as_of: int
    until: int
    week_start: str
    active_days: int
    lapse_days: int | None
    given_back: pd.DataFrame

    def starts(self, period: str, days: Days) -> Days:
        """First day of each day's period; weeks from the configured weekday, Gregorian months, quarters and years."""
        if period == "week":
            return days - (days + 3 - WEEKDAYS.index(self.week_start)) % 7  # 1970-01-01 was a Thursday
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype("int64")
        months -= months % {"month": 1, "quarter": 3, "year": 12}[period]
        firsts: Days = months.astype("datetime64[M]").astype("datetime64[D]").astype("int64")
        return firsts

    def after(self, period: str, start: int) -> int:
        """First day of the next period."""
        length = {"week": 7, "month": 32, "quarter": 93, "year": 367}[period]
        return int(self.starts(period, np.array([start + length]))[0])

    def begun(self, period: str) -> list[int]:
        """Starts of the periods from the first occasion's to the as-of day's."""
        start = int(self.starts(period, self.occasions["day"].to_numpy()).min())
        starts = []
        while start <= self.as_of:
            starts.append(start)
            start = self.after(period, start)
        return starts


def prepared(occasions: pd.DataFrame) -> pd.DataFrame:
    """Adds number, first and next day of the customer, and the value of each breakdown."""
    customer = occasions.groupby("customer_key")["day"]
    return occasions.assign(
        all="all",
        number=customer.cumcount() + 1,
        first=customer.transform("min"),
        next=customer.shift(-1),
        age=occasions["day"] - customer.transform("min"),
        costed_net=occasions["net"].where(occasions["is_costed"], 0),
    )


def recomputed(shop: Shop) -> Iterator[tuple[str, list[str], pd.DataFrame]]:
    """Name of the mart, its key columns, and the table."""
    cells, flows, windows = cohorts(shop), flow(shop), cohort_windows(shop)
    key = ["period", "dimension", "dimension_value"]
    yield "retention_cohorts_by", [*key, "cohort_start", "activity_start"], cells
    plain = by_month(cells).drop(columns=["gross_amount", "discount_amount", "returns_amount"])
    yield "retention_cohorts", ["cohort_month", "activity_month"], plain
    yield "customer_flow_by", [*key, "period_start"], flows
    plain = by_month(flows).drop(columns=["reactivated_net_amount", "churned_net_amount"])
    yield "customer_flow", ["period_start"], plain
    repeats = windows[windows["within_days"] > 0].drop(columns=["net_amount", "margin_amount"])
    key += ["cohort_start", "within_days"]
    yield "repeat_purchase_by", key, repeats
    yield "repeat_purchase", ["cohort_month", "within_days"], by_month(repeats)
    yield "cohort_value", key, windows.drop(columns="repurchased_customers")
    yield "survival_by", ["dimension", "dimension_value", "from_occasion", "day"], survival(shop)
    yield "customer_value", ["customer_key"], value(shop)
    yield "customer_segments", ["customer_key"], segments(shop)


def by_month(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of everybody by month, in the names of the marts that have no others."""
    rows = table[(table["period"] == "month") & (table["dimension"] == "all")]
    names = {"cohort_start": "cohort_month", "activity_start": "activity_month", "periods_since_first": SINCE}
    return rows.drop(columns=["period", "dimension", "dimension_value"]).rename(columns=names)


def cohorts(shop: Shop) -> pd.DataFrame:
    tables = []
    for period in PERIODS:
        begun = shop.begun(period)
        table = shop.occasions.assign(
            cohort=shop.starts(period, shop.occasions["first"].to_numpy()),
            active=shop.starts(period, shop.occasions["day"].to_numpy()),
        )
        for dimension in BREAKDOWNS:
            cells = table.groupby([dimension, "cohort", "active"]).agg(
                active_customers=("customer_key", "nunique"),
                occasions=("day", "size"),
                orders=("orders", "sum"),
                **{name: (column, "sum") for column, name in MONEY.items()},
                margin_amount=("margin", "sum"),
                costed_net_amount=("costed_net", "sum"),
            )
            pairs = cells.index.droplevel("active").unique()
            dense = [(value, cohort, start) for value, cohort in pairs for start in begun if start >= cohort]
            full = cells.reindex(pd.MultiIndex.from_tuples(dense, names=cells.index.names), fill_value=0).reset_index()
            sizes = cells["active_customers"].reset_index()
            sizes = sizes[sizes["cohort"] == sizes["active"]].set_index([dimension, "cohort"])["active_customers"]
            place = {start: number for number, start in enumerate(begun)}
            full["cohort_customers"] = sizes.reindex(pd.MultiIndex.from_frame(full[[dimension, "cohort"]])).to_numpy()
            full["periods_since_first"] = full["active"].map(place) - full["cohort"].map(place)
            full["active_rate"] = full["active_customers"] / full["cohort_customers"]
            full["matures_on"] = full["active"].map({start: shop.after(period, start) for start in begun})
            full["is_mature"] = full["matures_on"] <= shop.until
            names = {dimension: "dimension_value", "cohort": "cohort_start", "active": "activity_start"}
            tables.append(full.rename(columns=names).assign(period=period, dimension=dimension))
    return pd.concat(tables, ignore_index=True)


def flow(shop: Shop) -> pd.DataFrame:
    """Everybody's last occasion before each period's start and end decides; nothing is carried from period to period."""
    numbers, _ = pd.factorize(shop.occasions["customer_key"])
    days, net = shop.occasions["day"].to_numpy(), shop.occasions["net"].to_numpy()
    people = shop.occasions.drop_duplicates("customer_key")
    first = people["first"].to_numpy()
    never = -(10**6)

    def last_before(day: int) -> Days:
        last = np.full(len(people), never)
        np.maximum.at(last, numbers[days < day], days[days < day])
        return last

    tables = []
    for period in PERIODS:
        for start in shop.begun(period):
            end = min(shop.after(period, start), shop.as_of + 1)
            before, after = last_before(start), last_before(end)
            was, now = before >= start - shop.active_days, after >= end - shop.active_days
            came = (first >= start) & (first < end)
            inside = (days >= start) & (days < end)
            brought = np.bincount(numbers[inside], net[inside], len(people)).astype("int64")
            # what was bought in the active_days days up to the last occasion before the period's end
            recent = (days <= after[numbers]) & (days > after[numbers] - shop.active_days)
            spent = np.bincount(numbers[recent], net[recent], len(people)).astype("int64")
            back = now & ~was & ~came
            table = people[list(BREAKDOWNS)].assign(
                at_start=was,
                new_customers=now & came,
                reactivated_customers=back,
                churned_customers=was & ~now,
                at_end=now,
                first_time_buyers=came,
                buyers=np.bincount(numbers[inside], minlength=len(people)) > 0,
                net_amount=brought,
                reactivated_net_amount=np.where(back, brought, 0),
                churned_net_amount=np.where(was & ~now, spent, 0),
            )
            values = list(table.columns.difference(BREAKDOWNS))
            for dimension in BREAKDOWNS:
                sums = table.groupby(dimension)[values].sum().reset_index(names="dimension_value")
                tables.append(sums.assign(period=period, dimension=dimension, period_start=start))
    return pd.concat(tables, ignore_index=True).astype(dict.fromkeys(values, "int64"))


def cohort_windows(shop: Shop) -> pd.DataFrame:
    occasions = shop.occasions
    people = occasions.drop_duplicates("customer_key").set_index("customer_key")
    second = occasions[occasions["number"] == 2].set_index("customer_key")["age"].reindex(people.index)
    tables = []
    for window in WINDOWS:
        is_over = shop.until - people["first"] > window
        inside = occasions[occasions["age"] <= window].groupby("customer_key")[["net", "margin"]].sum()
        counted = people.assign(
            cohort_customers=1,
            eligible_customers=is_over.astype(int),
            repurchased_customers=(is_over & (second <= window)).astype(int),
            net_amount=inside["net"].where(is_over, 0),
            margin_amount=inside["margin"].where(is_over, 0),
        )
        values = list(counted.columns[-5:])
        for period in PERIODS:
            counted["cohort_start"] = shop.starts(period, counted["first"].to_numpy())
            for dimension in BREAKDOWNS:
                sums = counted.groupby([dimension, "cohort_start"])[values].sum().reset_index()
                sums = sums.rename(columns={dimension: "dimension_value"})
                ends = sums["cohort_start"].map(lambda start, kind=period: shop.after(kind, start))
                tables.append(
                    sums.assign(
                        period=period, dimension=dimension, within_days=window,
                        matures_on=ends + window, is_mature=ends + window <= shop.until,
                    )
                )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def survival(shop: Shop) -> pd.DataFrame:
    """The product over days with an event of (1 - events / at risk), and Greenwood's band on the log(-log) scale."""
    last = shop.until - 1
    steps = shop.occasions[(shop.occasions["number"] <= 10) & (shop.occasions["day"] <= last)]
    back = (steps["next"] <= last).to_numpy()
    steps = steps.assign(back=back, span=np.where(back, steps["next"], last) - steps["day"])
    tables = []
    for dimension in BREAKDOWNS_OF_STEPS:
        for (value, number), group in steps.groupby([dimension, "number"]):
            days = group.groupby("span")["back"].agg(events="sum", leaving="size")
            at_risk = days["leaving"][::-1].cumsum()[::-1].to_numpy(dtype=float)
            events = days["events"].to_numpy(dtype=float)
            rate = np.cumprod(1 - events / at_risk)
            with np.errstate(divide="ignore", invalid="ignore"):
                spread = np.sqrt(np.cumsum(events / (at_risk * (at_risk - events)))) / np.abs(np.log(rate))
                low, high = (rate ** np.exp(sign * 1.959963984540054 * spread) for sign in (1, -1))
            table = pd.DataFrame(
                {
                    "day": days.index, "at_risk_customers": at_risk.astype(int), "event_customers": events.astype(int),
                    "survival_rate": rate, "survival_low": np.where(rate == 0, 0, low),
                    "survival_high": np.where(rate == 0, 0, high),
                }
            )  # fmt: skip
            kept = table[table["event_customers"] > 0]
            tables.append(kept.assign(dimension=dimension, dimension_value=value, from_occasion=number))
    return pd.concat(tables, ignore_index=True)


def value(shop: Shop) -> pd.DataFrame:
    table = shop.occasions.groupby("customer_key").agg(
        occasions=("day", "size"),
        orders=("orders", "sum"),
        **{f"observed_{name}": (column, "sum") for column, name in MONEY.items()},
        observed_margin_amount=("margin", "sum"),
        observed_costed_net_amount=("costed_net", "sum"),
        first_occasion_on=("day", "min"),
        last_occasion_on=("day", "max"),
        first_channel=("channel", "first"),
        first_region=("region", "first"),
        first_category=("category", "first"),
    )
    return table.reset_index()


def segments(shop: Shop) -> pd.DataFrame:
    people = value(shop)
    table = pd.DataFrame(
        {
            "customer_key": people["customer_key"], "days_since_last": shop.as_of - people["last_occasion_on"],
            "occasions": people["occasions"], "net_amount": people["observed_net_amount"],
        }
    )  # fmt: skip
    lapsed = table["days_since_last"] >= people["first_category"].map(lapse_days(shop))
    return scored(table).assign(is_lapsed=lapsed, is_loyal=(table["occasions"] >= 3) & ~lapsed)


def lapse_days(shop: Shop) -> dict[str, int]:
    """First category to the 90th percentile of the completed gaps: its own from 500 gaps on, else everybody's."""
    gaps = (shop.occasions["next"] - shop.occasions["day"]).dropna().astype("int64")
    categories = shop.occasions["category"]

    def percentile(some: pd.Series) -> int:
        return int(some.sort_values().iloc[-(-len(some) * 9 // 10) - 1]) if len(some) else shop.active_days

    overall = percentile(gaps)
    own = {name: gaps[categories == name] for name in categories.unique()}
    return {name: shop.lapse_days or (percentile(some) if len(some) >= 500 else overall) for name, some in own.items()}


def day_number(day: date) -> int:
    return (day - EPOCH) // timedelta(days=1)
