"""The same five results by plain SQL, in DuckDB and in PostgreSQL, from the same valid orders; and what the marts hold of them."""

import time
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

Rows = list[tuple[Any, ...]]
VALID_ORDERS = """
select customer_key, ordered_on, reporting_net_amount as net_amount
from intermediate.int_orders where is_valid and customer_key is not null
"""

# One table that is sorted by customer, then plain aggregates of it: the same text for both engines.
OCCASIONS = """
create table occasions as
select
    *, row_number() over customer as number, lead(occasion_on) over customer as next_on,
    min(occasion_on) over customer as first_on
from (
    select customer_key, ordered_on as occasion_on, count(*) as orders, sum(net_amount) as net_amount
    from valid_orders group by customer_key, ordered_on
) as days
window customer as (partition by customer_key order by occasion_on)
"""
RESULTS = {
    "cohorts": """
select
    date_trunc('month', first_on)::date as cohort_month, date_trunc('month', occasion_on)::date as activity_month,
    count(distinct customer_key) as customers, count(*) as occasions, sum(orders)::bigint as orders,
    sum(net_amount) as net_amount
from occasions group by 1, 2
""",
    # the last occasion before a month's start or end decides whether its customer is active there
    "flow": """
with months as (
    select distinct
        date_trunc('month', occasion_on)::date as begins,
        least((date_trunc('month', occasion_on) + interval '1 month')::date, date '{as_of}' + 1) as ends
    from occasions
),
starts as (
    select
        begins, count(*) as at_start,
        count(*) filter (where coalesce(next_on >= ends, true) and occasion_on + {active_days} < ends) as churned
    from months inner join occasions
        on occasion_on < begins and begins <= occasion_on + {active_days} and coalesce(next_on >= begins, true)
    group by begins
),
finishes as (
    select begins, count(*) as at_end, count(*) filter (where first_on >= begins) as new_customers
    from months inner join occasions
        on occasion_on < ends and ends <= occasion_on + {active_days} and coalesce(next_on >= ends, true)
    group by begins
)
select
    begins, coalesce(at_start, 0) as at_start, coalesce(new_customers, 0) as new_customers,
    coalesce(at_end, 0) - coalesce(new_customers, 0) - (coalesce(at_start, 0) - coalesce(churned, 0)) as reactivated,
    coalesce(churned, 0) as churned, coalesce(at_end, 0) as at_end
from months left join starts using (begins) left join finishes using (begins)
""",
    "value": """
select
    customer_key, count(*) as occasions, sum(orders)::bigint as orders, sum(net_amount) as net_amount,
    min(occasion_on) as first_on, max(occasion_on) as last_on
from occasions group by customer_key
""",
    "time to next order": """
select
    number, least(next_on, date '{last_full_day}') - occasion_on as days,
    count(*) filter (where next_on <= date '{last_full_day}') as back,
    count(*) filter (where coalesce(next_on > date '{last_full_day}', true)) as censored
from occasions where number <= 10 and occasion_on <= date '{last_full_day}' group by 1, 2
""",
    "RFM": """
select
    customer_key,
    1 + (silent <= 30)::int + (silent <= 90)::int + (silent <= 180)::int + (silent <= 365)::int as recency,
    1 + (times >= 2)::int + (times >= 4)::int + (times >= 7)::int + (times >= 12)::int as frequency,
    1 + (net >= 40)::int + (net >= 100)::int + (net >= 250)::int + (net >= 600)::int as money
from (
    select customer_key, date '{as_of}' - max(occasion_on) as silent, count(*) as times, sum(net_amount) as net
    from occasions group by customer_key
) as customers
""",
}
MARTS = {
    "cohorts": """
select cohort_month, activity_month, active_customers, occasions, orders, net_amount
from marts.retention_cohorts where active_customers > 0
""",
    "flow": """
select period_start, at_start, new_customers, reactivated_customers, churned_customers, at_end from marts.customer_flow
""",
    "value": """
select customer_key, occasions, orders, observed_net_amount, first_occasion_on, last_occasion_on
from marts.customer_value
""",
    "time to next order": """
select from_occasion, day, event_customers, censored_customers from marts.survival
where event_customers + censored_customers > 0
""",
    "RFM": "select customer_key, recency_score, frequency_score, money_score from marts.customer_segments",
}


def compared(
    warehouse: psycopg.Connection[Any], folder: Path, *, as_of: date, last_full_day: date, active_days: int
) -> list[dict[str, Any]]:
    """A row a result: seconds of both engines for the same SQL, rows, and cells in which DuckDB and the mart differ.

    The first row is the shared table that the others read. Moving the orders into DuckDB is not timed.
    """
    facts = {"as_of": as_of, "last_full_day": last_full_day, "active_days": active_days}
    orders = folder / "orders.csv"
    with (
        orders.open("wb") as file,
        warehouse.cursor().copy(f"copy ({VALID_ORDERS}) to stdout csv header".encode()) as parts,
    ):
        for part in parts:
            file.write(part)
    import duckdb  # of requirements-dev.in: only who runs this bench needs it

    duck = duckdb.connect()
    duck.execute(
        f"create table valid_orders as from read_csv('{orders}', "
        "columns = {'customer_key': 'uuid', 'ordered_on': 'date', 'net_amount': 'decimal(18, 2)'})"
    )
    warehouse.execute(f"create temp table valid_orders as {VALID_ORDERS}".encode())
    warehouse.execute("analyze valid_orders")
    table = {
        "result": "occasions, which all share",
        **_timed(warehouse, duck, OCCASIONS.replace("create table", "create {temp}table")),
    }
    warehouse.execute("analyze occasions")
    rows = [table]
    for name, text in RESULTS.items():
        statement = text.format(**facts)
        seconds = _timed(warehouse, duck, "create {temp}table result as " + statement)
        theirs = [tuple(map(_plain, row)) for row in duck.execute(f"from ({statement})").fetchall()]
        ours = [tuple(map(_plain, row)) for row in warehouse.execute(MARTS[name].encode()).fetchall()]
        rows.append({"result": name, **seconds, **differing(theirs, ours)})
        for engine in (warehouse, duck):
            engine.execute("drop table result")
    return rows


def _timed(warehouse: psycopg.Connection[Any], duck: Any, statement: str) -> dict[str, float]:
    began = time.perf_counter()
    warehouse.execute(statement.format(temp="temp ").encode())
    between = time.perf_counter()
    duck.execute(statement.format(temp=""))
    return {"postgres_seconds": round(between - began, 2), "duckdb_seconds": round(time.perf_counter() - between, 2)}


def _plain(value: Any) -> Any:
    """The same value from both: whole numbers as int, the rest as text."""
    return int(value) if isinstance(value, int) else str(value)


def differing(left: Rows, right: Rows) -> dict[str, int]:
    """Cells of both tables, and how many of them only one side has."""
    one, other = set(left), set(right)
    width = len(next(iter(one | other), ()))
    missing = len(one ^ other) + abs(len(left) - len(one)) + abs(len(right) - len(other))
    return {"rows": len(right), "cells": len(right) * width, "differences": missing * width}
