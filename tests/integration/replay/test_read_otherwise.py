"""Times of change that moved because retain.yml reads them otherwise: the same version is no older one, an older one is no newer."""

import pytest

from retain.replay import replay

ORDERS = "id,customer,at,amount,currency,changed\n"
CHANGED = (
    "select order_id, to_char(changed_at at time zone 'UTC', 'HH24:MI'), gross_amount::int from raw.orders order by 1"
)
YEREVAN = "    timezone: Asia/Yerevan\n"  # four hours ahead of UTC
UTC = "    timezone: UTC\n"


def order(amount, changed, customer="c1"):
    return f"o1,{customer},2025-01-01 09:00,{amount},EUR,2025-01-02 {changed}\n"


@pytest.fixture
def clock_shop(database_shop):
    """Three orders in a database whose times have no zone, which retain.yml takes for UTC."""
    database_shop.change(
        "alter table orders alter column changed type timestamp, alter column placed type timestamp",
        "delete from orders where id not in ('o1', 'o2', 'o3')",
        "update orders set placed = '2025-01-01 09:00', changed = '2025-01-02 12:00'",
    )
    database_shop.load()
    assert database_shop.ask(CHANGED) == [("o1", "12:00", 2), ("o2", "12:00", 3), ("o3", "12:00", 4)]
    return database_shop


def test_a_database_whose_times_are_read_earlier_is_read_again_into_raw(clock_shop):
    clock_shop.configure("    type: sql\n", "    type: sql\n" + YEREVAN)
    (outcome,) = clock_shop.load(entities=["orders"])
    assert (outcome.status, outcome.rows_changed) == ("published", 3)
    assert clock_shop.ask(CHANGED) == [("o1", "08:00", 2), ("o2", "08:00", 3), ("o3", "08:00", 4)]
    assert [o.rows_changed for o in clock_shop.load(entities=["orders"], full=True)] == [0]
    assert clock_shop.does_not_add_up() == []


def test_what_was_left_as_it_was_read_before_is_put_right_by_a_full_load(clock_shop):
    clock_shop.do("create table before as select * from raw.orders")
    clock_shop.configure("    type: sql\n", "    type: sql\n" + YEREVAN)
    clock_shop.load(entities=["orders"])
    clock_shop.do("delete from raw.orders; insert into raw.orders select * from before")
    assert [o.rows_changed for o in clock_shop.load(entities=["orders"], full=True)] == [3]
    assert {when for _, when, _ in clock_shop.ask(CHANGED)} == {"08:00"}


def test_what_was_corrected_within_the_hours_by_which_times_moved_comes_too(clock_shop):
    """The order was held when everything was read again, and its correction is earlier than what raw has of it."""
    clock_shop.change("update orders set amount = 'ten', changed = '2025-01-02 13:00' where id = 'o1'")
    clock_shop.configure("    type: sql\n", "    type: sql\n" + YEREVAN)
    clock_shop.load(entities=["orders"])
    assert clock_shop.ask(CHANGED)[0] == ("o1", "12:00", 2)
    clock_shop.change("update orders set amount = '10', changed = '2025-01-02 14:00' where id = 'o1'")
    clock_shop.load(entities=["orders"])
    assert clock_shop.ask(CHANGED)[0] == ("o1", "10:00", 10)


def test_another_column_of_changes_takes_the_place_of_the_first_and_a_replay_says_the_same(clock_shop):
    clock_shop.configure("changed_at: changed", "changed_at: placed")
    clock_shop.load(entities=["orders"])
    put = [("o1", "09:00", 2), ("o2", "09:00", 3), ("o3", "09:00", 4)]
    assert clock_shop.ask(CHANGED) == put
    clock_shop.do("truncate raw.orders")
    replay(clock_shop.settings, entity="orders")
    assert clock_shop.ask(CHANGED) == put


def test_a_file_whose_times_are_read_earlier_is_read_again_into_raw(shop):
    shop.configure(YEREVAN, UTC)
    shop.write("orders-1.csv", ORDERS + order(1, "12:00"))
    shop.load()
    shop.configure(UTC, YEREVAN)
    shop.load()
    assert shop.ask(CHANGED) == [("o1", "08:00", 1)]
    assert shop.does_not_add_up() == []


@pytest.mark.parametrize(("before", "after", "stays"), [(UTC, YEREVAN, "13:00"), (YEREVAN, UTC, "09:00")])
def test_an_older_version_does_not_take_the_place_of_one_whose_file_is_gone(shop, before, after, stays):
    shop.configure(YEREVAN, before)
    shop.write("orders-1.csv", ORDERS + order(1, "12:00"))
    shop.write("orders-2.csv", ORDERS + order(2, "13:00"))
    shop.load()
    (shop.settings.source("shop").folder / "orders-2.csv").unlink()
    shop.configure(before, after)
    shop.load()
    assert shop.ask(CHANGED) == [("o1", stays, 2)]
    shop.write("orders-3.csv", ORDERS + order(3, "12:30"))
    shop.load()
    assert shop.ask(CHANGED) == [("o1", stays, 2)]
    shop.load(full=True)
    assert shop.ask(CHANGED) == [("o1", stays, 2)]
    shop.write("orders-4.csv", ORDERS + order(4, "13:30"))
    shop.load()
    assert [amount for *_, amount in shop.ask(CHANGED)] == [4]


def test_what_waited_is_compared_with_a_version_of_before_as_both_are_read_now(shop):
    shop.configure(YEREVAN, UTC)
    shop.write("orders-1.csv", ORDERS + order(1, "12:00"))
    shop.write("orders-2.csv", ORDERS + order(2, "13:00", customer="later"))
    shop.load()
    (shop.settings.source("shop").folder / "orders-1.csv").unlink()
    shop.configure(UTC, YEREVAN)
    shop.load()
    assert shop.ask(CHANGED) == [("o1", "12:00", 1)]
    shop.write("customers-2.csv", "id,email,phone,changed\nlater,l@x.am,,2025-01-01\n")
    shop.load()
    assert shop.ask(CHANGED) == [("o1", "09:00", 2)]
    shop.do("truncate raw.orders")
    replay(shop.settings, entity="orders")
    assert shop.ask(CHANGED) == [("o1", "09:00", 2)]
