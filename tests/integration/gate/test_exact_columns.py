"""Where a column of PostgreSQL can hold nothing but decimals that fit, its texts are not looked at one by one; all else is."""

import pytest

from retain.agreement import exact_fields
from retain.judged import read_load
from retain.landing import land_changes
from retain.mapping import mapping_of
from retain.warehouse import connect


def exact(shop):
    load_id = land_changes(shop.settings, "shop", "orders").load_id
    with connect(shop.settings) as connection:
        load = read_load(connection, shop.settings, load_id)
    return exact_fields(load, mapping_of(shop.settings, "shop", "orders"))


def of_type(shop, kind):
    shop.change(f"alter table orders alter amount type {kind} using amount::numeric::{kind}")


@pytest.mark.parametrize(
    ("kind", "is_exact"),
    [("numeric(12, 2)", True), ("numeric(18, 4)", True), ("bigint", True), ("numeric(12, 5)", False),
     ("numeric", False), ("double precision", False), ("money", False), ("text", False)],
)  # fmt: skip
def test_a_type_says_whether_its_values_fit(database_shop, kind, is_exact):
    of_type(database_shop, kind)
    assert exact(database_shop) == (frozenset({"gross_amount"}) if is_exact else frozenset())


def test_an_expression_of_such_a_column_is_looked_at(database_shop):
    of_type(database_shop, "numeric(12, 2)")
    database_shop.configure("gross_amount: amount", "gross_amount: amount / 3")
    assert exact(database_shop) == frozenset()


def test_what_is_no_number_is_not_let_in_and_every_digit_of_the_others_is_kept(database_shop):
    shop = database_shop
    of_type(shop, "numeric(12, 2)")
    shop.change(
        "update orders set amount = 'NaN' where id = 'o1'", "update orders set amount = 9999999999.99 where id = 'o2'"
    )
    refused = shop.load()[-1]
    assert refused.status == "refused"
    assert "gross_amount adds up to NaN" in refused.message
    failed = shop.ask("select rows_failed from ops.validation_results where expectation = 'gross_amount_casts'")
    assert failed == [(1,)]
    assert shop.orders() == []

    shop.change("update orders set amount = 1 where id = 'o1'")
    assert shop.load()[-1].status == "published"
    amounts = dict(shop.orders())
    assert (amounts["o1"], amounts["o2"], amounts["o40"]) == ("1.0000", "9999999999.9900", "40.5000")
    assert len(amounts) == 40
