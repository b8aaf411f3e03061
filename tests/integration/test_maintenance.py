"""Housekeeping: tables that loads churned are vacuumed, others are left alone; old logs and pages go, new ones stay."""

import os
import time

from retain import data_docs
from retain.maintenance import delete_old_logs, vacuum

DAY = 86_400
HEADER = "id,customer,at,amount,currency,changed\n"


def write_orders(shop, cents):
    lines = "".join(f"o{n},c1,2025-01-01 10:00,{n}.{cents},EUR,2025-01-{cents}\n" for n in range(3000))
    shop.write("orders-1.csv", HEADER + lines)


def leave_to_us(shop, table):
    """The server's own autovacuum looks at each database now and then, and would vacuum the table before us."""
    shop.do(f"alter table {table} set (autovacuum_enabled = off)")


def counted(shop, table, *, least=0):
    """Dead rows as PostgreSQL counts them, and whether it has ever been vacuumed and analyzed.

    A session that has ended may not have said yet what it did: until `least` are counted, PostgreSQL is asked again.
    """
    deadline = time.monotonic() + 30
    while True:
        found = shop.ask(
            "select n_dead_tup, vacuum_count > 0 and analyze_count > 0 from pg_stat_user_tables "
            f"where schemaname || '.' || relname = '{table}'"
        )[0]
        if found[0] >= least or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_what_loads_churn_is_vacuumed_and_nothing_else(shop):
    for cents in (10, 20):
        write_orders(shop, cents)
        assert {one.status for one in shop.load()} == {"published"}
        leave_to_us(shop, "raw.orders")
    assert counted(shop, "raw.orders", least=3000)[0] >= 3000
    done = {one.table: one.dead_rows for one in vacuum(shop.settings)}
    assert done["raw.orders"] >= 3000
    assert "raw.customers" not in done
    assert counted(shop, "raw.orders") == (0, True)
    assert "raw.orders" not in {one.table for one in vacuum(shop.settings)}


def test_a_table_in_use_is_left_for_the_next_time(shop):
    write_orders(shop, 10)
    shop.load()
    leave_to_us(shop, "raw.orders")
    shop.do("update raw.orders set gross_amount = 1")
    counted(shop, "raw.orders", least=3000)
    from retain.warehouse import connect

    with connect(shop.settings) as connection:
        connection.execute("lock table raw.orders in share update exclusive mode")
        vacuum(shop.settings)  # does not wait
    assert counted(shop, "raw.orders")[0] >= 3000


def test_logs_nobody_has_written_to_for_long_go_and_their_folders_after_them(shop):
    shop.configure("sources:\n", "maintenance: {keep_logs_days: 30}\nsources:\n")
    logs = shop.settings.state_folder / "logs"
    old, new = logs / "airflow" / "tasks" / "run=1" / "attempt=1.log", logs / "airflow" / "scheduler.log"
    for path, days in ((old, 31), (new, 29)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("…")
        os.utime(path, (time.time() - days * DAY,) * 2)
    assert delete_old_logs(shop.settings) == 1
    assert not old.exists()
    assert new.exists()
    assert delete_old_logs(shop.settings, now=time.time() + 31 * DAY) == 1
    assert not old.parent.exists()


def test_pages_of_more_loads_than_are_kept_by_now_are_deleted(shop):
    write_orders(shop, 10)
    for _ in range(2):
        shop.load(full=True)
    folder = data_docs.folder_of(shop.settings)
    assert len(list(folder.glob("load_*.json"))) > 1
    shop.configure("sources:\n", "gate: {data_docs: 1}\nsources:\n")
    newest = max(folder.glob("load_*.json"), key=lambda path: int(path.stem.partition("_")[2]))
    data_docs.delete_old(shop.settings)
    assert list(folder.glob("load_*.json")) == [newest]
