"""From the raw tables to purchase occasions, by the definitions: who is one person, which orders count, what they brought.

Amounts are whole numbers: ten-thousandths as the sources give them, cents of the reporting currency once converted.
Days are whole numbers since 1970-01-01.
"""

import hashlib
import uuid
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from bench.reference.people import customers
from bench.reference.tables import local_days, read
from retain.config import Settings

EPOCH = date(1970, 1, 1)
RATE_ONE = 10**8
GIVEN_STATUSES = {"pending", "paid", "partially_refunded", "refunded", "cancelled", "voided", "fraud"}
NEVER_VALID = {"pending", "cancelled", "voided", "fraud"}
Connection = psycopg.Connection[Any]


def to_cents(ten_thousandths: pd.Series, rate: pd.Series) -> pd.Series:
    """amount x rate in cents, halves away from zero; whole numbers of any size."""
    product = ten_thousandths.astype(object) * rate.astype(object)
    half, whole = RATE_ONE * 50, RATE_ONE * 100
    return product.map(lambda one: (abs(one) + half) // whole * (1 if one >= 0 else -1))


def valid_orders(connection: Connection, settings: Settings) -> pd.DataFrame:
    """One row a valid order, with its day, money and customer_key (None for nobody that can be told)."""
    zone, last = settings.business.timezone, (settings.as_of_on - EPOCH).days
    orders = _orders(connection, zone)
    everything = orders
    orders = orders[orders["day"] <= last].copy()
    orders["customer_key"] = customers(connection, orders, everything, settings, last)
    orders["rate"] = _rates(connection, orders, settings.business.reporting_currency, last)
    _add_lines(connection, orders, settings.business.reporting_currency, last)
    _add_returns(connection, orders, zone, last)
    return orders[_is_valid(orders, settings.business.count_free_orders)]


def goods(connection: Connection, orders: pd.DataFrame) -> pd.DataFrame:
    """One row a line of these orders that is no gift card: order, customer_key, day, product (key as text) and category."""
    lines = read(
        connection,
        "select items.source, items.order_id, case when products.source is not null then product_id end as product_id, "
        "nullif(trim(category), '') as category, coalesce(is_gift_card, false) as is_gift_card "
        "from raw.order_items as items left join (select * from raw.products where not is_deleted) as products "
        "using (source, product_id) where not items.is_deleted",
    )
    known = orders[["customer_key", "day"]].reset_index(names=["source", "order_id"])
    table = lines[~lines["is_gift_card"].astype(bool)].merge(known, on=["source", "order_id"])
    keys = {
        (source, one): str(uuid.UUID(hashlib.md5(f"{source}:{one}".encode()).hexdigest()))
        for source, one in set(zip(table["source"], table["product_id"], strict=True))
        if one is not None
    }
    return pd.DataFrame(
        {
            "order": table["source"] + ":" + table["order_id"], "customer_key": table["customer_key"], "day": table["day"],
            "product": [keys.get(pair) for pair in zip(table["source"], table["product_id"], strict=True)],
            "category": table["category"].fillna("unknown"),
        }
    )  # fmt: skip


def occasions(orders: pd.DataFrame) -> pd.DataFrame:
    """One row a customer and business day with a valid order, in order of both.

    Columns: customer_key, day, orders, gross, discount, returns, net, margin (None when unknown), and channel, region and
    category of the customer's first order.
    """
    return _by_day(orders[orders["customer_key"].notna()])


def _orders(connection: Connection, zone: str) -> pd.DataFrame:
    orders = read(
        connection,
        "select source, order_id, nullif(trim(customer_id), '') as customer_id, email, loyalty_card, phones.e164, ordered_at, "
        "lower(trim(status)) as status, upper(trim(currency)) as currency, (gross_amount * 10000)::bigint as gross, "
        "(discount_amount * 10000)::bigint as discount, nullif(trim(channel), '') as channel, "
        "nullif(trim(region), '') as region, is_test "
        "from raw.orders left join raw.phone_numbers as phones using (phone) where not is_deleted",
    )
    orders["day"] = local_days(orders["ordered_at"], zone)
    return orders.set_index(pd.MultiIndex.from_frame(orders[["source", "order_id"]], names=["of", "order"]))


def _rates(connection: Connection, orders: pd.DataFrame, reporting: str, last: int) -> pd.Series:
    """Hundred-millionths of the reporting currency a unit, of the latest day on or before the order's; None without."""
    rates = read(
        connection,
        "select distinct on (2, 3) source, upper(trim(currency)) as currency, rate_on - date '1970-01-01' as day, "
        f"(rate * {RATE_ONE})::bigint as rate from raw.exchange_rates where not is_deleted "
        'order by 2, 3, source collate "C"',
    )
    rates = rates[rates["day"] <= last]
    found = pd.Series(index=orders.index, dtype=object)
    for currency, group in orders.groupby("currency"):
        if currency == reporting:
            found[group.index] = RATE_ONE
            continue
        listed = rates[rates["currency"] == currency]
        place = np.searchsorted(listed["day"].to_numpy(dtype="int64"), group["day"].to_numpy(), side="right") - 1
        values = [listed["rate"].iloc[one] if one >= 0 else None for one in place]
        found[group.index] = pd.Series(values, index=group.index, dtype=object)
    return found


def _add_lines(connection: Connection, orders: pd.DataFrame, reporting: str, last: int) -> None:
    """Adds cost in cents (None unless every line's is known and none is held back), category, and whether all is gift cards."""
    lines = read(
        connection,
        "select source, order_id, products.source is not null as is_known, nullif(trim(category), '') as category, "
        "coalesce(is_gift_card, false) as is_gift_card, (quantity * 10000)::bigint as quantity, "
        "(items.gross_amount * 10000)::bigint as gross, (cost_amount * 10000)::bigint as cost, "
        "(unit_cost * 10000)::bigint as unit_cost, upper(trim(currency)) as currency "
        "from raw.order_items as items left join (select * from raw.products where not is_deleted) as products "
        "using (source, product_id) where not items.is_deleted",
    )
    lines = lines.set_index(["source", "order_id"])
    lines = lines[lines.index.isin(orders.index)].copy()
    lines["rate"] = orders["rate"].reindex(lines.index)
    lines["day"] = orders["day"].reindex(lines.index)
    same = lines["currency"].isna() | (lines["currency"] == orders["currency"].reindex(lines.index))
    other = lines[~same & lines["unit_cost"].notna()]
    rate_of_product = _rates(connection, other.reset_index(drop=True), reporting, last)
    lines["cost_rate"] = lines["rate"]
    lines.loc[~same & lines["unit_cost"].notna(), "cost_rate"] = rate_of_product.to_numpy()
    own = lines["cost"].notna()
    amount = lines["cost"].where(own, None)
    lines["cents"] = [
        _cost(given, quantity, unit, rate if has_own else cost_rate)
        for has_own, given, quantity, unit, rate, cost_rate in zip(
            own, amount, lines["quantity"], lines["unit_cost"], lines["rate"], lines["cost_rate"], strict=True
        )
    ]
    lines["category"] = lines["category"].fillna("unknown")
    by_order = lines.groupby(level=[0, 1])
    known = by_order["cents"].agg(lambda cents: None if cents.isna().any() else cents.sum())
    orders["cost"] = known.astype(object).reindex(orders.index).where(lambda one: one.notna(), None)
    held = read(
        connection,
        "select source, coalesce(key_values[1], record_key) as order_id from ops.quarantine "
        "where entity = 'order_items' and status = 'open'",
    )
    orders.loc[orders.index.isin(held.set_index(["source", "order_id"]).index), "cost"] = None
    orders["is_gift_card_only"] = by_order["is_gift_card"].all().reindex(orders.index).eq(True)
    sold = lines.reset_index().groupby(["source", "order_id", "category"], as_index=False)["gross"].sum()
    sold["gross"] = sold["gross"].astype("int64")
    sold = sold.sort_values(["gross", "category"], ascending=[False, True]).drop_duplicates(["source", "order_id"])
    orders["category"] = sold.set_index(["source", "order_id"])["category"].reindex(orders.index).fillna("unknown")


def _cost(given: Any, quantity: int, unit: Any, rate: Any) -> int | None:
    """Cents of one line's cost; quantity and cost are ten-thousandths."""
    if pd.isna(rate) or (pd.isna(given) and pd.isna(unit)):
        return None
    product = int(quantity) * int(unit) if pd.isna(given) else int(given) * 10_000
    half = RATE_ONE * 50 * 10_000
    total = product * int(rate)
    return (abs(total) + half) // (2 * half) * (1 if total >= 0 else -1)


def _returns(connection: Connection, orders: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Every return of these orders, whenever it was: amount, day, and `cents`, the difference that it makes to what its order
    has given back, which is rounded as one amount."""
    returns = read(
        connection,
        "select source, order_id, (amount * 10000)::bigint as amount, returned_at from raw.returns where not is_deleted "
        'order by returned_at, return_id collate "C"',
    )
    returns["day"] = local_days(returns["returned_at"], zone) if len(returns) else []
    returns = returns.set_index(["source", "order_id"])
    returns = returns[returns.index.isin(orders.index)].copy()
    rate = orders["rate"].reindex(returns.index)
    rate = rate.where(rate.notna(), 0)
    returns["amount"] = returns["amount"].astype("int64")
    so_far = returns.groupby(level=[0, 1])["amount"].cumsum()
    returns["cents"] = to_cents(so_far, rate) - to_cents(so_far - returns["amount"], rate)
    return returns


def given_back(connection: Connection, settings: Settings, orders: pd.DataFrame) -> pd.DataFrame:
    """Of valid orders: customer_key, the day on which money went back (that of the order, if it is dated before it), cents."""
    returns = _returns(connection, orders, settings.business.timezone)
    returns = returns[returns["day"] <= (settings.as_of_on - EPOCH).days]
    of_order = orders[["customer_key", "day"]].reindex(returns.index)
    days = np.maximum(returns["day"].to_numpy(), of_order["day"].to_numpy()) if len(returns) else []
    table = pd.DataFrame(
        {"customer_key": of_order["customer_key"].to_numpy(), "day": days, "cents": returns["cents"].to_numpy()}
    )
    return table[table["customer_key"].notna()]


def _add_returns(connection: Connection, orders: pd.DataFrame, zone: str, last: int) -> None:
    """Adds what was given back (own currency, cents) by the last day, and the status as it was known then."""
    returns = _returns(connection, orders, zone)
    later = returns[returns["day"] > last].index
    returns = returns[returns["day"] <= last]
    sums = returns.groupby(level=[0, 1])["amount"].sum()
    orders["returned"] = sums.reindex(orders.index).fillna(0)
    rate = orders["rate"]
    orders["returns_cents"] = to_cents(orders["returned"].astype("int64"), rate.where(rate.notna(), 0))
    undone = orders.index.isin(later) & orders["status"].isin(["partially_refunded", "refunded"])
    orders.loc[undone, "status"] = np.where(orders.loc[undone, "returned"] > 0, "partially_refunded", "paid")


def _is_valid(orders: pd.DataFrame, count_free: bool) -> pd.Series:
    charged = orders["gross"] - orders["discount"]
    positive = charged >= 0 if count_free else charged > 0
    refunded = (charged > 0) & ((orders["status"] == "refunded") | (orders["returned"] >= charged))
    status = orders["status"].isin(GIVEN_STATUSES - NEVER_VALID)
    test = orders["is_test"].astype(bool)
    return positive & ~refunded & status & ~test & ~orders["is_gift_card_only"] & orders["rate"].notna()


def _by_day(orders: pd.DataFrame) -> pd.DataFrame:
    orders = orders.copy()
    orders["gross_cents"] = to_cents(orders["gross"], orders["rate"])
    orders["discount_cents"] = to_cents(orders["discount"], orders["rate"])
    orders["net"] = orders["gross_cents"] - orders["discount_cents"] - orders["returns_cents"]
    orders["margin"] = [None if pd.isna(c) else n - c for n, c in zip(orders["net"], orders["cost"], strict=True)]
    orders = orders.sort_values(["ordered_at", "source", "order_id"])
    first = orders.drop_duplicates("customer_key").set_index("customer_key")[["channel", "region", "category"]]
    unknown = orders["margin"].isna()
    orders["margin"] = orders["margin"].where(~unknown, 0)
    orders["is_unknown"] = unknown
    amounts = {"gross": "gross_cents", "discount": "discount_cents", "returns": "returns_cents", "net": "net"}
    for column in [*amounts.values(), "margin"]:
        orders[column] = orders[column].astype("int64")
    days = orders.groupby(["customer_key", "day"]).agg(
        orders=("net", "size"),
        **{name: (column, "sum") for name, column in amounts.items()},
        margin=("margin", "sum"),
        is_unknown=("is_unknown", "any"),
    )
    days = days.reset_index().sort_values(["customer_key", "day"], ignore_index=True)
    days["is_costed"] = ~days.pop("is_unknown")
    return days.join(first.fillna("unknown"), on="customer_key")
