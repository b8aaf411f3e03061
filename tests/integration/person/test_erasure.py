"""One person in every layer of a shop: exported, erased, looked for everywhere, and sent again by sources that still have them."""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from person_shop import ANNA, CROWDED
from psycopg import sql

from retain import outreach, replay
from retain.doctor import of_the_erasures
from retain.errors import Refused, UserError
from retain.person import erasure, export, proof, searching
from retain.person.identifiers import CARD, EMAIL, normal

LAYERS = ("landing", "raw", "history", "ops", "intermediate", "marts", "forecast", "outreach")
# What a mart says of one customer: the key and the names of identities; of the log of joinings what it shows of an identifier.
OF_A_PERSON = {
    "order_id",
    "source_id",
    "joined_to_source_id",
    "identifier_masked",
    "example_source_id",
    "reason",
    "place",
}
OF_LOADS = {"load_health", "load_history", "validation_results"}  # another load is another row


def found(shop):
    with erasure.looking(shop.settings) as connection:
        return searching.in_tables(connection, ANNA), searching.files_naming(
            shop.settings, searching.Names(tuple(ANNA))
        )


def marts_of(shop):
    """Every cell of every mart but keys and names of identities, in an order of its own."""
    marts = {}
    for (table,) in shop.ask("select tablename from pg_tables where schemaname = 'marts'"):
        if table == "win_back_candidates":
            continue
        columns = [
            name
            for name, kind in shop.ask(
                "select attname::text, format_type(atttypid, null) from pg_attribute where attrelid = %s::regclass and attnum > 0 "
                "and not attisdropped order by attnum",
                f"marts.{table}",
            )
            if kind not in ("uuid", "text[]") and name not in OF_A_PERSON
        ]
        query = sql.SQL("select row({})::text from {} order by 1").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier("marts", table)
        )
        marts[table] = shop.ask(query.as_string(None))
    return marts


@pytest.fixture(scope="module")
def before(shop):
    """What there is before she is erased: where she stands, every mart, what is said of her, and her key."""
    outreach.write_win_back(shop.settings, None, "csv")
    log = shop.settings.state_folder / "logs" / "some.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("a line about anna.petrosyan@example.com\n")
    key = shop.ask("select customer_key from intermediate.int_customer_identities where source_id = 'web:w1001'")[0][0]
    path, rows = export.export(shop.settings, "Anna.Petrosyan@example.com", shop.folder / "anna.json")
    return {"found": found(shop), "marts": marts_of(shop), "key": key, "path": path, "rows": rows,
            "listed": shop.ask("select 1 from outreach.win_back where customer_key = %s", key),
            "predicted": shop.ask("select count(*) from forecast.predictions")[0][0]}  # fmt: skip


@pytest.fixture(scope="module")
def erased(shop, before):
    return erasure.erase(shop.settings, "095112233", "as asked in writing", "officer")


def test_the_export_holds_every_layer_and_is_its_owners_alone(before):
    assert stat.S_IMODE(before["path"].stat().st_mode) == 0o600
    document = json.loads(before["path"].read_text())
    assert {"web:w1001", "web:w1003", "web:w1004", "till:m5001"} <= set(document["identities"])
    assert (
        len(document["identities"]) == 6
    )  # the account, two that are part of it, the card, and a guest by e-mail and by card
    assert {table.split(".")[0] for table in document["tables"]} >= {
        "landing",
        "raw",
        "history",
        "ops",
        "marts",
        "forecast",
    }
    sent = [row["mail"] for row in document["tables"]["landing.web__customers"]]
    assert set(sent) == {"anna.old@example.com", "Anna.Petrosyan@Example.com", ""}
    wrote = {row["words"] for row in document["tables"]["landing.desk__tickets"]}
    assert wrote == {"I am Anna Petrosyan", "Anna Petrosyan here", "Anna Petrosyan, who was Anna"}
    assert [row["entry_id"] for row in document["tables"]["raw.loyalty_entries"]] == ["e1"]
    assert {row["record_key"] for row in document["tables"]["ops.quarantine"]} == {"w1002", "o-bad", "o-bad/1", "t5"}
    assert not any("person7" in json.dumps(rows) for rows in document["tables"].values())


def test_who_is_not_meant_clearly_is_told_and_nothing_is_done(shop, before):
    for name, said in (
        ("nobody@example.com", "no such customer"),
        ("00000000-0000-0000-0000-000000000000", "no such customer"),
        (CROWDED, "identifier of 6 customers"),
    ):
        for ask in (
            lambda name=name: erasure.erase(shop.settings, name, "why"),
            lambda name=name: export.export(shop.settings, name, None),
        ):
            with pytest.raises(UserError, match=said) as raised:
                ask()
            assert "nobody@" not in str(raised.value)
    for reason, said in ((" ", "needs a reason"), ("ANNA.petrosyan@example.com asked", "names the person")):
        with pytest.raises(UserError, match=said):
            erasure.erase(shop.settings, "web:w1001", reason)
    assert shop.ask("select count(*) from ops.erasures") == [(0,)]
    assert found(shop) == before["found"]


def test_without_a_terminal_and_without_yes_nothing_is_erased(shop, before):
    command = [
        sys.executable,
        "-m",
        "retain",
        "person",
        "erase",
        "web:w1001",
        "--reason",
        "why",
        "-c",
        str(shop.settings.path),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.returncode == 2, done.stderr
    assert "--yes" in done.stderr
    assert shop.ask("select count(*) from ops.erasures") == [(0,)]


def test_nothing_of_her_is_left_in_any_table_or_file(shop, before, erased):
    tables, files = before["found"]
    assert {place.split(".")[0] for place in tables} >= {"landing", "raw", "history", "ops", "intermediate", "marts"}
    assert before["listed"], "she was on the list of those to win back"
    assert {path.name for path in files} == {"win_back.csv", "some.log"}
    assert found(shop) == ({}, [])
    assert "erased" in (shop.settings.state_folder / "logs" / "some.log").read_text()
    key = str(before["key"])
    with erasure.looking(shop.settings) as connection:
        assert searching.in_tables(connection, [key]) == {}
    for table in ("forecast.predictions", "forecast.reasons", "marts.dim_customers", "outreach.win_back_list"):
        assert shop.ask(f"select 1 from {table} where customer_key = %s", before["key"]) == []
    assert proof.prove(shop.settings, "Anna.Petrosyan@example.com").is_clean
    assert proof.prove(shop.settings, "web:w1001").erased_at is not None


def test_what_she_wrote_answered_earned_and_looked_at_stays_without_her(shop, before, erased):
    hers = {
        "fct_tickets": ["t1", "t2"],
        "fct_feedback": ["f1"],
        "fct_loyalty_entries": ["e1"],
        "fct_payments": ["p1", "p2", "p3"],
        "fct_sends": ["s1"],
        "fct_visits": ["v"],
    }
    (key,) = shop.ask("select distinct customer_key from ops.erased_identities")[0]
    for mart, names in hers.items():
        name = {"fct_tickets": "ticket_id", "fct_feedback": "feedback_id", "fct_loyalty_entries": "entry_id",
                "fct_payments": "payment_id", "fct_sends": "message_id", "fct_visits": "visit_id"}[mart]  # fmt: skip
        assert [
            row[0] for row in shop.ask(f"select {name} from marts.{mart} where customer_key = %s order by 1", key)
        ] == names
    assert shop.ask("select email from raw.tickets where ticket_id in ('t3', 't4') order by 1") == [
        ("person7@example.com",),
        ("stranger@example.com",),
    ]
    assert shop.ask(
        "select count(*) from raw.tickets where ticket_id in ('t1', 't2') and coalesce(email, phone) like 'erased-%'"
    ) == [(2,)]
    assert shop.ask("select count(*) from landing.desk__tickets where words is not null") == [(2,)]
    assert shop.ask(
        "select payment_id, order_id, email from raw.payments where payment_id in ('p1', 'p4') order by 1"
    ) == [
        ("p1", "o-last", None),
        ("p4", "person7@example.com-3", "person7@example.com"),
    ]
    # paid by another, for an order whose number is made of her address: nobody knows either any more
    assert shop.ask(
        "select email is null, order_id like '%erased%', is_order_known, order_id = (select order_id from marts.fct_orders as "
        "orders where orders.order_key = payments.order_key) from marts.fct_payments as payments "
        "join raw.payments as paid using (source, payment_id, order_id) where payment_id = 'p2'"
    ) == [(True, True, True, True)]
    assert shop.ask("select count(*) from landing.desk__payments where payer is not null") == [(1,)]


def test_what_proves_it_says_nothing_of_her_and_cannot_be_changed(shop, erased):
    (record,) = proof.records(shop.settings)
    assert (record.erased_by, record.reason, record.accounts) == ("officer", "as asked in writing", 4)
    assert record.identifiers["removed"]["email"] == 2  # the one that she has and the one that she had
    assert record.rows_touched["landing.web__customers"] == 6
    assert shop.ask("select marts_before = marts_after from ops.erasures") == [(True,)]
    for statement in ("delete from ops.erasures", "update ops.erasures set reason = 'none'"):
        with pytest.raises(psycopg.errors.RaiseException, match="is a record"):
            shop.ask(statement)


def test_no_figure_changes_neither_at_once_nor_by_a_build(shop, before, erased):
    assert marts_of(shop) == before["marts"]
    shop.build()
    assert marts_of(shop) == before["marts"]
    assert shop.ask("select count(*) from forecast.predictions") == [(before["predicted"],)]
    assert shop.ask(
        "select count(*) from forecast.predictions where customer_key not in (select customer_key from marts.dim_customers)"
    ) == [(0,)]
    assert shop.ask("select count(*) from outreach.win_back where email like '%erased%'") == [(0,)]


def test_sources_that_send_her_again_do_not_bring_her_back(shop, before, erased):
    outcomes = shop.load(full=True)
    assert all(one.rows_changed == 0 for one in outcomes)
    assert [one.entity for one in outcomes if any("people who were erased" in warning for warning in one.warnings)] == [
        "customers", "customers", "orders", "orders", "order_items", "returns", "tickets", "feedback", "loyalty_entries", "payments",
        "sends", "visits"]  # fmt: skip
    assert found(shop) == ({}, [])
    assert shop.differences() == []
    with psycopg.connect(**_dsn(shop), autocommit=True) as connection:
        (told,) = of_the_erasures(connection, shop.settings)
    assert told.state == "warning"
    assert "web.customers" in told.sentence
    assert all(one.rows_restored == 0 for one in replay.replay(shop.settings))
    assert found(shop) == ({}, [])
    shop.build()
    marts = marts_of(shop)
    assert {table for table in marts if marts[table] != before["marts"][table]} <= OF_LOADS


def test_what_she_buys_under_the_same_account_is_hers_without_a_name(shop, before, erased):
    shop.write(
        "till",
        "till-2.csv",
        "card_or_mail,receipt,at,total,note",
        [("CARD-77 001", "99", "2024-10-01T12:00:00Z", "5.00", "Anna Petrosyan")],
    )
    shop.load()
    assert found(shop) == ({}, [])
    assert shop.differences() == []
    shop.build()
    rows = shop.ask("select customer_key from marts.fct_orders where source = 'till' and gross_amount = 5.00")
    assert rows == shop.ask("select distinct customer_key from ops.erased_identities")


def test_an_account_that_hers_was_merged_into_afterwards_is_hers_too(shop, before, erased):
    new = (
        "w2001",
        "",
        "",
        "Anna Petrosyan",
        "",
        "",
        "",
        "true",
        "2026-01-01T08:00:00Z",
        "2026-01-01T08:00:00Z",
        "",
        "w1001",
    )
    shop.customers(more=(new,))
    shop.load()
    assert found(shop) == ({}, [])
    assert shop.ask("select 1 from raw.customers where customer_id = 'w2001'") == []
    assert shop.ask(
        "select count(*) from raw.customers where merged_ids in (select customer_id from raw.customers) and customer_id like 'erased-%'"
    ) == [(1,)]
    assert shop.differences() == []
    shop.customers()
    shop.load()


def test_she_cannot_be_erased_or_exported_twice(shop, before, erased):
    for name in ("web:w1001", "till:m5001", "anna.petrosyan@example.com", "CARD77001", "+37495112233"):
        with pytest.raises(UserError, match="was erased on"):
            erasure.erase(shop.settings, name, "again")
    key = shop.ask("select distinct customer_key::text from ops.erased_identities")[0][0]
    with pytest.raises(UserError, match="somebody who was erased"):
        export.export(shop.settings, key, None)


def test_with_another_key_nothing_is_loaded(shop, erased):
    secrets = shop.settings.state_folder / "secrets.json"
    kept = secrets.read_text()
    secrets.write_text(json.dumps({**json.loads(kept), "erasure_key": "another"}))
    try:
        shop.write(
            "till",
            "till-3.csv",
            "card_or_mail,receipt,at,total,note",
            [("CARD9", "98", "2024-10-01T12:00:00Z", "5.00", "")],
        )
        with pytest.raises(AssertionError, match="The key of the erasures"):
            shop.load()
        with psycopg.connect(**_dsn(shop), autocommit=True) as connection:
            assert [one.state for one in of_the_erasures(connection, shop.settings)] == ["wrong"]
        with pytest.raises(Refused, match="The key of the erasures"):
            proof.prove(shop.settings, "web:w1001")
    finally:
        secrets.write_text(kept)
    shop.load()


def test_who_comes_back_later_is_a_new_customer(shop, erased):
    since = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    shop.write(
        "till",
        "cards-2.csv",
        "member,mobile,card,holder,since",
        [("m6001", "095112233", "NEW-1", "Anna Petrosyan", since)],
    )
    shop.load()
    assert shop.ask("select phone, full_name from raw.customers where customer_id = 'm6001'") == [
        ("095112233", "Anna Petrosyan")
    ]


def test_a_number_that_too_many_people_gave_is_nobodys_and_stays(shop, erased):
    done = erasure.erase(shop.settings, "web:w11", "as asked")
    assert (done.left, done.shared) == (1, 0)
    assert shop.ask("select count(*) from raw.customers where phone = %s", CROWDED) == [(6,)]
    assert shop.ask(
        "select count(*) from raw.customers where customer_id = 'w11' or email = 'person11@example.com'"
    ) == [(0,)]


def test_identifiers_are_compared_here_as_the_models_compare_them(shop):
    for kind in (EMAIL, CARD):
        column = sql.SQL("known.{}").format(sql.Identifier(kind))
        query = sql.SQL(
            "select {ours}, staged.{kind} from raw.customers as known join staging.stg_mapped__customers as staged "
            "using (source, customer_id) where {column} is not null"
        ).format(ours=normal(kind, column, shop.settings, sql.Literal("")), kind=sql.Identifier(kind), column=column)
        rows = shop.ask(query.as_string(None))
        assert rows
        assert all(ours == theirs for ours, theirs in rows)
    assert shop.ask("select email from staging.stg_mapped__customers where customer_id = 'w1'") == [
        ("person@gmail.com",)
    ]


def _dsn(shop):
    from retain.warehouse import dsn

    return dsn(shop.settings)
