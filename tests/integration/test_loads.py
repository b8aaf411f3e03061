"""Extract, land, gate, publish, on a folder of CSV files: the good is in raw, the bad in quarantine, nothing is lost or doubled."""

from pathlib import Path

import pytest

from retain import loads, warehouse
from retain.config import load_settings
from retain.errors import Refused
from retain.gate import judge
from retain.landing import land_changes, only_one_load
from retain.publish import publish_load

HEADER = "id,customer,at,amount,currency,changed\n"


@pytest.fixture
def shop(shop):
    return shop.settings


def write(settings, name, text):
    (settings.source("shop").folder / name).write_text(text)


def load(settings):
    return {(o.entity, o.status): o for o in loads.load_sources(settings, ["shop"])}


def ask(settings, statement):
    with warehouse.connect(settings) as connection:
        return connection.execute(statement).fetchall()


def orders(settings):
    return ask(
        settings, "select order_id, customer_id, gross_amount::text from raw.orders where not is_deleted order by 1"
    )


def reasons(settings):
    return dict(ask(settings, "select record_key, reasons from ops.quarantine where status = 'open' order by 1"))


def test_good_rows_are_published_and_bad_rows_wait_with_every_reason_in_words(shop):
    write(
        shop,
        "orders-1.csv",
        HEADER
        + "o1,c1,2025-01-01 10:00,10.50,EUR,2025-01-01\n"
        + "o2,c1,2025-02-31 10:00,10.00,EUR,2025-01-01\n"
        + "o3,c1,2025-01-01 10:00,ten,EUR,2025-01-01\n"
        + "o4,c1,2025-01-01 10:00,10.00,QQQ,2025-01-01\n"
        + "o5,nobody,2025-01-01 10:00,10.00,EUR,2025-01-01\n"
        + "o6,c2,2025-01-01 10:00,1.00,EUR,2025-01-01\n"
        + "o6,c2,2025-01-01 10:00,2.00,EUR,2025-01-01\n"
        + "o7,c2,2999-01-01 10:00,-2.00,EUR,2025-01-01\n",
    )
    load(shop)
    assert orders(shop) == [("o1", "c1", "10.5000")]
    told = reasons(shop)
    assert set(told) == {"o2", "o3", "o4", "o5", "o6", "o7"}
    assert told["o2"] == [
        "ordered_at is not a moment that exists, such as 2025-03-01 17:45:00; "
        "days like 03/04/2025 are read when the source says its `date_order`"
    ]
    assert told["o3"] == ["gross_amount is not an amount of money (digits with a decimal point, below 10^14)"]
    assert "currency is not an ISO 4217 code" in told["o4"]
    assert told["o5"] == ["customer_id names a record that customers does not have"]
    assert told["o6"] == ["order_id occurs more than once in one delivery, with different values"]
    assert told["o7"] == ["gross_amount is negative", "ordered_at lies more than an hour in the future"]
    assert ask(
        shop,
        "select rows_sent, rows_accepted, rows_quarantined from ops.loads where entity = 'orders' and kind <> 'retry'",
    ) == [(8, 1, 7)]


def test_moments_without_an_offset_are_the_sources_own_time(shop):
    write(shop, "orders-1.csv", HEADER + "o1,c1,2025-01-01 10:00,1,EUR,\n")
    load(shop)
    assert ask(shop, "select ordered_at at time zone 'UTC' from raw.orders")[0][0].hour == 6


def test_loading_twice_changes_nothing(shop):
    write(shop, "orders-1.csv", HEADER + "o1,c1,2025-01-01 10:00,1,EUR,\no2,c9,2025-01-01 10:00,1,EUR,\n")
    load(shop)
    before = ask(shop, "select * from raw.orders"), ask(shop, "select * from ops.quarantine")
    (shop.source("shop").folder / "orders-1.csv").touch()
    again = load(shop)
    assert again["orders", "published"].rows_changed == 0
    assert (ask(shop, "select * from raw.orders"), ask(shop, "select * from ops.quarantine")) == before


def test_the_newest_version_wins_whatever_order_the_versions_come_in(shop):
    write(shop, "orders-2.csv", HEADER + "o1,c1,2025-01-01 10:00,20,EUR,2025-01-02\n")
    load(shop)
    write(shop, "orders-3.csv", HEADER + "o1,c1,2025-01-01 10:00,10,EUR,2025-01-01\n")
    load(shop)
    assert orders(shop) == [("o1", "c1", "20.0000")]


def test_a_corrected_record_closes_its_quarantine_entry(shop):
    write(shop, "orders-1.csv", HEADER + "o1,c1,2025-01-01 10:00,bad,EUR,2025-01-01\n")
    load(shop)
    assert set(reasons(shop)) == {"o1"}
    write(shop, "orders-2.csv", HEADER + "o1,c1,2025-01-01 10:00,5,EUR,2025-01-02\n")
    load(shop)
    assert reasons(shop) == {}
    assert orders(shop) == [("o1", "c1", "5.0000")]
    assert ask(shop, "select status, closed_by_load_id is not null from ops.quarantine") == [("closed", True)]


def test_a_record_corrected_within_one_load_leaves_nothing_open(shop):
    write(shop, "orders-1.csv", HEADER + "o1,c1,2025-01-01 10:00,bad,EUR,\n")
    write(shop, "orders-2.csv", HEADER + "o1,c1,2025-01-01 10:00,5,EUR,\n")
    load(shop)
    assert orders(shop) == [("o1", "c1", "5.0000")]
    assert ask(shop, "select record_key, status from ops.quarantine") == [("o1", "closed")]


def test_an_order_whose_customer_comes_later_is_taken_up_by_itself(shop):
    write(shop, "orders-1.csv", HEADER + "o1,c3,2025-01-01 10:00,5,EUR,2025-01-01\n")
    load(shop)
    assert orders(shop) == []
    write(shop, "customers-2.csv", "id,email,phone,changed\nc3,c@x.am,,2025-01-01\n")
    load(shop)
    assert orders(shop) == [("o1", "c3", "5.0000")]
    assert reasons(shop) == {}


def test_a_load_in_which_too_much_is_wrong_is_refused_whole_and_asked_for_again(shop):
    good = "".join(f"g{n},c1,2025-01-01 10:00,1,EUR,\n" for n in range(50))
    bad = "".join(f"b{n},c1,2025-01-01 10:00,1 EUR,EUR,\n" for n in range(50))
    write(shop, "orders-1.csv", HEADER + good + bad)
    outcome = load(shop)["orders", "refused"]
    assert "50 of 100 rows fail" in outcome.message
    assert "gross_amount is not an amount of money (digits with a decimal point, below 10^14) (50)" in outcome.message
    assert orders(shop) == []
    assert reasons(shop) == {}
    assert ask(shop, "select count(*) from ops.cursors where entity = 'orders'") == [(0,)]
    write(shop, "orders-1.csv", HEADER + good)
    load(shop)
    assert len(orders(shop)) == 50


def test_a_load_that_lost_rows_on_the_way_is_refused(shop):
    write(shop, "orders-1.csv", HEADER + "o1,c1,2025-01-01 10:00,1,EUR,\no2,c1,2025-01-01 10:00,1,EUR,\n")
    loads.load_entity(shop, "shop", "customers")
    landed = land_changes(shop, "shop", "orders")
    with warehouse.connect(shop) as connection:
        connection.execute("delete from landing.shop__orders where id = 'o2'")
    with pytest.raises(Refused, match="the load holds as many records as the source sent"):
        judge(shop, landed.load_id).raise_if_refused()
    with pytest.raises(Refused, match="is refused: only a validated load can be published"):
        publish_load(shop, landed.load_id)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_load_that_was_cut_off_between_steps_is_done_again_and_ends_in_the_same_state(shop, steps):
    write(shop, "orders-1.csv", HEADER + "o1,c1,2025-01-01 10:00,1,EUR,\no2,c1,2025-01-01 10:00,x,EUR,\n")
    loads.load_entity(shop, "shop", "customers")
    if steps > 0:
        landed = land_changes(shop, "shop", "orders")
        if steps > 1:
            judge(shop, landed.load_id)
    assert loads.load_entity(shop, "shop", "orders").status == "published"
    assert orders(shop) == [("o1", "c1", "1.0000")]
    assert set(reasons(shop)) == {"o2"}
    assert ask(
        shop, "select count(*) from ops.loads where entity = 'orders' and kind <> 'retry' and status = 'published'"
    ) == [(1,)]
    assert ask(shop, "select count(*) from pg_tables where schemaname = 'gate'") == [(0,)]


def test_publishing_twice_is_publishing_once(shop):
    loads.load_entity(shop, "shop", "customers")
    load_id = ask(shop, "select max(load_id) from ops.loads")[0][0]
    before = ask(shop, "select * from raw.customers order by 1, 2")
    publish_load(shop, load_id)
    assert ask(shop, "select * from raw.customers order by 1, 2") == before


def test_two_loads_of_one_entity_at_once_are_refused_with_a_sentence(shop):
    with warehouse.connect(shop) as other, only_one_load(other, "shop", "customers"):
        outcome = loads.load_entity(shop, "shop", "customers")
        assert outcome.status == "refused"
        assert outcome.message.startswith("Another load of customers from shop is running.")
        assert loads.load_entity(shop, "shop", "customers").status == "refused"


def test_landing_holds_every_version_exactly_as_sent(shop):
    write(shop, "orders-1.csv", HEADER + 'o1,c1,2025-01-01 10:00," 010.50 ",EUR,\n')
    load(shop)
    write(shop, "orders-2.csv", HEADER + "o1,c1,2025-01-01 10:00,11,EUR,\n")
    load(shop)
    sent = ask(shop, "select amount, _file, _line from landing.shop__orders order by _row")
    assert sent == [(" 010.50 ", "orders-1.csv", "1"), ("11", "orders-2.csv", "1")]
    assert orders(shop) == [("o1", "c1", "11.0000")]


def test_a_new_column_of_the_source_lands(shop):
    write(shop, "orders-1.csv", HEADER + "o1,c1,2025-01-01 10:00,1,EUR,\n")
    load(shop)
    write(shop, "orders-2.csv", HEADER.strip() + ",colour\no2,c1,2025-01-01 10:00,1,EUR,,red\n")
    load(shop)
    assert ask(shop, "select id, colour from landing.shop__orders order by 1") == [("o1", None), ("o2", "red")]


def test_an_expression_that_raises_on_one_row_holds_that_row_only(write_config, tmp_path):
    (tmp_path / "files").mkdir()
    sources = """\
  - name: shop
    type: files
    folder: files
    entities:
      orders:
        files: "*.csv"
        group_by: [receipt]
        fields:
          order_id: receipt
          ordered_at: to_timestamp(min(day), 'YYYYMMDD')
          gross_amount: sum("Qty"::numeric * price::numeric)
        defaults: {status: paid, currency: EUR}
"""
    settings = load_settings(write_config(sources))
    warehouse.prepare(settings)
    write(
        settings,
        "a.csv",
        "receipt,day,Qty,price\nr1,20250101,2,1.10\nr1,20250101,1,3\nr2,20250231,1,3\nr3,20250101,x,3\n",
    )
    load(settings)
    assert ask(settings, "select order_id, gross_amount::text from raw.orders") == [("r1", "5.2000")]
    told = reasons(settings)
    assert any("date/time field value out of range" in reason for reason in told["r2"])
    assert any('invalid input syntax for type numeric: "x"' in reason for reason in told["r3"])


def test_no_expression_makes_an_amount_of_a_number_that_a_spreadsheet_has_cut_off(shop):
    text = shop.path.read_text()
    assert "gross_amount: amount," in text
    shop.path.write_text(text.replace("gross_amount: amount,", "gross_amount: '-amount::numeric',"))
    settings = load_settings(shop.path)
    write(settings, "orders-1.csv", HEADER + "o1,c1,2025-01-01,-12.50,EUR,\no2,c1,2025-01-01,-1.3E+01,EUR,\n")
    load(settings)
    assert orders(settings) == [("o1", "c1", "12.5000")]
    told = ["gross_amount is not an amount of money (digits with a decimal point, below 10^14)"]
    assert reasons(settings) == {"o2": told}


def test_an_expression_that_cannot_be_read_names_itself_and_the_columns(shop, tmp_path):
    path = Path(shop.path)
    path.write_text(path.read_text().replace("gross_amount: amount", "gross_amount: 'amount * 2'"))
    write(shop, "orders-1.csv", HEADER + "o1,c1,2025-01-01 10:00,1,EUR,\n")
    outcome = loads.load_entity(load_settings(path), "shop", "orders")
    assert outcome.status == "unreadable"
    assert outcome.error is not None
    assert outcome.error.exit_code == 2
    for words in ("orders.fields.gross_amount", "'amount * 2'", "id, customer, at, amount", "price::numeric"):
        assert words in outcome.message


def test_numbers_that_are_no_money_and_moments_that_postgresql_would_take_are_held(shop):
    rows = [
        ("NaN", "2025-01-01"),
        ("Infinity", "2025-01-01"),
        ("1,5", "2025-01-01"),
        ("1e400", "2025-01-01"),
        ("1", "now"),
        ("1", "infinity"),
    ]
    write(
        shop, "orders-1.csv", HEADER + "".join(f'o{n},c1,{day},"{money}",EUR,\n' for n, (money, day) in enumerate(rows))
    )
    load(shop)
    assert orders(shop) == []
    assert len(reasons(shop)) == len(rows)
