"""Whom the shop may write to, and how: the candidates of the build, and the list of the moment at which it is asked for."""

import os
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from conftest import CONFIG, Built
from small_shop import ACTIVE_DAYS, AS_OF, make_shop, write_shop

from retain import transform, warehouse
from retain.config import load_settings
from retain.roles import MARKETER
from retain.warehouse import connect

EVENT = {"source": "mail", "channel": "email", "_load_id": 1}
NO = "2025-01-20 12:00+00"  # when they unsubscribed or complained; in the shop they are all said to accept
JOIN_BY_CARD_AND_EMAIL = "identity: {rules: [loyalty_card, email]}\n"

# Accounts, by the name of who is asked about: all of them bought four times, are lapsed, and accept unless they say otherwise.
ACCOUNTS: dict[str, dict[str, Any]] = {
    "plain": {"email": "plain@x.am"},
    "unsubscribed": {"email": "unsubscribed@x.am"},
    "complained": {"email": "complained@x.am"},
    "named": {"email": "named@x.am", "phone": "0930001"},
    "sibling": {"email": "sibling@x.am"},
    "card": {"email": "card@x.am", "loyalty_card": "C-77"},
    "numbered": {"email": "numbered@x.am", "phone": "0930002"},
    "touched": {"email": "touched@x.am", "changed_at": "2025-02-05 00:00+00"},
    "again": {"email": "again@x.am", "changed_at": "2025-02-05 00:00+00", "_load_id": 2},
    "later": {"email": "later@x.am"},
    "opened": {"email": "opened@x.am"},
    # two people with two cards, and an address or a number of both
    "family": {"email": "family@x.am", "loyalty_card": "F1"},
    "refuses": {"email": "Family@x.am", "loyalty_card": "F2", "accepts_marketing": False},
    "half": {"email": "half@gmail.com", "phone": "0930003", "loyalty_card": "F3"},
    "refuses too": {"email": "h.alf+2@gmail.com", "loyalty_card": "F4", "accepts_marketing": False},
    "flat": {"email": "flat@x.am", "phone": "0930004"},
    "refuses calls": {"phone": "0930004", "accepts_marketing": False},
    "home": {"email": "home@x.am", "loyalty_card": "F5"},
    "left home": {"email": "home@x.am", "loyalty_card": "F6", "accepts_marketing": False, "is_closed": True},
    # two records that their source made one, the one that is gone changed last; and a yes that is gone with its record
    "keep": {"email": "keep@x.am", "changed_at": "2024-04-01 00:00+00"},
    "gone": {"email": "gone@x.am", "merged_into": "keep", "changed_at": "2025-01-01 00:00+00"},
    "says nothing": {"accepts_marketing": None, "merged_ids": "other;said yes"},
    "said yes": {"email": "yes@x.am"},
    # what is no address, or not one, and one with marks that nobody sees
    "two addresses": {"email": "one@x.am, two@x.am"},
    "blank": {"email": "bl ank@x.am"},
    "no name": {"email": "@x.am"},
    "comma": {"email": "comma@x.am,comma@y.am"},
    "but a number": {"email": "but a@x.am", "phone": "0930007"},
    "suffix": {"email": " Suffix+a b@gmail.com"},
    "mark": {"email": "\u200fMark@x.am\u200b "},
    # a number of which no rule asks, that more people gave than the limit allows
    **{f"desk {number}": {"email": f"desk{number}@x.am", "phone": "0930005"} for number in range(5)},
    **{f"shop {number}": {"email": f"shop{number}@x.am", "phone": "0930006"} for number in range(2)},
}
SENDS: list[dict[str, Any]] = [
    {"email": "Unsubscribed@x.am", "unsubscribed_at": NO},
    {"email": "complained@x.am", "complained_at": NO},
    {"customer_source": "web", "customer_id": "named", "unsubscribed_at": NO},
    {"message_id": "m", "unsubscribed_at": NO},
    {"message_id": "m", "email": "sibling@x.am"},
    {"loyalty_card": "c77", "unsubscribed_at": NO},
    {"phone": "0930002", "complained_at": NO},
    {"email": "touched@x.am", "unsubscribed_at": NO},
    {"email": "again@x.am", "unsubscribed_at": NO},
    {"email": "later@x.am", "unsubscribed_at": "2025-06-01 12:00+00"},
    {"email": "opened@x.am", "opened_at": NO},
]
WRITTEN_TO = {
    "plain": ("plain@x.am", None),
    "again": ("again@x.am", None),
    "opened": ("opened@x.am", None),
    "half": (None, "+98930003"),
    "flat": ("flat@x.am", None),
    "home": ("home@x.am", None),
    "keep": ("keep@x.am", None),
    "but a number": (None, "+98930007"),
    "suffix": ("suffix@gmail.com", None),
    "mark": ("Mark@x.am", None),
    **{f"desk {number}": (f"desk{number}@x.am", None) for number in range(5)},
    **{f"shop {number}": (f"shop{number}@x.am", "+98930006") for number in range(2)},
}


def fill(connection: psycopg.Connection[Any]) -> None:
    """The small shop, so that there is a usual purchase and a usual silence, and the accounts of above."""
    write_shop(connection, make_shop(), load_id=1)
    registered = {"registered_at": "2024-03-01 00:00+00", "accepts_marketing": True, "_load_id": 1}
    for name, said in ACCOUNTS.items():
        write(connection, "raw.customers", source="web", customer_id=name, full_name=name, **registered | said)
        if said.get("phone"):
            number = (said["phone"], "+98" + said["phone"][1:])
            connection.execute("insert into raw.phone_numbers values (%s, %s) on conflict do nothing", number)
        for month in (5, 7, 9, 11):
            write(connection, "raw.orders", source="web", order_id=f"{name}-{month}", customer_id=name, status="paid",
                  currency="USD", gross_amount=400, ordered_at=datetime(2024, month, 20, tzinfo=UTC), _load_id=1)  # fmt: skip
    for number, said in enumerate(SENDS):
        write(connection, "raw.sends", **EVENT, send_id=f"x{number}", happened_at="2025-01-19 12:00+00", **said)
    # the load of February brought a no, and the next one a yes
    for number, day in ((1, "2025-02-01"), (2, "2025-02-10")):
        connection.execute(
            "insert into ops.loads (load_id, source, entity, kind, status, started_at, published_at, code_version) "
            "overriding system value values (%s, 'web', 'customers', 'full', 'published', %s, %s, 'now')",
            (number, day, day),
        )
    refused = {"accepts_marketing": False, "changed_at": "2025-01-01 00:00+00", "_load_id": 1}
    write(connection, "history.customers", source="web", customer_id="again", is_deleted=False, **refused)


def write(connection: psycopg.Connection[Any], table: str, **row: Any) -> None:
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    connection.execute(f"insert into {table} ({names}) values ({marks})".encode(), list(row.values()))


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory) -> Built:
    database = f"dbt_{os.getpid()}_contacts"
    server.create_database(database)
    folder = tmp_path_factory.mktemp("contacts")
    text = CONFIG.format(as_of=AS_OF, active_days=ACTIVE_DAYS, **server.dsn(database))
    (folder / "retain.yml").write_text(JOIN_BY_CARD_AND_EMAIL + text)
    settings = load_settings(folder / "retain.yml")
    warehouse.prepare(settings)
    with connect(settings) as connection:
        fill(connection)
    transform.build(settings)
    return Built(settings)


def candidates(connection: psycopg.Connection[Any]) -> set[str]:
    """By name, those of the accounts of above that remain."""
    rows = connection.execute(
        "select customer_id from marts.win_back_candidates inner join intermediate.int_customer_identities "
        "using (customer_key) where source = 'web'"
    )
    return {name for (name,) in rows} & ACCOUNTS.keys() - {"gone"}


def listed(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """By name, the address and the number that the list gives of the accounts of above."""
    rows = connection.execute("select name, email, phone from outreach.win_back")
    return {name: (email, phone) for name, email, phone in rows if name in ACCOUNTS}


def test_who_took_their_yes_back_is_no_candidate_and_not_on_the_list_but_who_said_yes_again_is(shop):
    with connect(shop.settings) as connection:
        # what was said after the as-of day the build does not know, the list does
        assert candidates(connection) == WRITTEN_TO.keys() | {"later"}
        assert listed(connection) == WRITTEN_TO


def test_a_withdrawal_counts_from_its_day(shop):
    known = shop.ask(
        "select max(withdrawn_at) < '2025-03-13' from intermediate.int_withdrawals where identifier like '%x.am'"
    )
    assert known == [(True,)]


@pytest.mark.parametrize(
    "said",
    [
        {"email": "PLAIN@x.am\u200f", "unsubscribed_at": NO},
        {"customer_source": "web", "customer_id": "plain", "complained_at": NO},
        {"message_id": "m0", "unsubscribed_at": NO},
    ],
    ids=["by address", "by account", "by message"],
)
def test_who_unsubscribes_is_off_the_list_before_the_next_build_and_back_when_they_accept_again(shop, said):
    with connect(shop.settings) as connection:
        sent = {**EVENT, "message_id": "m0", "send_id": "sent", "happened_at": NO, "email": "plain@x.am"}
        write(connection, "raw.sends", **sent)
        assert "plain" in listed(connection)
        write(connection, "raw.sends", **EVENT, send_id="now", happened_at=NO, **said)
        assert "plain" not in listed(connection)
        account = "where source = 'web' and customer_id = 'plain'"
        changes = [
            ("changed_at = '2025-03-01', _load_id = 3", False),
            ("accepts_marketing = false, changed_at = '2025-03-02', _load_id = 4", False),
            ("accepts_marketing = true, changed_at = '2025-03-03', _load_id = 5", True),
        ]
        for change, is_listed in changes:
            connection.execute(f"update raw.customers set {change} {account}".encode())
            assert ("plain" in listed(connection)) is is_listed, change
        connection.rollback()


def test_an_address_that_anybody_refuses_from_now_on_is_not_given(shop):
    refuse = "update raw.customers set accepts_marketing = false, {} where customer_id = 'card'"
    with connect(shop.settings) as connection:
        connection.execute(refuse.format("phone = '0930003'").encode())
        assert "half" not in listed(connection), "neither the address nor the number is left"
        connection.execute(refuse.format("email = ' FLAT@x.am\u200b'").encode())
        assert "flat" not in listed(connection)
        connection.execute(refuse.format("is_closed = true").encode())
        assert "flat" in listed(connection)
        connection.rollback()


def test_who_was_merged_into_another_since_the_build_is_not_written_to_as_who_they_were(shop):
    merges = ("merged_into = 'keep' where customer_id = 'plain'", "merged_ids = 'x; plain ' where customer_id = 'keep'")
    with connect(shop.settings) as connection:
        for merge in merges:
            connection.execute(f"update raw.customers set {merge} and source = 'web'".encode())
            assert "plain" not in listed(connection), merge
            connection.rollback()


def test_an_address_that_is_none_from_now_on_is_not_given(shop):
    with connect(shop.settings) as connection:
        connection.execute("update raw.customers set email = 'one@x.am two@x.am' where customer_id = 'plain'")
        assert "plain" not in listed(connection)
        connection.rollback()


def test_a_view_that_a_migration_changes_is_made_anew_and_keeps_whom_it_was_granted_to(shop):
    may = "select has_table_privilege(%s, 'outreach.win_back', 'select'), pg_get_viewdef('outreach.win_back'::regclass)"
    marketer = MARKETER.login(warehouse.dsn(shop.settings)["dbname"])
    with connect(shop.settings) as connection:
        as_made = connection.execute(may, [marketer]).fetchone()
        assert as_made is not None
        assert as_made[0]
        columns = "name, email, phone, region, last_order_on, value_at_stake, currency, suggested_reason, as_of_on"
        connection.execute(
            f"create or replace view outreach.win_back as select customer_key, null::text as name, null::text as email, "
            f"null::text as phone, {columns.partition('phone, ')[2]} from outreach.win_back_list".encode()
        )
        connection.execute("comment on view outreach.win_back is null")
        connection.commit()
        warehouse.prepare(shop.settings)
        assert connection.execute(may, [marketer]).fetchone() == as_made
