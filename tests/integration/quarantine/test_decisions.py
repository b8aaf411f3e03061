"""What a person decides about rows in quarantine: it is done once, wholly, on record, and lasts."""

import threading

import pytest

from retain import decisions, warehouse
from retain.errors import Refused, UserError
from retain.landing import only_one_load

ORDERS = "id,customer,at,amount,currency,changed\n"
NEGATIVE = "o1,c1,2025-01-01 10:00,-5,EUR,2025-01-02\n"


def hold(shop, *rows):
    shop.write("orders-1.csv", ORDERS + "o0,c1,2025-01-01 10:00,1,EUR,2025-01-01\n" + "".join(rows or (NEGATIVE,)))
    shop.load()
    return shop.open_entries()


def test_a_released_row_is_published_as_it_was_sent_and_who_and_why_are_on_record(shop):
    entry = hold(shop)["o1"]
    done = decisions.release(shop.settings, [entry], "a correction that the till writes as a sale")
    assert (done.entries, done.rows_changed) == (1, 1)
    assert shop.orders() == [("o0", "1.0000"), ("o1", "-5.0000")]
    assert shop.ask("select status, closing_note from ops.quarantine") == [
        ("released", f"released by {decisions.os_user()}: a correction that the till writes as a sale")
    ]
    assert shop.ask(
        "select decision, reason, decided_by, kind, status, rows_sent from ops.quarantine_decisions join ops.loads using (load_id)"
    ) == [("released", "a correction that the till writes as a sale", decisions.os_user(), "release", "published", 1)]
    assert shop.does_not_add_up() == []
    assert shop.ask("select count(*) from pg_tables where schemaname = 'gate'") == [(0,)]


def test_a_released_version_is_not_held_again_when_it_is_read_again_but_another_version_is(shop):
    decisions.release(shop.settings, hold(shop).values(), "right as it is")
    shop.write("orders-2.csv", ORDERS + NEGATIVE)
    shop.load()
    assert shop.open_entries() == {}
    assert shop.ask(
        "select rows_accepted, rows_quarantined from ops.loads where entity = 'orders' order by load_id desc limit 1"
    ) == [(1, 0)]
    shop.write("orders-3.csv", ORDERS + NEGATIVE.replace("-5", "-6"))
    shop.load()
    assert set(shop.open_entries()) == {"o1"}
    assert shop.orders() == [("o0", "1.0000"), ("o1", "-5.0000")]
    assert shop.does_not_add_up() == []


def test_a_release_waives_only_the_rules_that_held_the_row(shop):
    decisions.release(shop.settings, hold(shop).values(), "right as it is")
    shop.do("update ops.quarantine set rules = array['another_rule']")
    shop.write("orders-2.csv", ORDERS + NEGATIVE)
    shop.load()
    assert set(shop.open_entries()) == {"o1"}


def test_a_discarded_version_stays_discarded_when_it_is_read_again_but_a_changed_one_is_judged_anew(shop):
    decisions.discard(shop.settings, hold(shop).values(), "a test of the cashier")
    assert shop.days() == {"2025-01-01": (2, 1, 0, 1)}
    shop.write("orders-2.csv", ORDERS + NEGATIVE)
    shop.load()
    assert shop.open_entries() == {}
    assert shop.orders() == [("o0", "1.0000")]
    assert shop.days() == {"2025-01-01": (2, 1, 0, 1)}
    shop.write("orders-3.csv", ORDERS + NEGATIVE.replace("-5", "5"))
    shop.load()
    assert shop.orders() == [("o0", "1.0000"), ("o1", "5.0000")]
    assert shop.days() == {"2025-01-01": (2, 2, 0, 0)}


def test_a_discarded_version_does_not_count_even_when_its_fault_has_gone(shop):
    entry = hold(shop, "o1,c9,2025-01-01 10:00,5,EUR,2025-01-02\n")["o1"]
    decisions.discard(shop.settings, [entry], "made up")
    shop.write("customers-2.csv", "id,email,phone,changed\nc9,z@x.am,,2025-01-01\n")
    shop.write("orders-2.csv", ORDERS + "o1,c9,2025-01-01 10:00,5,EUR,2025-01-02\n")
    shop.load()
    assert shop.orders() == [("o0", "1.0000")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("o1,c1,2025-01-01 10:00,1O.00,EUR,2025-01-02\n", "gross_amount cannot be read as an amount of money"),
        ("o1,c1,2025-02-31 10:00,10,EUR,2025-01-02\n", "ordered_at cannot be read as a moment"),
        ("o1,c1,2025-01-01 10:00,,EUR,2025-01-02\n", "gross_amount is missing"),
    ],
)
def test_a_value_that_raw_cannot_hold_cannot_be_released_and_nothing_else_is_then(shop, row, words):
    entries = hold(shop, row, "o2,c1,2025-01-01 10:00,-1,EUR,2025-01-02\n")
    with pytest.raises(UserError, match=f"Entry {entries['o1']} cannot be released: {words}"):
        decisions.release(shop.settings, entries.values(), "they look right to me")
    assert shop.open_entries() == entries
    assert shop.orders() == [("o0", "1.0000")]
    assert shop.ask("select count(*) from ops.loads where kind = 'release'") == [(0,)]


def test_deciding_twice_is_deciding_once_and_deciding_otherwise_is_a_sentence(shop):
    entry = hold(shop)["o1"]
    assert decisions.release(shop.settings, [entry, entry], "right").entries == 1
    before = (
        shop.ask("select * from raw.orders order by order_id"),
        shop.ask("select * from ops.reconciliation order by 2, 3"),
    )
    again = decisions.release(shop.settings, [entry], "right")
    assert (again.entries, again.decided_before, again.rows_changed) == (0, 1, 0)
    assert (
        shop.ask("select * from raw.orders order by order_id"),
        shop.ask("select * from ops.reconciliation order by 2, 3"),
    ) == before
    with pytest.raises(UserError, match=f"Entry {entry} cannot be discarded: it was released by .* \\(right\\)"):
        decisions.discard(shop.settings, [entry], "wrong")
    with pytest.raises(UserError, match="There is no entry 999"):
        decisions.release(shop.settings, [entry, 999], "right")
    with pytest.raises(UserError, match="needs a reason"):
        decisions.release(shop.settings, [entry], "  ")


def test_two_people_who_release_at_once_publish_once(shop):
    entries = hold(shop, *(f"n{n},c1,2025-01-01 10:00,-{n},EUR,2025-01-02\n" for n in range(1, 6)))
    done, refused = [], []

    def decide():
        try:
            done.append(decisions.release(shop.settings, entries.values(), "right").entries)
        except Refused as error:
            refused.append(str(error))

    people = [threading.Thread(target=decide) for _ in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sum(done) == 5
    assert len(done) + len(refused) == 2
    assert shop.ask("select count(*) from ops.quarantine_decisions") == [(5,)]
    assert len(shop.orders()) == 6


def test_nothing_is_decided_while_the_entity_is_being_loaded(shop):
    entries = hold(shop)
    with (
        warehouse.connect(shop.settings) as other,
        only_one_load(other, "shop", "orders"),
        pytest.raises(Refused, match="Another load of orders from shop is running"),
    ):
        decisions.discard(shop.settings, entries.values(), "wrong")
    assert shop.open_entries() == entries


def test_rows_without_a_key_wait_each_for_themselves(shop):
    hold(shop, ",c1,2025-01-01 10:00,1,EUR,2025-01-02\n")
    shop.write("orders-2.csv", ORDERS + ",c2,2025-01-03 10:00,2,EUR,2025-01-02\n")
    shop.load()
    assert shop.ask("select count(*) from ops.quarantine where status = 'open'") == [(2,)]
    assert shop.days() == {"2025-01-01": (2, 1, 1, 0), "2025-01-03": (1, 0, 1, 0)}
    shop.write("orders-3.csv", ORDERS + ",c2,2025-01-03 10:00,2,EUR,2025-01-02\n")
    shop.load()
    assert shop.ask("select count(*) from ops.quarantine where status = 'open'") == [(2,)]
