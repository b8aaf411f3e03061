"""What is judged of a load as a whole: sums, columns, keys, and what is usual for its source."""

from datetime import date, timedelta
from itertools import count

import pytest

from retain import loads, warehouse
from retain.gate import judge
from retain.landing import land_changes
from retain.progress import verified_through

NUMBERS = count(1)
DAYS = 28
PER_DAY = 40


def findings(shop, load_id):
    """What failed: severity and sentence, by rule."""
    return {
        rule: (severity, message)
        for rule, severity, message in shop.ask(
            "select expectation, severity, message from ops.validation_results where load_id = %s and not success",
            load_id,
        )
    }


def last_load(shop, entity="orders"):
    return shop.ask("select max(load_id) from ops.loads where entity = %s and kind <> 'retry'", entity)[0][0]


def told(shop, entity="orders"):
    return findings(shop, last_load(shop, entity))


def lines_of(day, rows=PER_DAY, **other):
    """A day's orders as lines of a file: by the hour, from 9 to 18, of either currency alike."""
    values = {
        "customer": lambda n: f"c{n % 2 + 1}",
        "amount": lambda n: f"{10 + n % 7}.50",
        "hour": lambda n: 9 + n % 10,
        **other,
    }
    return "".join(
        f"n{next(NUMBERS)},{values['customer'](n)},{day} {values['hour'](n):02d}:{n // 10:02d},{values['amount'](n)},EUR,{day} 20:00\n"
        for n in range(rows)
    )


@pytest.fixture
def known_shop(shop):
    """A shop with four weeks of orders, each day like the others."""
    start = date.today() - timedelta(days=DAYS)
    lines = "".join(lines_of(start + timedelta(days=n)) for n in range(DAYS - 1))
    shop.write("orders-1.csv", "id,customer,at,amount,currency,changed\n" + lines)
    assert {o.status for o in shop.load()} == {"published"}
    assert told(shop) == {}
    return shop


def send(shop, lines, header="id,customer,at,amount,currency,changed\n"):
    """One more day; how its load ended, and what was found."""
    shop.write("orders-2.csv", header + lines)
    outcomes = [o for o in shop.load() if o.entity == "orders" and not o.is_retry]
    return outcomes[-1].status, told(shop)


def yesterday():
    """Asked for in each test: a day may begin between two of them."""
    return date.today() - timedelta(days=1)


def test_a_day_like_the_others_is_not_worth_a_word(known_shop):
    assert send(known_shop, lines_of(yesterday())) == ("published", {})


def test_a_shop_without_history_is_told_nothing_about_what_is_usual(shop):
    shop.write("orders-1.csv", "id,customer,at,amount,currency,changed\n" + lines_of(yesterday() - timedelta(days=1)))
    shop.load()
    assert send(shop, lines_of(yesterday(), 400, amount=lambda n: "900.00")) == ("published", {})


def test_three_times_the_orders_of_a_day_are_told(known_shop):
    status, found = send(known_shop, lines_of(yesterday(), 3 * PER_DAY))
    assert status == "published"
    assert found["volume"][0] == "warning"
    assert f"120 records on {yesterday():%A} {yesterday()}, usually about 40" in found["volume"][1]


def test_so_many_orders_as_no_day_ever_has_are_refused(known_shop):
    status, found = send(known_shop, lines_of(yesterday(), 20 * PER_DAY))
    assert status == "refused"
    assert found["volume_credible"][0] == "critical"
    assert known_shop.ask("select count(*) from raw.orders") == [((DAYS - 1) * PER_DAY,)]


def test_amounts_a_hundred_times_as_large_are_refused(known_shop):
    status, found = send(known_shop, lines_of(yesterday(), amount=lambda n: f"{1050 + 100 * (n % 7)}"))
    assert status == "refused"
    assert "usually 13" in found["amount_credible"][1]


def test_amounts_that_doubled_are_told(known_shop):
    status, found = send(known_shop, lines_of(yesterday(), amount=lambda n: f"{2 * (10 + n % 7)}.99"))
    assert status == "published"
    assert found["amount"][0] == "warning"


def test_amounts_that_lost_their_decimals_are_told(known_shop):
    assert "decimals" in send(known_shop, lines_of(yesterday(), amount=lambda n: f"{10 + n % 7}"))[1]


def test_values_that_were_never_empty_and_now_sometimes_are_are_told(known_shop):
    status, found = send(known_shop, lines_of(yesterday(), customer=lambda n: f"c{n % 2 + 1}" if n % 8 else ""))
    assert status == "published"
    assert "customer_id is empty in 12% of 40 rows, usually 0%" in found["empty"][1]


def test_one_customer_for_all_is_told(known_shop):
    assert "customer_id" in send(known_shop, lines_of(yesterday(), customer=lambda n: "c1"))[1]["top"][1]


def test_a_clock_that_is_hours_off_is_told(known_shop):
    assert "usually at 09:3" in send(known_shop, lines_of(yesterday(), hour=lambda n: 3 + n % 10))[1]["hour"][1]


def test_thresholds_of_a_source_are_its_own(known_shop):
    known_shop.configure(
        "    timezone: Asia/Yerevan\n", "    timezone: Asia/Yerevan\n    gate: {usual_volume: 5, usual_amount: 9}\n"
    )
    lines = lines_of(yesterday(), 3 * PER_DAY, amount=lambda n: f"{2 * (10 + n % 7)}.50")
    assert send(known_shop, lines) == ("published", {})


def test_history_is_that_of_published_loads_only(known_shop):
    send(known_shop, lines_of(yesterday(), 20 * PER_DAY))
    assert send(known_shop, lines_of(yesterday())) == ("published", {})


def test_a_night_that_brings_nothing_is_told_once_it_is_late(known_shop):
    """The loads before it came once a day."""
    for number in range(2, 12):
        known_shop.write(f"orders-{number}.csv", "id,customer,at,amount,currency,changed\n" + lines_of(yesterday(), 1))
        known_shop.load()
    known_shop.do(
        "update ops.loads set landed_at = clock_timestamp() - ((select max(load_id) from ops.loads) - load_id + 2) "
        "* interval '12 hours'"
    )
    known_shop.load()
    assert told(known_shop) == {}
    known_shop.do("update ops.loads set landed_at = landed_at - interval '16 hours' where entity = 'orders'")
    known_shop.load()
    severity, sentence = told(known_shop)["freshness"]
    assert severity == "warning"
    assert "nothing new for 40.0 hours" in sentence


def test_a_source_may_say_how_late_is_late(known_shop):
    known_shop.configure(
        "    timezone: Asia/Yerevan\n", "    timezone: Asia/Yerevan\n    gate: {fresh_within_hours: 6}\n"
    )
    known_shop.do("update ops.loads set landed_at = landed_at - interval '7 hours', window_to = null")
    (before,) = known_shop.ask("select max(landed_at) from ops.loads where entity = 'orders'")
    known_shop.load()
    with warehouse.connect(known_shop.settings) as connection:
        assert verified_through(connection, known_shop.settings)["shop", "orders"] == before[0]
    assert "nothing new for 7.0 hours; at most 6.0" in told(known_shop)["freshness"][1]


def test_a_new_column_is_told_and_lands(known_shop):
    header = "id,customer,at,amount,currency,changed,colour\n"
    status, found = send(known_shop, lines_of(yesterday()).replace("\n", ",red\n"), header)
    assert status == "published"
    assert found == {"columns_agreed": ("warning", found["columns_agreed"][1])}
    assert "new: colour" in found["columns_agreed"][1]
    assert known_shop.ask("select distinct colour from landing.shop__orders where colour is not null") == [("red",)]


def test_a_page_that_came_twice_is_told_and_none_of_it_is_held(known_shop):
    lines = lines_of(yesterday())
    twice = "".join(lines.splitlines(keepends=True)[:3])
    status, found = send(known_shop, lines + twice)
    assert status == "published"
    assert found == {"sent_once": ("warning", found["sent_once"][1])}
    assert "6 rows are of records that are there more than once" in found["sent_once"][1]
    assert known_shop.open_entries() == {}
    assert known_shop.does_not_add_up() == []


def test_a_renamed_key_is_refused_before_anything_lands(known_shop):
    known_shop.write("orders-2.csv", "number,customer,at,amount,currency,changed\n" + lines_of(yesterday()))
    (outcome,) = [o for o in known_shop.load() if o.entity == "orders"]
    assert outcome.status == "unreadable"
    assert "no column id" in outcome.message
    assert "number" in outcome.message


def test_a_column_that_changed_its_type_refuses_with_an_example(database_shop):
    database_shop.load()
    database_shop.change(
        "alter table orders alter column amount type bigint using (amount::numeric * 100)::bigint",
        "insert into orders values ('late', 'c1', now(), 1250)",
    )
    (outcome,) = [o for o in database_shop.load() if o.entity == "orders"]
    assert outcome.status == "refused"
    assert "retyped: amount was text, is int8, for example '" in outcome.message
    assert database_shop.ask("select count(*) from raw.orders") == [(40,)]


def test_a_wider_column_of_the_same_kind_is_no_news(database_shop):
    database_shop.change("alter table orders alter column amount type numeric(10, 2) using amount::numeric")
    database_shop.load()
    database_shop.change(
        "alter table orders alter column amount type numeric(14, 4)",
        "alter table orders alter column customer type varchar(40)",
    )
    database_shop.load()
    assert told(database_shop) == {}


def test_a_column_that_is_not_read_may_go_and_is_told(database_shop):
    database_shop.change("alter table orders add column note text")
    database_shop.load()
    database_shop.change("alter table orders drop column note")
    database_shop.load()
    assert told(database_shop)["columns_agreed"] == (
        "warning",
        "the source has the columns that were agreed, and no other, but: lost: note (text)",
    )


def test_an_agreement_is_made_anew_when_retain_yml_changes(database_shop):
    database_shop.load()
    database_shop.change("alter table orders rename column amount to total")
    database_shop.configure("gross_amount: amount", "gross_amount: total::numeric")
    (outcome,) = [o for o in database_shop.load() if o.entity == "orders"]
    assert outcome.status == "published"
    assert "lost: amount" in told(database_shop)["columns_agreed"][1]


def test_money_that_is_not_what_the_source_counted_is_refused_with_both_sums(database_shop):
    database_shop.change("alter table orders alter column amount type numeric(10, 2) using amount::numeric")
    load_id = land_changes(database_shop.settings, "shop", "orders").load_id
    assert database_shop.ask(
        "select control_totals -> 'sums' ->> 'gross_amount' from ops.loads where load_id = %s", load_id
    ) == [("840.00",)]
    database_shop.do("update landing.shop__orders set gross_amount = '400' where order_id = 'o40'")
    verdict = judge(database_shop.settings, load_id)
    assert verdict.is_refused
    assert "gross_amount adds up to 1,199.50" in verdict.refusals[0]
    assert "the source says 840.00" in verdict.refusals[0]


def test_a_file_whose_records_landed_as_anothers_is_refused_though_the_rows_are_as_many(shop):
    for number in (1, 2):
        shop.write(
            f"orders-{number}.csv",
            "id,customer,at,amount,currency,changed\n"
            + "".join(f"o{number}{n},c1,2025-01-01,5,EUR,\n" for n in range(3)),
        )
    shop.load(entities=["customers"])
    load_id = land_changes(shop.settings, "shop", "orders").load_id
    shop.do("update landing.shop__orders set _file = 'orders-1.csv' where id = 'o20'")
    verdict = judge(shop.settings, load_id)
    assert verdict.refusals == (
        "of every file all records landed, but: orders-1.csv: 4 of 3 records landed; orders-2.csv: 2 of 3 records landed",
    )


def test_sums_agree_to_the_last_digit_of_what_was_sent(database_shop):
    database_shop.change(
        "alter table orders alter column amount type numeric using amount::numeric",
        "update orders set amount = amount + 0.0000012345",
    )
    (outcome,) = [o for o in database_shop.load() if o.entity == "orders"]
    assert outcome.status == "published"
    assert "control_totals" not in told(database_shop)


def test_far_fewer_keys_are_not_believed(database_shop):
    database_shop.load()
    database_shop.change("delete from orders where id::text < 'o4'")
    (outcome,) = loads.compare_keys(database_shop.settings, "shop", "orders")
    assert outcome.status == "refused"
    assert "too many to be believed" in outcome.message
    assert database_shop.ask("select count(*) from raw.orders where is_deleted") == [(0,)]


def test_a_record_that_no_load_ever_brought_is_found_by_the_comparison_of_keys(database_shop):
    """A bulk import that writes rows with old times of change: no cursor reaches them."""
    database_shop.load()
    database_shop.change("insert into orders values ('old', 'c1', now(), '1.00', timestamptz '2024-01-01 00:00+00')")
    database_shop.change("insert into orders values ('new', 'c1', now(), '2.00', now() - interval '1 second')")
    outcomes = loads.compare_keys(database_shop.settings, "shop", "orders")
    assert [o.rows_changed for o in outcomes] == [1, 0]  # what only came since is read, and is no news
    assert outcomes[-1].message == (
        "1 orders are at the source, and no load brought them: old. Their time of change is older than the loads reach back; "
        "`retain load --source shop --entity orders --full` reads them"
    )
    assert findings(database_shop, outcomes[-1].load_id)["keys_read"][0] == "warning"
    assert {o.status for o in database_shop.load(full=True)} == {"published"}
    assert database_shop.ask("select count(*) from raw.orders where order_id = 'old'") == [(1,)]
    assert loads.compare_keys(database_shop.settings, "shop", "orders") == []
    assert database_shop.does_not_add_up() == []


def test_a_row_that_waits_in_quarantine_was_read(database_shop):
    database_shop.change("update orders set amount = 'ten' where id = 'o1'")
    database_shop.load()
    assert loads.compare_keys(database_shop.settings, "shop", "orders") == []


def test_a_row_in_quarantine_does_not_hide_a_record_that_no_load_brought(database_shop):
    database_shop.change("update orders set amount = 'ten' where id = 'o1'")
    database_shop.load()
    database_shop.change("insert into orders values ('old', 'c1', now(), '1.00', timestamptz '2024-01-01 00:00+00')")
    database_shop.do("update ops.loads set started_at = started_at - interval '25 hours'")
    told_of = [o.message for o in database_shop.load(entities=["orders"]) if o.message]
    assert len(told_of) == 1
    assert told_of[0].startswith("1 orders are at the source, and no load brought them: old.")


def test_rows_of_the_hour_that_a_change_of_clocks_repeats_are_neither_lost_nor_doubled(database_shop):
    """26 October 2025 in Berlin: half past two is there twice. The source keeps its times without a zone."""
    database_shop.configure("    type: sql\n", "    type: sql\n    timezone: Europe/Berlin\n")
    database_shop.change(
        "alter table orders alter column changed type timestamp using changed at time zone 'Europe/Berlin', "
        "alter column placed type timestamp using placed at time zone 'Europe/Berlin'",
        "delete from orders",
        "insert into orders select 's' || n, 'c1', timestamp '2025-10-26 01:30' + n * interval '30 minutes', '1.00', "
        "timestamp '2025-10-26 01:30' + n * interval '30 minutes' from generate_series(0, 3) as n",
    )
    database_shop.load()
    database_shop.change(
        "insert into orders select 'w' || n, 'c1', timestamp '2025-10-26 02:00' + n * interval '30 minutes', '1.00', "
        "timestamp '2025-10-26 02:00' + n * interval '30 minutes' from generate_series(0, 3) as n"
    )
    database_shop.load()
    database_shop.load()
    assert database_shop.orders() == [(f"{when}{n}", "1.0000") for when in "sw" for n in range(4)]
    assert database_shop.does_not_add_up() == []
    assert loads.compare_keys(database_shop.settings, "shop", "orders") == []


def test_rows_with_equal_times_of_change_and_with_none_are_all_read_once(database_shop):
    database_shop.change(
        "alter table orders alter column changed drop not null",
        "update orders set changed = timestamptz '2025-01-10 00:00+00'",
    )
    database_shop.load()
    database_shop.change(
        "insert into orders values ('same', 'c1', now(), '1.00', timestamptz '2025-01-10 00:00+00'), ('none', 'c1', now(), '2.00', null)"
    )
    database_shop.load()
    assert {order for order, _ in database_shop.orders()} == {"same", "none", *(f"o{n}" for n in range(1, 41))}
    assert database_shop.does_not_add_up() == []


def test_a_decided_version_does_not_count_among_the_bad_rows_of_a_load(shop):
    from retain.decisions import discard

    shop.configure("sources:\n", "gate: {quarantine_allowance: 1, max_quarantined_share: 0}\nsources:\n")
    bad = "b1,c1,2025-01-01 10:00,-1,EUR,2025-01-01\n"
    shop.write("orders-1.csv", "id,customer,at,amount,currency,changed\n" + bad)
    shop.load()
    discard(shop.settings, list(shop.open_entries().values()), "a cashier's training")
    shop.write("orders-1.csv", "id,customer,at,amount,currency,changed\n" + bad + bad.replace("b1", "b2"))
    (outcome,) = [o for o in shop.load() if o.entity == "orders"]
    assert outcome.status == "published"
    shop.write(
        "orders-1.csv",
        "id,customer,at,amount,currency,changed\n" + bad + bad.replace("b1", "b2") + bad.replace("b1", "b3"),
    )
    (outcome,) = [o for o in shop.load() if o.entity == "orders"]
    assert outcome.status == "refused"
    assert "2 of 3 rows fail" in outcome.message


def test_the_mart_of_health_and_the_reconciliation_know_refused_loads(known_shop):
    status, _ = send(known_shop, lines_of(yesterday(), 20 * PER_DAY))
    assert status == "refused"
    assert known_shop.does_not_add_up() == []
    assert known_shop.ask("select count(*) from pg_tables where schemaname = 'gate'") == [(0,)]
