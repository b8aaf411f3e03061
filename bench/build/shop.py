"""A shop of as many orders as wanted, made by the warehouse itself in schema raw, and one more day of it."""

from datetime import date
from typing import Any

import psycopg

FIRST_DAY, LAST_DAY = date(2022, 1, 1), date(2024, 12, 31)
CHANGES_A_DAY = 0.001  # of all orders, as many new as changed: what a day brings to a shop of three years
CUSTOMERS_PER_ORDER = 0.2
CONFIG = """\
business:
  timezone: Europe/Vienna
  reporting_currency: EUR
as_of: {as_of}
warehouse:
  url: {url}
sources:
  - name: shop
    type: files
    folder: .
    timezone: UTC
    entities:
      orders:
        files: "none.csv"
        fields: {{order_id: id, ordered_at: at, currency: currency, gross_amount: amount, status: status}}
"""

# Most orders are of few customers, and most customers came early: a is the customer's place, b that within their days.
# One order in twelve is a guest's, one in twenty is not valid, one in twenty-five is given back in part.
CATALOGUE = """
insert into raw.exchange_rates (source, currency, rate_on, rate, _load_id)
select 'shop', 'USD', day::date, (0.9 + 0.0001 * (row_number() over (order by day) %% 400))::numeric(18, 8), 1
from generate_series(%(first)s::date, %(last)s::date, interval '1 day') as day;
insert into raw.products (source, product_id, name, category, price, unit_cost, currency, is_gift_card, _load_id)
select
    'shop', 'P' || n, 'product ' || n, 'category ' || n %% 12, 5 + n %% 60, 2 + n %% 30, 'EUR', n %% 200 = 0, 1
from generate_series(1, 400) as n;
insert into raw.customers
    (source, customer_id, email, phone, region, tier, accepts_marketing, registered_at, changed_at, _load_id)
select
    'shop', 'C' || n, case when n %% 8 > 0 then 'person' || n || '@example.com' end,
    case when n %% 3 = 0 then '+4366' || lpad(n::text, 8, '0') end, 'region ' || n %% 9,
    (array['none', 'none', 'silver', 'gold'])[1 + n %% 4], n %% 5 > 0,
    %(first)s::timestamptz, %(first)s::timestamptz, 1
from generate_series(1, %(customers)s::int) as n;
insert into raw.phone_numbers select phone, phone from raw.customers where phone is not null;
"""
ORDERS = """
create temp table drawn on commit drop as
select
    n, a, b,
    -- a customer's first day, and the order's own between it and the last
    ((power(((a * 7919) %% %(customers)s) / %(customers)s::float8, 1.2)) * %(days)s * 0.95)::int as began
from (
    select n, 1 + floor(%(customers)s * power(random(), 1.6))::bigint as a, random() as b
    from generate_series(%(from)s::int, %(to)s::int) as n
) as chance;
insert into raw.order_items
    (source, order_id, line_id, product_id, quantity, gross_amount, discount_amount, changed_at, _load_id)
select
    'shop', 'O' || n, line::text, 'P' || 1 + (n * 31 + line * 97) %% 400, 1 + (n + line) %% 3,
    ((5 + (n * 17 + line * 389) %% 6000 / 100.0))::numeric(18, 4),
    case when n %% 6 = 0 then 0.50 else 0 end, %(changed)s, %(load)s
from drawn, generate_series(1, 1 + n %% 5) as line;
insert into raw.orders
    (source, order_id, customer_id, email, ordered_at, status, currency, gross_amount, discount_amount, tax_amount,
     shipping_amount, channel, store, region, is_test, changed_at, _load_id)
select
    'shop', 'O' || n, case when n %% 12 > 0 then 'C' || a end,
    case when n %% 12 = 0 then 'person' || a || '@example.com' end,
    (%(start)s::date + case when %(is_one_day)s then 0 else (began + b * b * (%(days)s - began))::int end)::timestamptz
        + 6 * interval '1 hour' + n %% 50000 * interval '1 second',
    case
        when n %% 40 = 0 then 'cancelled' when n %% 77 = 0 then 'pending' when n %% 25 = 0 then 'partially_refunded'
        else 'paid'
    end,
    case when n %% 4 = 0 then 'USD' else 'EUR' end, lines.gross, lines.discount, 1.10, 4.90,
    (array['store', 'web', 'web', 'app'])[1 + a %% 4], 'store ' || n %% 30, 'region ' || a %% 9, n %% 997 = 0,
    %(changed)s, %(load)s
from drawn
cross join lateral (
    select
        sum(((5 + (n * 17 + line * 389) %% 6000 / 100.0))::numeric(18, 4)) as gross,
        case when n %% 6 = 0 then 0.50 * count(*) else 0 end as discount
    from generate_series(1, 1 + n %% 5) as line
) as lines;
insert into raw.returns (source, return_id, order_id, line_id, returned_at, amount, changed_at, _load_id)
select
    'shop', 'R' || order_id, order_id, case when length(order_id) %% 2 = 0 then '1' end,
    least(ordered_at + 9 * interval '1 day', %(last)s::timestamptz), (gross_amount / 4)::numeric(18, 4), %(changed)s,
    %(load)s
from raw.orders
where status = 'partially_refunded' and _load_id = %(load)s;
"""
# What a day changes in what was known: the status of as many old orders, all over the history.
CHANGED = """
update raw.orders
set status = case when status = 'paid' then 'cancelled' else 'paid' end, changed_at = %(changed)s, _load_id = %(load)s
where source = 'shop' and order_id in (
    select 'O' || 1 + (n * 104729::bigint) %% %(orders)s from generate_series(1, %(changes)s::int) as n
);
"""


def fill(connection: psycopg.Connection[Any], orders: int) -> None:
    """Three years of `orders` orders with three lines each, of a fifth as many customers, as one load published them."""
    values = _values(orders, load=1, start=FIRST_DAY, day=LAST_DAY)
    connection.execute("select setseed(0.4)")
    _run(connection, CATALOGUE, values)
    _run(connection, ORDERS, {**values, "from": 1, "to": orders, "is_one_day": False})
    _settle(connection)


def add_day(connection: psycopg.Connection[Any], orders: int, day: date) -> None:
    """A thousandth more orders on `day`, and as many old ones changed."""
    changes = max(1, int(orders * CHANGES_A_DAY))
    values = {**_values(orders, load=2, start=day, day=day), "changes": changes}
    _run(connection, ORDERS, {**values, "from": orders + 1, "to": orders + changes, "is_one_day": True})
    _run(connection, CHANGED, values)
    _settle(connection)


def _values(orders: int, load: int, start: date, day: date) -> dict[str, Any]:
    return {
        "orders": orders,
        "customers": max(10, int(orders * CUSTOMERS_PER_ORDER)),
        "days": (LAST_DAY - FIRST_DAY).days,
        "first": FIRST_DAY,
        "last": day,
        "start": start,
        "changed": day,
        "load": load,
    }


def _run(connection: psycopg.Connection[Any], statements: str, values: dict[str, Any]) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            connection.execute(statement.encode(), values)


def _settle(connection: psycopg.Connection[Any]) -> None:
    """Commit, and what autovacuum would do by itself a little later."""
    connection.commit()
    connection.autocommit = True
    connection.execute("vacuum analyze")
    connection.autocommit = False
