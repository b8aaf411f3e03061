"""A card or the number of an account is a short text: another's order number, amount or file size may be the same, and stays."""

from datetime import UTC, datetime

import psycopg
import pytest

from retain import identity, replay, transform
from retain.cli import person
from retain.person import erasure, proof

CUSTOMERS = "id,email,phone,card,changed\n"
ORDERS = "id,customer,at,amount,currency,changed,note\n"
PHONE = "+37495112233"


@pytest.fixture
def card_shop(shop):
    shop.configure("phone: phone, changed_at", "phone: phone, loyalty_card: card, changed_at")
    return shop


def put(shop, customers, orders):
    shop.write("customers-1.csv", CUSTOMERS + "".join(f"{line},2025-01-01\n" for line in customers))
    shop.write("orders-1.csv", ORDERS + "".join(f"{line}\n" for line in orders))
    shop.load()


def built(shop):
    transform.build(shop.settings, select="+dim_customers +identity_merges")


def test_amounts_orders_and_accounts_of_others_stay_as_they_were_sent(card_shop):
    shop = card_shop
    put(
        shop,
        [f"c1,a@x.am,{PHONE},150000", "150000,b@x.am,,CARD-2", "c3,d@x.am,,CARD-3"],
        [
            "o1,c1,2025-01-01,150000,EUR,,",
            "150000,c3,2025-01-02,7,EUR,,his own",
            f"o3,150000,2025-01-03,150000.00,EUR,,as a@x.am said; call {PHONE} and not 150000",
            "o4,c3,2025-01-04,150000,EUR,,",
        ],
    )
    built(shop)
    erasure.erase(shop.settings, "shop:c1", "as asked", "officer")
    assert shop.ask("select id, customer, amount, note from landing.shop__orders where id is not null order by at") == [
        ("150000", "c3", "7", "his own"),
        ("o3", "150000", "150000.00", "as erased said; call erased and not 150000"),
        ("o4", "c3", "150000", ""),
    ]
    assert shop.ask("select id, email, card from landing.shop__customers where id is not null order by 1") == [
        ("150000", "b@x.am", "CARD-2"),
        ("c3", "d@x.am", "CARD-3"),
    ]
    assert proof.prove(shop.settings, "150000").is_clean, "amounts and numbers of others are no card"
    assert proof.prove(shop.settings, "shop:c1").is_clean
    assert set(proof.prove(shop.settings, "shop:150000").tables) >= {
        "landing.shop__customers.customer_id",
        "landing.shop__orders.customer_id",
        "raw.orders.customer_id",
    }
    assert set(proof.prove(shop.settings, "card-2").tables) >= {
        "landing.shop__customers.loyalty_card",
        "raw.customers.loyalty_card",
        "intermediate.int_identities.loyalty_card",
    }
    assert shop.ask("select _kept::jsonb ->> 'gross_amount' from landing.shop__orders where id is null") == [
        ("150000",)
    ]
    assert all(one.rows_restored == 0 for one in replay.replay(shop.settings))
    assert shop.does_not_add_up() == []


def test_an_older_version_of_another_account_loses_what_was_hers_by_its_kind_alone(card_shop):
    shop = card_shop
    shop.write("customers-1.csv", f"{CUSTOMERS}c2,a@x.am,,150000,2024-01-01\nc3,c3@x.am,150000,CARD-3,2024-01-01\n")
    shop.load()
    shop.write(
        "customers-2.csv",
        f"{CUSTOMERS}c1,a@x.am,,150000,2025-01-01\nc2,c2@x.am,,CARD-2,2025-01-01\nc3,c3@x.am,,150000-3,2025-01-01\n",
    )
    shop.load()
    built(shop)
    erasure.erase(shop.settings, "shop:c1", "as asked", "officer")
    assert shop.ask("select email, phone, loyalty_card from history.customers order by customer_id") == [
        ("erased", None, None),
        ("c3@x.am", "150000", "CARD-3"),
    ]
    assert shop.ask(
        "select id, email, phone, card from landing.shop__customers where id is not null order by id, changed"
    ) == [
        ("c2", "erased", "", None),
        ("c2", "c2@x.am", "", "CARD-2"),
        ("c3", "c3@x.am", "150000", "CARD-3"),
        ("c3", "c3@x.am", "", "150000-3"),
    ]
    assert all(one.rows_restored == 0 for one in replay.replay(shop.settings))


def test_a_line_that_cannot_be_read_is_hers_when_it_says_so_and_not_by_a_number(card_shop):
    shop = card_shop
    put(
        shop,
        [f"c1,a@x.am,{PHONE},150000", "c2,b@x.am,,CARD-2"],
        ["o1,c1,2025-01-01,5,EUR,,", "o2,c2,2025-01-01,5,EUR,,", "150000,a@x.am", "150000,b@x.am"],
    )
    built(shop)
    erasure.erase(shop.settings, "shop:c1", "as asked", "officer")
    assert shop.ask("select id, customer from landing.shop__orders where _problem is not null order by 2") == [
        ("150000", "b@x.am"),
        ("erased", "erased"),
    ]


def test_a_card_that_is_the_size_of_a_file_is_no_reason_not_to_erase(card_shop):
    shop = card_shop
    filler = f"o1,c1,2025-01-01,5,EUR,,{'x' * 12000}"
    size = len(ORDERS) + len(filler) + 1
    put(shop, [f"c1,a@x.am,{PHONE},{size}", "c2,b@x.am,,CARD-2"], [filler])
    (state,) = shop.ask("select state::text from ops.cursors where entity = 'orders'")[0]
    assert f"{size}" in state
    built(shop)
    erasure.erase(shop.settings, "shop:c1", "as asked", "officer")
    assert shop.ask("select state::text from ops.cursors where entity = 'orders'") == [(state,)]
    assert [one.rows_sent for one in shop.load()] == [0, 0], "no file is read again"


def test_sentences_that_name_her_as_retain_writes_them_name_her_no_more(card_shop):
    shop = card_shop
    put(shop, ["42,a@x.am,,150000", "w1001,a@x.am,,", "43,b@x.am,,CARD-2"], ["o1,42,2025-01-01,5,EUR,,"])
    built(shop)
    shop.do(
        "update ops.loads set message = '42 customers of 420 are there, and no load brought them: 41, 42, w1001. "
        "shop:w1001 gave card 150000, 150000 rows; loyalty_card:150000' where entity = 'customers'"
    )
    shop.do(
        "update ops.validation_results set message = '42 rows fail: a@x.am', observed = "
        """'{"keys": ["42", "w1001", "43"], "42": 42, "rows": 150000, "text": "150000"}'"""
        " where expectation = 'readable' and load_id = (select load_id from ops.loads where entity = 'customers')"
    )
    erasure.erase(shop.settings, "shop:42", "as asked", "officer")
    assert shop.ask("select message from ops.loads where entity = 'customers'") == [
        (
            "42 customers of 420 are there, and no load brought them: 41, erased, erased. "
            "erased gave card erased, 150000 rows; loyalty_card:erased",
        )
    ]
    assert shop.ask(
        "select one.message, observed from ops.validation_results as one join ops.loads using (load_id) "
        "where entity = 'customers' and expectation = 'readable'"
    ) == [
        (
            "42 rows fail: erased",
            {"keys": ["erased", "erased", "43"], "42": 42, "rows": 150000, "text": "150000"},
        )
    ]


def test_an_account_whose_number_is_no_regular_expression_can_be_erased(card_shop):
    shop = card_shop
    put(shop, ["+12,a@x.am,,CARD-1", "12,b@x.am,,CARD-2"], ["o1,+12,2025-01-01,5,EUR,,", "o2,12,2025-01-01,5,EUR,,"])
    built(shop)
    erasure.erase(shop.settings, "shop:+12", "as asked", "officer")
    assert shop.ask("select id from landing.shop__customers where id is not null") == [("12",)]
    assert shop.ask("select count(*) from raw.customers where customer_id = '+12'") == [(0,)]


def test_reasons_typed_by_hand_about_her_are_gone_whole_and_those_about_others_stay(card_shop, capsys):
    shop = card_shop
    put(
        shop,
        ["c1,a@x.am,,", "c2,b@x.am,,", "c3,d@x.am,,", "c4,e@x.am,,"],
        ["o1,c1,2025-01-01,5,EUR,,", "o2,c3,2025-01-01,5,EUR,,"],
    )
    built(shop)
    about_her = identity.join(shop.settings, ["shop:c1", "shop:c2"], "Sara Rostami phoned", "anahit")
    identity.revert(shop.settings, about_her, "Sara Rostami wrote (a@x.am)", "anahit")
    identity.join(shop.settings, ["shop:c3", "shop:c4"], "one household; see b@x.am, not a@x.am", "anahit")
    person.erase(shop.settings.path, "shop:c1", "as asked", is_agreed=True)
    assert "2 reasons given by hand for decisions about this person" in capsys.readouterr().out
    assert shop.ask("select reason, reverted_because, decided_by from ops.identity_decisions order by 1") == [
        ("erased", "erased", "anahit"),
        ("one household; see b@x.am, not erased", None, "anahit"),
    ]
    with pytest.raises(psycopg.errors.RaiseException, match="is a record"):
        shop.do("update ops.identity_decisions set reason = 'none'")


def test_who_came_back_and_is_erased_again_does_not_become_one_with_whom_they_had_been(shop):
    shop.configure("phone: phone, changed_at", "phone: phone, registered_at: since, changed_at")
    shop.configure("customer_id: customer, ordered_at", "customer_id: customer, email: mail, ordered_at")
    header, orders = "id,email,phone,since,changed\n", "id,customer,mail,at,amount,currency,changed\n"

    def come(number, moment):
        shop.write(f"customers-{number}.csv", f"{header}c{number},a@x.am,{PHONE},{moment},2025-01-01\n")
        shop.write(
            f"orders-{number}.csv",
            f"{orders}o{number},c{number},,{moment},{number}0,EUR,\ng{number},,a@x.am,{moment},{number},EUR,\n",
        )
        shop.load()
        built(shop)

    def customers():
        """The orders of each customer, by the identities that the build made one."""
        return shop.ask(
            "select array_agg(order_id order by order_id) from intermediate.int_orders group by customer_key order by 1"
        )

    come(1, "2024-01-01T00:00:00Z")
    erasure.erase(shop.settings, "a@x.am", "as asked", "officer")
    come(2, datetime.now(UTC).isoformat())
    apart = customers()
    assert apart == [(["g1", "o1"],), (["g2", "o2"],)]
    erasure.erase(shop.settings, "a@x.am", "as asked again", "officer")
    assert proof.prove(shop.settings, "a@x.am").is_clean
    built(shop)
    assert customers() == apart
    emails = shop.ask(
        "select customer_id, email, phone from raw.customers union all select order_id, email, phone from raw.orders"
    )
    assert len({email for _, email, _ in emails if email}) == 2
    assert [one.rows_changed for one in shop.load(full=True)] == [0, 0], "each gets the pseudonyms of its time"
    assert proof.prove(shop.settings, PHONE).is_clean
    assert all(one.rows_restored == 0 for one in replay.replay(shop.settings))
    built(shop)
    assert customers() == apart
