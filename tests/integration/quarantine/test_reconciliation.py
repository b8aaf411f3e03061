"""Per day: what was sent is in raw, in quarantine, or discarded, through every kind of change; what is lost shows."""

from retain import loads, warehouse
from retain.entities import ENTITIES
from retain.reconciliation import recount

ORDERS = "id,customer,at,amount,currency,changed\n"


def test_a_record_that_waits_moves_to_raw_and_to_its_corrected_day(shop):
    shop.write(
        "orders-1.csv", ORDERS + "o1,c1,2025-01-01 10:00,1,EUR,2025-01-01\no2,c1,2025-01-01 10:00,-2,EUR,2025-01-01\n"
    )
    shop.load()
    assert shop.days() == {"2025-01-01": (2, 1, 1, 0)}
    shop.write("orders-2.csv", ORDERS + "o2,c1,2025-01-02 10:00,2,EUR,2025-01-02\n")
    shop.load()
    assert shop.days() == {"2025-01-01": (1, 1, 0, 0), "2025-01-02": (1, 1, 0, 0)}
    shop.write("orders-3.csv", ORDERS + "o1,c1,2025-01-03 10:00,1,EUR,2025-01-03\no1,c1,2025-02-31,1,EUR,2025-01-03\n")
    shop.load()  # o1 twice in one delivery: the version in raw stays, and is the record's place
    assert shop.days() == {"2025-01-01": (1, 1, 0, 0), "2025-01-02": (1, 1, 0, 0)}
    assert shop.does_not_add_up() == []


def test_a_record_whose_day_cannot_be_read_is_counted_without_one(shop):
    shop.write("orders-1.csv", ORDERS + "o1,c1,2025-02-31 10:00,1,EUR,2025-01-01\n")
    shop.load()
    assert shop.days() == {"None": (1, 0, 1, 0)}
    assert shop.does_not_add_up() == []


def test_days_are_the_shops_and_are_counted_anew_when_they_begin_at_another_hour(shop):
    shop.write("orders-1.csv", ORDERS + "o1,c1,2025-01-02 02:00,1,EUR,2025-01-01\n")
    shop.load()
    assert shop.days() == {"2025-01-01": (1, 1, 0, 0)}  # 22:00 of the day before in UTC, the zone of this shop
    shop.configure("timezone: UTC", "timezone: Asia/Tokyo")
    shop.write("orders-2.csv", ORDERS + "o2,c1,2025-01-05 02:00,1,EUR,2025-01-01\n")
    shop.load()
    assert shop.days() == {"2025-01-02": (1, 1, 0, 0), "2025-01-05": (1, 1, 0, 0)}


def test_deleted_records_leave_the_count_and_return_to_it(database_shop):
    shop = database_shop
    shop.load()
    before = shop.days()
    assert sum(sent for sent, *_ in before.values()) == 40
    shop.change("delete from orders where id in ('o1', 'o6')")
    loads.compare_keys(shop.settings, "shop", "orders")
    assert shop.days()["2025-01-02"] == (6, 6, 0, 0)
    assert shop.does_not_add_up() == []
    shop.change("insert into orders values ('o1', 'c1', '2025-01-02 12:00+00', '1.50', now())")
    shop.load()
    assert shop.days()["2025-01-02"] == (7, 7, 0, 0)
    assert shop.does_not_add_up() == []


def test_an_entry_whose_record_is_deleted_at_the_source_closes(database_shop):
    shop = database_shop
    shop.change("update orders set amount = '-1' where id = 'o3'")
    shop.load()
    assert set(shop.open_entries()) == {"o3"}
    shop.change("delete from orders where id = 'o3'")
    loads.compare_keys(shop.settings, "shop", "orders")
    assert shop.open_entries() == {}
    assert shop.ask("select status, closing_note from ops.quarantine") == [
        ("closed", "the source no longer has the record")
    ]
    assert shop.does_not_add_up() == []


def test_a_record_that_went_missing_from_raw_shows_as_a_difference_of_its_day(shop):
    shop.write("orders-1.csv", ORDERS + "o1,c1,2025-01-01 10:00,1,EUR,\no2,c1,2025-01-02 10:00,1,EUR,\n")
    shop.load()
    shop.do("delete from raw.orders where order_id = 'o2'")
    with warehouse.connect(shop.settings) as connection:
        load_id = connection.execute("select max(load_id) from ops.loads").fetchone()[0]
        recount(connection, shop.settings, "shop", ENTITIES["orders"], load_id)
    assert shop.ask("select day::text, difference from ops.reconciliation where difference <> 0") == [("2025-01-02", 1)]
