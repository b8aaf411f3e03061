"""The win-back list holds contact data of who agreed to it, and nobody reads it without being granted it."""

import csv
import stat

import psycopg
import pytest

from retain import outreach
from retain.warehouse import bi_dsn, connect


@pytest.mark.parametrize("relation", ["win_back", "win_back_list", "win_back_accounts"])
def test_the_role_of_bi_tools_cannot_read_it(from_everything, relation):
    with (
        psycopg.connect(**bi_dsn(from_everything.settings)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"select * from outreach.{relation}".encode())


def test_everybody_on_it_is_a_candidate_who_consented_and_is_reached_where_they_said(from_everything):
    listed = from_everything.ask("select customer_key, email, phone from outreach.win_back")
    assert len(listed) > 3
    candidates = {key for (key,) in from_everything.ask("select customer_key from marts.win_back_candidates")}
    assert {key for key, _, _ in listed} <= candidates
    consents = {}
    places = {}
    for key, consent, email, phone in from_everything.ask(
        "select customer_key, accepts_marketing, trim(customers.email), e164 from intermediate.int_customer_identities "
        "inner join raw.customers using (source, customer_id) left join raw.phone_numbers using (phone)"
    ):
        consents.setdefault(key, set()).add(consent)
        places.setdefault(key, set()).add((email, phone))
    for key, email, phone in listed:
        assert True in consents[key]
        assert False not in consents[key]
        assert email or phone
        assert any(email in (None, one) and phone in (None, other) for one, other in places[key])
        assert email != "desk@example.com", "the till's own address reaches nobody"


def test_who_refuses_or_leaves_is_off_the_list_before_the_next_build(from_everything):
    closed = ("is_closed = true", "is_closed = null, closed_at = now()")
    changes = ("accepts_marketing = false", *closed, "is_deleted = true", "accepts_marketing = null")
    with connect(from_everything.settings) as connection:
        for change in changes:
            first = connection.execute("select customer_key from outreach.win_back order by 1 limit 1").fetchone()
            connection.execute(
                f"update raw.customers set {change} where (source, customer_id) in "
                "(select source, customer_id from outreach.win_back_accounts where customer_key = %s)".encode(),
                first,
            )
            gone = connection.execute("select 1 from outreach.win_back where customer_key = %s", first).fetchone()
            assert gone is None, change
        connection.rollback()


def test_the_file_for_a_marketer_is_its_owners_alone_and_no_name_in_it_is_a_formula(from_everything, tmp_path):
    target = tmp_path / "list.csv"
    target.write_text("an older list")
    target.chmod(0o644)
    written = outreach.write_win_back(from_everything.settings, target, "csv")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    rows = list(csv.DictReader(target.open(encoding="utf-8")))
    assert len(rows) == written.customers == from_everything.ask("select count(*) from outreach.win_back")[0][0]
    assert sorted(rows, key=lambda row: -float(row["value_at_stake"])) == rows
    assert all(row["phone"].startswith("+") or not row["phone"] for row in rows)
    assert outreach.harmless("name", "=1+1") == "'=1+1"
