"""Raw is rebuilt from landing alone to the same bytes, after everything that can happen to a record."""

import pytest

from retain import decisions, loads
from retain.errors import Refused, UserError
from retain.replay import replay

ORDERS = "id,customer,at,amount,currency,changed\n"
CHECKSUM = "select md5(string_agg(one::text, chr(10) order by one::text)) from raw.{} as one"


def checksums(shop):
    return {name: shop.ask(CHECKSUM.format(name))[0][0] for name in ("customers", "orders")}


def quarantine(shop):
    return shop.ask("select * from ops.quarantine order by quarantine_id"), shop.ask(
        "select entity, day, source_records, raw_records, quarantined_records, discarded_records from ops.reconciliation "
        "where source_records <> 0 order by 1, 2"
    )


def live_through_everything(shop):
    """Orders that are corrected, held, released, discarded, taken up, deleted, and that return."""
    shop.load()
    shop.change(
        "update orders set amount = '-1', changed = now() where id = 'o1'",  # held: raw keeps the version before
        "insert into orders values ('w1', 'late', '2025-01-03 12:00+00', '7', now())",  # waits for its customer
        "insert into orders values ('r1', 'c1', '2025-01-03 12:00+00', '-8', now())",  # will be released
        "insert into orders values ('d1', 'c1', '2025-01-03 12:00+00', '-9', now())",  # will be discarded
        "update orders set amount = '99', changed = now() where id = 'o2'",  # corrected
    )
    shop.load()
    entries = shop.open_entries()
    assert set(entries) == {"o1", "w1", "r1", "d1"}
    decisions.release(shop.settings, [entries["r1"]], "right")
    decisions.discard(shop.settings, [entries["d1"]], "wrong")
    shop.change("insert into customers values ('late', 'late@x.am')", "delete from orders where id in ('o3', 'o4')")
    shop.load()
    loads.compare_keys(shop.settings, "shop", "orders")
    shop.change(
        "update orders set amount = '2', changed = now() where id = 'o1'",
        "insert into orders values ('o4', 'c4', '2025-01-05 12:00+00', '4', now())",
    )
    shop.load()
    shop.load(full=True)
    assert set(shop.open_entries()) == set()
    assert {"w1", "r1", "o4"} <= {key for key, _ in shop.orders()}


def test_everything_is_rebuilt_to_the_same_bytes_when_raw_is_gone(database_shop):
    shop = database_shop
    live_through_everything(shop)
    before, entries = checksums(shop), quarantine(shop)
    shop.do("truncate raw.orders, raw.customers, raw.phone_numbers")
    rebuilt = replay(shop.settings)
    assert checksums(shop) == before
    assert quarantine(shop) == entries
    assert {one.entity: one.rows_restored for one in rebuilt} == {"customers": 41, "orders": 42}
    assert shop.does_not_add_up() == []
    assert [one.rows_restored for one in replay(shop.settings)] == [0, 0]
    assert shop.ask("select count(*) from pg_tables where schemaname = 'gate'") == [(0,)]


def test_only_the_records_of_one_load_are_put_back(database_shop):
    shop = database_shop
    live_through_everything(shop)
    before = checksums(shop)
    first, second = (
        row[0]
        for row in shop.ask(
            "select load_id from ops.loads where entity = 'orders' and kind = 'incremental' order by load_id limit 2"
        )
    )
    shop.do("update raw.orders set gross_amount = 0 where order_id in ('o2', 'o5')")
    shop.do("delete from raw.orders where order_id in ('r1', 'w1')")  # held by that load, and let in by others later
    (rebuilt,) = replay(shop.settings, load_id=second)
    assert rebuilt.rows_restored == 3  # o5 was no part of that load
    assert shop.ask("select order_id from raw.orders where gross_amount = 0") == [("o5",)]
    (rebuilt,) = replay(shop.settings, load_id=first)
    assert rebuilt.rows_restored == 1
    assert checksums(shop) == before


def test_a_source_may_be_out_of_reach_and_time_may_have_passed(database_shop):
    shop = database_shop
    shop.change("update orders set placed = now() + interval '2 days' where id = 'o1'")  # held today, not in a week
    shop.load()
    assert set(shop.open_entries()) == {"o1"}
    before = checksums(shop)
    shop.change("drop table orders", "drop table customers")
    replay(shop.settings, source="shop", entity="orders")
    assert checksums(shop) == before


def test_what_cannot_be_rebuilt_wholly_is_refused_and_left_as_it_is(database_shop):
    shop = database_shop
    shop.change("update orders set amount = '-1' where id = 'o3'")
    shop.load()
    before = checksums(shop)
    shop.do(
        "create table kept as select * from landing.shop__orders; delete from landing.shop__orders where order_id = 'o9'"
    )
    with pytest.raises(Refused, match=r"of the 40 rows of load \d+, landing holds 39\. Nothing was changed"):
        replay(shop.settings, entity="orders")
    shop.do(
        "delete from landing.shop__orders; insert into landing.shop__orders overriding system value select * from kept"
    )
    shop.do("delete from ops.held_rows")
    with pytest.raises(Refused, match="1 decisions about rows were made, and 0 are on record"):
        replay(shop.settings, entity="orders")
    assert checksums(shop) == before
    assert shop.ask("select count(*) from pg_tables where schemaname = 'gate'") == [(0,)]
    assert shop.ask("select distinct status from ops.loads where kind = 'replay'") == [("failed",)]


def test_a_mapping_that_no_longer_reads_what_was_published_is_refused(shop):
    shop.write("orders-1.csv", ORDERS + "o1,c1,2025-01-01 10:00,1,EUR,2025-01-01\n")
    shop.load()
    shop.configure("gross_amount: amount", "gross_amount: currency")
    with pytest.raises(Refused, match="1 rows of load 2 that were published cannot be read any more"):
        replay(shop.settings, entity="orders")
    assert shop.orders() == [("o1", "1.0000")]


def test_a_load_that_is_not_in_raw_cannot_be_replayed(shop):
    shop.write("orders-1.csv", ORDERS + "".join(f"b{n},c1,2025-01-01 10:00,x,EUR,\n" for n in range(50)))
    refused = next(one for one in shop.load() if one.status == "refused")
    with pytest.raises(UserError, match=f"Load {refused.load_id} is refused: nothing of it is in raw"):
        replay(shop.settings, load_id=refused.load_id)
    with pytest.raises(UserError, match="There is no load 999"):
        replay(shop.settings, load_id=999)
