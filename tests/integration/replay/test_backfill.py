"""A span of time is filled again without moving the cursor, and judged and published like any other load."""

import os
from datetime import UTC, date, datetime

import pytest

from retain import loads
from retain.errors import UserError
from retain.sources import Window

ORDERS = "id,customer,at,amount,currency,changed\n"


def test_a_backfill_reads_the_changes_of_its_days_and_leaves_the_cursor_where_it_was(database_shop):
    shop = database_shop
    shop.load()
    cursor = shop.ask("select state, load_id from ops.cursors order by 1::text, 2")
    shop.change("update orders set amount = '77' where id in ('o1', 'o30')")  # changed without saying so
    window = loads.window_of_days(shop.settings, date(2025, 1, 10), date(2025, 1, 11))
    outcome = loads.load_entity(shop.settings, "shop", "orders", window=window)
    assert (outcome.status, outcome.rows_sent, outcome.rows_changed) == ("published", 23, 1)
    assert dict(shop.orders())["o1"] == "77.0000"
    assert dict(shop.orders())["o30"] == "30.5000"
    assert shop.ask("select state, load_id from ops.cursors order by 1::text, 2") == cursor
    assert shop.ask("select kind, window_from, window_to from ops.loads order by load_id desc limit 1") == [
        ("backfill", datetime(2025, 1, 10, tzinfo=UTC), datetime(2025, 1, 11, tzinfo=UTC))
    ]


def test_an_entity_whose_rows_have_no_time_of_change_is_refused_with_a_sentence(database_shop):
    shop = database_shop
    shop.load()
    window = loads.window_of_days(shop.settings, date(2025, 1, 10))
    outcome = loads.load_entity(shop.settings, "shop", "customers", window=window)
    assert outcome.status == "unreadable"
    assert "a window of time cannot be read, because no `cursor` is configured" in outcome.message


def test_of_a_folder_the_files_written_in_that_time_are_read_again(shop):
    for name, moment in (("orders-1.csv", "2025-01-01"), ("orders-2.csv", "2025-01-02")):
        shop.write(name, ORDERS + f"{name},c1,2025-01-01 10:00,1,EUR,{moment}\n")
        seconds = datetime.fromisoformat(f"{moment}T12:00:00+00:00").timestamp()
        os.utime(shop.settings.source("shop").folder / name, (seconds, seconds))
    shop.load()
    window = loads.window_of_days(shop.settings, date(2025, 1, 2), date(2025, 1, 3))
    outcome = loads.load_entity(shop.settings, "shop", "orders", window=window)
    assert (outcome.status, outcome.rows_sent, outcome.rows_changed) == ("published", 1, 0)
    nothing = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC))
    assert loads.load_entity(shop.settings, "shop", "orders", window=nothing).rows_sent == 0


def test_days_are_the_shops_own_and_half_open(shop):
    shop.configure("timezone: UTC", "timezone: Asia/Yerevan")
    window = loads.window_of_days(shop.settings, date(2025, 1, 1), date(2025, 1, 2))
    assert (window.start.astimezone(UTC), window.end.astimezone(UTC)) == (
        datetime(2024, 12, 31, 20, tzinfo=UTC),
        datetime(2025, 1, 1, 20, tzinfo=UTC),
    )
    with pytest.raises(UserError, match="holds no day"):
        loads.window_of_days(shop.settings, date(2025, 1, 2), date(2025, 1, 2))
