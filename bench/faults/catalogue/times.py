"""Damages to days and moments: formats, zones, calendars, and clocks that are wrong."""

from collections.abc import Callable
from datetime import datetime, timedelta

import jdatetime

from bench.faults.night import Night, fault
from bench.faults.shop import Row

TIMES: dict[str, str] = {
    "exchange_rates": "rate_on",
    "customers": "registered_at",
    "products": "changed_at",
    "orders": "ordered_at",
    "order_items": "changed_at",
    "returns": "returned_at",
}
ALL = tuple(TIMES)
EVENTS = ("customers", "orders", "returns")


def rewrite(night: Night, rows: list[Row], as_text: Callable[[datetime], str]) -> None:
    for row in rows:
        column = TIMES[night.entity]
        row[column] = as_text(datetime.fromisoformat(row[column]))


@fault(*ALL)
def day_and_month_swapped(night: Night) -> None:
    """An American locale writes 2025-11-03 where 2025-03-11 is meant; days after the 12th become impossible."""
    rewrite(night, night.rows, lambda at: f"{at:%Y-%d-%m %H:%M:%S}")


@fault(*ALL)
def days_with_slashes(night: Night) -> None:
    """A British locale writes 21/11/2025."""
    rewrite(night, night.rows, lambda at: f"{at:%d/%m/%Y %H:%M:%S}")


@fault(*ALL)
def two_digit_years(night: Night) -> None:
    """An old till writes 21.11.25."""
    rewrite(night, night.rows, lambda at: f"{at:%d.%m.%y %H:%M}")


@fault("orders", "returns", "customers")
def time_zone_shifted(night: Night) -> None:
    """The till's server moved to UTC: every moment is four hours early."""
    rewrite(night, night.rows, lambda at: f"{at - timedelta(hours=4):%Y-%m-%d %H:%M:%S}")


@fault("orders", "returns", "customers")
def time_zone_shifted_forward(night: Night) -> None:
    """The till's server moved to New Zealand: every moment is nine hours late."""
    rewrite(night, night.rows, lambda at: f"{at + timedelta(hours=9):%Y-%m-%d %H:%M:%S}")


@fault("orders", "returns", "customers")
def time_of_day_lost(night: Night) -> None:
    """A column became a day: every order is at midnight."""
    rewrite(night, night.rows, lambda at: f"{at:%Y-%m-%d}")


@fault(*EVENTS)
def the_beginning_of_unix(night: Night) -> None:
    """A missing moment was stored as 0: 1970-01-01."""
    rewrite(night, night.some(), lambda at: "1970-01-01 00:00:00")


@fault(*ALL)
def milliseconds_since_1970(night: Night) -> None:
    """An app sends moments as numbers."""
    rewrite(night, night.rows, lambda at: str(int(at.timestamp() * 1000)))


@fault(*ALL)
def seconds_since_1970(night: Night) -> None:
    """A script sends moments as numbers: ten digits, which may be taken for a date."""
    rewrite(night, night.some(), lambda at: str(int(at.timestamp())))


@fault(*ALL)
def days_of_a_spreadsheet(night: Night) -> None:
    """A spreadsheet saved a day as its number: 45982."""
    rewrite(night, night.some(), lambda at: str((at - datetime(1899, 12, 30)).days))


@fault(*ALL)
def clock_a_year_ahead(night: Night) -> None:
    """A till's clock was set to the wrong year."""
    rewrite(night, night.some(), lambda at: f"{at + timedelta(days=365):%Y-%m-%d %H:%M:%S}")


@fault("orders", "returns")
def clock_reset(night: Night) -> None:
    """A till lost its battery: it is 2000 again."""
    rewrite(night, night.some(), lambda at: f"2000-01-01 {at:%H:%M:%S}")


@fault("orders", "returns")
def clock_a_year_behind(night: Night) -> None:
    """In January a cashier sets the clock by hand, to last year."""
    rewrite(night, night.rows, lambda at: f"{at - timedelta(days=365):%Y-%m-%d %H:%M:%S}")


@fault(*ALL)
def days_that_do_not_exist(night: Night) -> None:
    """A form lets people choose the 31st of February."""
    rewrite(night, night.some(), lambda at: f"{at:%Y}-02-31 {at:%H:%M:%S}")


@fault(*ALL)
def days_of_zeros(night: Night) -> None:
    """MySQL's empty day: 0000-00-00."""
    rewrite(night, night.some(), lambda at: "0000-00-00 00:00:00")


@fault(*ALL)
def the_end_of_time(night: Night) -> None:
    """A system writes 9999-12-31 for "not yet"."""
    rewrite(night, night.some(), lambda at: "9999-12-31 00:00:00")


@fault("orders", "returns", "customers", "exchange_rates")
def persian_calendar(night: Night) -> None:
    """A till in the Solar Hijri calendar: 1404-08-30."""
    rewrite(night, night.rows, lambda at: f"{jdatetime.datetime.fromgregorian(datetime=at):%Y-%m-%d %H:%M:%S}")


@fault("orders", "customers", "products", "order_items", "returns")
def time_of_change_lost(night: Night) -> None:
    """The export no longer fills the time of the last change: versions can no longer be told apart by age."""
    for row in night.rows:
        row["changed_at"] = ""


@fault("orders", "customers", "products", "order_items", "returns")
def time_of_change_in_the_future(night: Night) -> None:
    """A server's clock is a month ahead: later corrections will look older than this."""
    for row in night.rows:
        row["changed_at"] = f"{datetime.fromisoformat(row['changed_at']) + timedelta(days=30)}"


@fault("returns")
def return_before_the_order(night: Night) -> None:
    """The till for returns has a clock of its own, which is two months slow."""
    rewrite(night, night.some(), lambda at: f"{at - timedelta(days=60):%Y-%m-%d %H:%M:%S}")
