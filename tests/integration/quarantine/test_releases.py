"""A release that is asked for by rule or number: what it comes to is counted first, and exactly that is released."""

import pytest

from retain.errors import UserError
from retain.releases import Wanted, choose, numbers_of, release_chosen

HEADER = "id,customer,at,amount,currency,changed\n"
GOOD = "o0,c1,2025-01-01 10:00,1,EUR,2025-01-01\n"
ORDERS = Wanted("shop", "orders")


def negative(*numbers):
    return "".join(f"o{n},c1,2025-01-01 10:00,-{n},EUR,2025-01-02\n" for n in numbers)


@pytest.fixture
def held(shop):
    """Three negative orders, and one in a currency that is none."""
    shop.write("orders-1.csv", HEADER + GOOD + negative(1, 2, 3) + "q1,c1,2025-01-01 10:00,1,QQQ,2025-01-02\n")
    shop.load()
    return shop.open_entries()


def test_what_a_request_comes_to_is_counted_with_its_reasons_and_keys(shop, held):
    chosen = choose(shop.settings, ORDERS)
    assert (chosen.rows, chosen.newest, chosen.keys) == (4, max(held.values()), ("q1", "o3", "o2", "o1"))
    assert chosen.reasons[0] == "gross_amount is negative: 3"
    assert choose(shop.settings, Wanted("shop", "orders", rule="gross_amount_not_negative")).rows == 3
    assert choose(shop.settings, Wanted("shop", "orders", numbers=(held["o2"],))).keys == ("o2",)


def test_what_came_after_the_request_was_counted_is_not_released(shop, held):
    wanted = Wanted("shop", "orders", rule="gross_amount_not_negative")
    newest = choose(shop.settings, wanted).newest
    shop.write("orders-2.csv", HEADER + negative(7))
    shop.load()
    done = release_chosen(shop.settings, wanted, newest, "goods sent back", "Ani, approved by Aram")
    assert done.entries == 3
    assert set(shop.open_entries()) == {"q1", "o7"}
    assert shop.ask("select distinct decided_by, reason from ops.quarantine_decisions") == [
        ("Ani, approved by Aram", "goods sent back")
    ]
    assert shop.does_not_add_up() == []


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("shop", "customers"),
        Wanted("shop", "orders", rule="no_such_rule"),
        Wanted("shop", "orders", numbers=(10**9,)),
    ],
)
def test_a_request_for_nothing_is_a_sentence(shop, held, wanted):
    with pytest.raises(UserError, match="0 open entries of"):
        choose(shop.settings, wanted)


def test_a_number_of_no_open_entry_is_told_before_anything_is_released(shop, held):
    with pytest.raises(UserError, match="1 open entries of orders from shop are as asked for, of 2 numbers"):
        choose(shop.settings, Wanted("shop", "orders", numbers=(held["o1"], 10**9)))


def test_numbers_are_read_as_people_write_them():
    assert numbers_of("4711, 4712 4713") == (4711, 4712, 4713)
    assert numbers_of(None) == numbers_of("") == ()
    with pytest.raises(UserError, match="'4711-4713' is not the number"):
        numbers_of("4711-4713")
