"""The demo shop, loaded as time went by: built as of a past day, it is what was built on that day."""

import os
from datetime import date, datetime, time
from itertools import combinations
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from retain import transform, warehouse
from retain.cli.instance import DEMO_CONFIG
from retain.config import load_settings
from retain.demo.fill import fill
from retain.demo.serving import COLLECTIONS, Standing
from retain.embedded import free_port
from retain.loads import load_sources

START, DAYS, LAST = date(2023, 10, 1), [date(2025, 2, 28), date(2025, 4, 13), date(2025, 5, 31)], date(2025, 8, 15)
# What was loaded when, and what was held back: the later loads are there to be told of.
TELLS_OF_LOADS = {
    "load_health",
    "load_history",
    "quarantine_reasons",
    "reconciliation",
    "validation_results",
    "identity_merges",
}


@pytest.fixture(scope="module")
def demo(server, tmp_path_factory):
    """Days to mart to its rows: as built on the day, and as built in the end; and what the shop had changed meanwhile."""
    folder = tmp_path_factory.mktemp("demo")
    names = [f"past_{os.getpid()}_{what}" for what in ("shop", "warehouse")]
    for name in names:
        server.create_database(name)
    shop, own = map(server.dsn, names)
    text = DEMO_CONFIG.read_text().replace("../../.retain/demo/shop/tills", str(folder / "tills"))
    url = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**own)
    text = text.replace("  folder: ../../.retain/demo ", f"  url: {url}").replace("/shop\n", f"/{names[0]}\n")
    (folder / "retain.yml").write_text(text)

    def settings_of(day):
        (folder / "as_of.yml").write_text(f"as_of: {day}\n{text}")
        return load_settings(folder / "as_of.yml")

    def load(day):
        folders = (folder / name for name in ("tills", "truth", "systems"))
        fill(shop, *folders, start=START, until=day, customers=800)
        settings = settings_of(day)
        outcomes = load_sources(settings, ["webshop", "tills"])
        # These days pass faster than this machine's clock, by which web systems are asked for what is new.
        outcomes += load_sources(settings, COLLECTIONS, full=True)
        assert {outcome.status for outcome in outcomes} <= {"published", "unchanged"}
        evening = datetime.combine(day, time(23, 30), ZoneInfo(settings.business.timezone))
        with warehouse.connect(settings) as connection:  # as if it had been that evening
            connection.execute("update ops.loads set published_at = %s where published_at > '2026-01-01'", [evening])

    def built(day):
        settings = settings_of(day)
        transform.build(settings)
        with warehouse.connect(settings) as connection:
            tables = connection.execute("select tablename from pg_tables where schemaname = 'marts'").fetchall()
            return {
                table: connection.execute(
                    f"select to_jsonb(mart) from marts.{table} as mart order by to_jsonb(mart)::text".encode()
                ).fetchall()
                for (table,) in tables
                if table not in TELLS_OF_LOADS
            }

    standing = Standing(folder / "systems", port := free_port())
    named = {"USER": shop["user"], "PASSWORD": shop["password"], "PORT": str(shop["port"])}
    named["SYSTEMS"] = f"http://127.0.0.1:{port}"
    with patch.dict(os.environ, {f"RETAIN_SHOP_{name}": value for name, value in named.items()}):
        warehouse.prepare(settings_of(START))
        then = {}
        for day in DAYS:
            load(day)
            then[day] = built(day)
        load(LAST)
        in_the_end = {day: built(day) for day in DAYS}
        with warehouse.connect(settings_of(LAST)) as connection:
            changed = connection.execute(
                "select before.status, now.status, count(*) from history.orders as before "
                "join raw.orders as now using (source, order_id) group by 1, 2"
            ).fetchall()
    standing.stop()
    return then, in_the_end, changed


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_every_cell_of_every_mart_is_what_was_built_on_the_day(demo, day):
    then, in_the_end, _ = demo
    assert in_the_end[day].keys() == then[day].keys()
    different = {
        mart: next(pair for pair in zip(rows, then[day][mart], strict=False) if pair[0] != pair[1])
        if len(rows) == len(then[day][mart])
        else (len(rows), len(then[day][mart]))
        for mart, rows in in_the_end[day].items()
        if rows != then[day][mart]
    }
    assert different == {}


def test_meanwhile_orders_were_cancelled_paid_and_refunded(demo):
    then, _, changed = demo
    assert {after for before, after, _ in changed if before != after} >= {"paid", "partially_refunded", "refunded"}
    assert len({len(then[day]["fct_orders"]) for day in DAYS}) == len(DAYS)


def test_what_customers_give_back_later_changes_nothing_of_how_they_stood(demo):
    """Of customers whose orders are still what they were, but for what was given back of them since."""
    then, _, _ = demo
    same = ("customer_key", "is_valid", "gross_amount", "discount_amount")
    stood = ("occasions", "net_amount", "money_score", "segment", "value_tier", "is_active")
    gave_back = set()
    for earlier, later in combinations(DAYS, 2):
        first, last = ({mart: [row[0] for row in rows] for mart, rows in then[day].items()} for day in (earlier, later))
        before = {order["order_key"]: order for order in first["fct_orders"]}
        others = set()
        for now in last["fct_orders"]:
            was = before.get(now["order_key"])
            if was is None and now["ordered_on"] <= str(earlier):
                others.add(now["customer_key"])
            elif was is not None and [was[name] for name in same] != [now[name] for name in same]:
                others |= {was["customer_key"], now["customer_key"]}
            elif was is not None and was["is_valid"] and was["returns_amount"] != now["returns_amount"]:
                gave_back.add(now["customer_key"])
        history = {(row["customer_key"], row["month_start"]): row for row in last["segment_history"]}
        for row in first["segment_history"]:
            if row["is_mature"] and row["customer_key"] not in others:
                now = history[row["customer_key"], row["month_start"]]
                assert [row[name] for name in stood] == [now[name] for name in stood]
        gave_back -= others
    assert gave_back
