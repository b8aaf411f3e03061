"""Purchases out of the warehouse: occasions, what came back of them and when, and the channel each customer came by."""

import hashlib
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from retain.errors import UserError
from retain.forecast import postgres_binary as binary
from retain.forecast.statistics import IntArray, Occasions, Returned

# A running week is counted until the as-of day, and one is running on any day.
BUILT_FOR = "select max(counted_until_on) - 1 from intermediate.util_periods"
CHANNELS = """
    select distinct first_channel
    from intermediate.int_purchase_occasions
    where occasion_on <= %s and first_channel is not null
"""
OCCASIONS = """
    copy (
        select
            customer_key,
            (occasion_on - date '1970-01-01')::int4,
            (coalesce(net_amount, 0) * 100)::int8,
            (coalesce(array_position(%s::text[], first_channel), 0) - 1)::int4
        from intermediate.int_purchase_occasions
        where occasion_on <= %s
        order by customer_key, occasion_on
    ) to stdout (format binary)
"""
RETURNED = """
    copy (
        select
            orders.customer_key,
            (orders.ordered_on - date '1970-01-01')::int4,
            (returns.returned_on - date '1970-01-01')::int4,
            (sum(returns.reporting_amount) * 100)::int8
        from intermediate.int_returns as returns
        inner join intermediate.int_orders as orders on returns.order_key = orders.order_key
        where
            orders.is_valid
            and orders.customer_key is not null
            and orders.ordered_on <= %s
            and returns.returned_on <= %s
            and returns.reporting_amount is not null
        group by orders.customer_key, orders.ordered_on, returns.returned_on
        order by orders.customer_key, orders.ordered_on, returns.returned_on
    ) to stdout (format binary)
"""
KEY = [("columns", ">i2"), ("l1", ">i4"), ("key", "V16"), ("l2", ">i4"), ("day", ">i4")]
OCCASION = np.dtype([*KEY, ("l3", ">i4"), ("cents", ">i8"), ("l4", ">i4"), ("channel", ">i4")])
RETURN = np.dtype([*KEY, ("l3", ">i4"), ("back", ">i4"), ("l4", ">i4"), ("cents", ">i8")])


def day_number(day: date) -> int:
    """Days since 1970-01-01, as the statistics count them."""
    return (day - date(1970, 1, 1)).days


def day_of(number: int) -> date:
    """The day of a number of days since 1970-01-01."""
    return date.fromordinal(number + date(1970, 1, 1).toordinal())


class MartsOfAnotherDay(UserError):
    """The marts are not of the day that is to be forecast: what happened between the two would be taken for silence."""


def refuse_another_day(connection: psycopg.Connection[Any], as_of_on: date) -> None:
    """Raises MartsOfAnotherDay unless the marts were built as of `as_of_on`, or nobody has bought by then."""
    try:
        (built_for,) = connection.execute(BUILT_FOR).fetchone() or (None,)
    except psycopg.errors.UndefinedTable:
        raise UserError(
            "There are no purchases to forecast from: the marts have not been built yet.",
            hint="`retain run` loads, builds and forecasts.",
        ) from None
    if built_for not in (None, as_of_on):
        raise MartsOfAnotherDay(
            f"The marts are as of {built_for}, and the forecast is to be as of {as_of_on}: whoever bought between the two "
            "would be taken for silent.",
            hint="`retain build` brings the marts to that day.",
        )


def read_occasions(connection: psycopg.Connection[Any], until: date) -> Occasions:
    """Every purchase occasion up to and with the day `until`, and what came back of them by then. Raises UserError when
    the marts have not been built."""
    keys: list[npt.NDArray[np.void]] = []
    columns: list[tuple[npt.NDArray[Any], ...]] = []
    last = None
    try:
        channels = tuple(sorted(str(row[0]) for row in connection.execute(CHANNELS, [until])))
        with connection.cursor() as cursor, cursor.copy(OCCASIONS, [list(channels), until]) as copy:
            for rows in binary.records(copy, OCCASION):
                is_first = _is_new_key(rows["key"], last)
                keys.append(rows["key"][is_first])
                channel = rows["channel"][is_first].astype(np.int32)
                columns.append((is_first, rows["day"].astype(np.int32), rows["cents"].astype(np.int64), channel))
                last = rows["key"][-1:]
        with connection.cursor() as cursor, cursor.copy(RETURNED, [until, until]) as copy:
            back = np.concatenate(list(binary.records(copy, RETURN)))
    except psycopg.errors.UndefinedTable:
        raise UserError(
            "There are no purchases to forecast from: intermediate.int_purchase_occasions does not exist yet.",
            hint="`retain build` makes it.",
        ) from None
    firsts, days, cents, channel = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    customer = np.cumsum(firsts, dtype=np.int32) - np.int32(1)
    occasions = Occasions(np.concatenate(keys), customer, days, cents, channel=channel, channels=channels)
    return with_returns(occasions, back)


def with_returns(occasions: Occasions, back: npt.NDArray[np.void]) -> Occasions:
    """Find the occasion of every return; one whose order is no occasion (any more) is left out."""
    customer, is_known = positions(occasions.keys, back["key"])
    span = 1 << 22
    occasion = occasions.customer.astype(np.int64) * span + occasions.day
    wanted = customer * span + back["day"]
    row = np.minimum(np.searchsorted(occasion, wanted), max(len(occasion) - 1, 0))
    found = is_known & (occasion[row] == wanted) if len(occasion) else np.zeros(len(back), dtype=bool)
    returned = Returned(row[found], back["back"][found].astype(np.int64), back["cents"][found].astype(np.int64))
    return replace(occasions, returned=returned)


def positions(keys: npt.NDArray[np.void], wanted: npt.NDArray[np.void]) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Where each of `wanted` is in `keys` (ascending, as PostgreSQL orders uuids), and whether it is there at all."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    known, asked = (np.ascontiguousarray(each).view("S16") for each in (keys, wanted))
    at = np.minimum(np.searchsorted(known, asked), len(keys) - 1)
    return at, known[at] == asked


def _is_new_key(keys: npt.NDArray[np.void], before: npt.NDArray[np.void] | None) -> npt.NDArray[np.bool_]:
    """Where a key differs from the one before it; `before` is the last key of the rows before these."""
    halves = np.ascontiguousarray(keys).view(np.int64).reshape(-1, 2)
    is_new = np.ones(len(keys), dtype=bool)
    is_new[1:] = np.any(halves[1:] != halves[:-1], axis=1)
    if before is not None and len(before) and len(keys):
        is_new[0] = keys[0].tobytes() != before[0].tobytes()
    return is_new


def fingerprint(occasions: Occasions) -> str:
    """A digest of the data: equal for equal customers, days, amounts, returns and channels, whatever order they were loaded in."""
    digest = hashlib.sha256()
    returned = occasions.returned
    columns = (occasions.keys, occasions.customer, occasions.day, occasions.cents, occasions.channel)
    for column in (*columns, returned.row, returned.day, returned.cents):
        digest.update(np.ascontiguousarray(column).view(np.uint8).data)
    digest.update("|".join(occasions.channels).encode())
    return digest.hexdigest()
