"""Landing loses nothing but what the policy of retain.yml names, and never what replay, quarantine or a person needs."""

from datetime import UTC, datetime, timedelta

import pytest

from retain import decisions, retention
from retain.config import load_settings
from retain.errors import UserError
from retain.replay import replay

ORDERS = "id,customer,at,amount,currency,changed\n"
CHECKSUM = "select md5(string_agg(one::text, chr(10) order by one::text)) from raw.orders as one"
LATER = datetime.now(UTC) + timedelta(days=90)


def landed(shop):
    return shop.ask("select id, amount from landing.shop__orders order by _row")


def versions(shop):
    for number in range(1, 4):
        shop.write(
            f"orders-{number}.csv",
            ORDERS
            + f"o1,c1,2025-01-01 10:00,{number},EUR,2025-01-0{number}\n"
            + f"k{number},c1,2025-01-01 10:00,5,EUR,2025-01-01\n",
        )
        shop.load()


def test_nothing_is_ever_deleted_unless_retain_yml_says_so(shop):
    versions(shop)
    assert retention.apply(shop.settings, LATER) == []
    assert len(landed(shop)) == 6


def test_superseded_versions_go_and_raw_is_rebuilt_from_the_rest_to_the_same_bytes(shop):
    versions(shop)
    shop.configure("warehouse:", "landing:\n  keep_days: 30\nwarehouse:")
    before = shop.ask(CHECKSUM)
    assert retention.apply(shop.settings) == []  # they are not old yet
    (dropped,) = retention.apply(shop.settings, LATER)
    assert (dropped.entity, dropped.loads, dropped.rows) == ("orders", 2, 2)
    assert landed(shop) == [("k1", "5"), ("k2", "5"), ("o1", "3"), ("k3", "5")]
    assert retention.apply(shop.settings, LATER) == []
    shop.do("truncate raw.orders")
    replay(shop.settings, entity="orders")
    assert shop.ask(CHECKSUM) == before


def test_what_waits_and_what_a_person_released_stays(shop):
    shop.write(
        "orders-1.csv",
        ORDERS
        + "wait,c1,2025-01-01 10:00,-1,EUR,2025-01-01\n"
        + "free,c1,2025-01-01 10:00,-2,EUR,2025-01-01\n"
        + "junk,c1,2025-01-01 10:00,-3,EUR,2025-01-01\n"
        + "late,c9,2025-01-01 10:00,4,EUR,2025-01-01\n",
    )
    shop.load()
    entries = shop.open_entries()
    decisions.release(shop.settings, [entries["free"]], "right")
    decisions.discard(shop.settings, [entries["junk"]], "wrong")
    shop.write("customers-2.csv", "id,email,phone,changed\nc9,z@x.am,,2025-01-01\n")
    shop.load()
    shop.configure("warehouse:", "landing:\n  keep_days: 1\nwarehouse:")
    before = shop.ask(CHECKSUM)
    retention.apply(shop.settings, LATER)
    assert [key for key, _ in landed(shop)] == ["wait", "free", "late"]
    shop.do("truncate raw.orders")
    replay(shop.settings, entity="orders")
    assert shop.ask(CHECKSUM) == before
    decisions.release(shop.settings, [entries["wait"]], "right after all")
    assert [key for key, _ in shop.orders()] == ["free", "late", "wait"]


def test_loads_that_were_never_published_go_when_a_later_one_was(shop):
    bad = "".join(f"b{n},c1,2025-01-01 10:00,x,EUR,\n" for n in range(50))
    shop.write("orders-1.csv", ORDERS + bad)
    shop.load()
    shop.configure("warehouse:", "landing:\n  keep_days: 1\nwarehouse:")
    assert retention.apply(shop.settings, LATER) == []  # the last evidence there is
    shop.write("orders-1.csv", ORDERS + "o1,c1,2025-01-01 10:00,1,EUR,\n")
    shop.load()
    retention.apply(shop.settings, LATER)
    assert landed(shop) == [("o1", "1")]


def test_a_file_whose_rows_are_grouped_stays_whole_while_one_of_its_records_is_needed(write_config, tmp_path, shop):
    shop.configure(
        'files: "orders*.csv"\n        fields: {order_id: id, customer_id: customer, ordered_at: at, gross_amount: amount, ',
        'files: "orders*.csv"\n        group_by: [id]\n        fields: {order_id: id, customer_id: min(customer), '
        "ordered_at: min(at), gross_amount: sum(amount::numeric), ",
    )
    shop.configure("currency: currency, changed_at: changed}", "currency: min(currency), changed_at: max(changed)}")
    shop.write("orders-1.csv", ORDERS + "o1,c1,2025-01-01,1,EUR,2025-01-01\no1,c1,2025-01-01,2,EUR,2025-01-01\n"
                                        "o2,c1,2025-01-01,5,EUR,2025-01-01\n")  # fmt: skip
    shop.load()
    shop.write("orders-2.csv", ORDERS + "o1,c1,2025-01-01,9,EUR,2025-01-02\n")
    shop.load()
    shop.configure("warehouse:", "landing:\n  keep_days: 1\nwarehouse:")
    assert retention.apply(shop.settings, LATER) == []
    shop.write("orders-3.csv", ORDERS + "o2,c1,2025-01-01,6,EUR,2025-01-03\n")
    shop.load()
    (dropped,) = retention.apply(shop.settings, LATER)
    assert dropped.rows == 3
    assert shop.orders() == [("o1", "9.0000"), ("o2", "6.0000")]
    shop.do("truncate raw.orders")
    replay(shop.settings, entity="orders")
    assert shop.orders() == [("o1", "9.0000"), ("o2", "6.0000")]


def test_a_policy_that_is_none_is_refused_with_its_line(shop):
    shop.settings.path.write_text("landing:\n  keep_days: 0\n" + shop.settings.path.read_text())
    with pytest.raises(UserError, match=r"retain.yml:2  landing.keep_days: found \"0\"; wanted at least 1"):
        load_settings(shop.settings.path)
