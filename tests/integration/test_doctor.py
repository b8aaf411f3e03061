"""`retain doctor` finds nothing wrong where nothing is, and each thing that is, with what to do."""

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from retain import doctor, warehouse
from retain.doctor import examine
from retain.roles import BI, FORECASTER, LOADER


@pytest.fixture(autouse=True)
def strong_password_of_the_owner(monkeypatch):
    """The test server's own password may be any; what is said of weak ones has a test of its own."""
    monkeypatch.setattr(doctor.passwords, "weakness", lambda name, value: "is weak" if value == "weak" else None)


@pytest.fixture
def shop(shop):
    shop.write("orders-1.csv", "id,customer,at,amount,currency,changed\no1,c1,2025-01-02,7,EUR,2025-02-01\n")
    return shop


def wrong(settings):
    return {(one.subject, one.sentence): one.to_do for one in examine(settings) if one.state == "wrong"}


def test_a_sound_warehouse_has_nothing_wrong(shop):
    findings = list(examine(shop.settings))
    assert {one.state for one in findings} <= {"good", "warning"}
    assert wrong(shop.settings) == {}
    subjects = {one.subject for one in findings}
    assert {"Python", "disk", "secrets", "server", "clocks", "connections", "migrations", "source shop"} <= subjects


def test_what_a_role_may_too_much_or_too_little_is_named_with_the_statement_that_mends_it(shop):
    with warehouse.connect(shop.settings) as connection:
        dbname = connection.info.dbname
        bi, forecaster = BI.login(dbname), FORECASTER.login(dbname)
        connection.execute(sql.SQL("grant select on raw.customers to {}").format(sql.Identifier(bi)))
        connection.execute(sql.SQL("revoke insert on forecast.models from {}").format(sql.Identifier(forecaster)))
    found = wrong(shop.settings)
    assert found == {
        (f"role {bi}", "may select raw.customers, and should not"): f"revoke select on raw.customers from {bi}",
        (f"role {forecaster}", "may not insert forecast.models"): "retain prepare",
    }
    with warehouse.connect(shop.settings) as connection:
        connection.execute(found[(f"role {bi}", "may select raw.customers, and should not")].encode())
    warehouse.prepare(shop.settings)
    assert wrong(shop.settings) == {}


def test_a_role_that_is_gone_or_not_let_in_or_too_mighty_is_named(shop, server):
    dbname = warehouse.dsn(shop.settings)["dbname"]
    loader, bi = LOADER.login(dbname), BI.login(dbname)
    with psycopg.connect(**server.dsn("postgres"), autocommit=True) as root:
        root.execute(sql.SQL("alter role {} password 'another'").format(sql.Identifier(bi)))
        root.execute(sql.SQL("alter role {} createdb").format(sql.Identifier(loader)))
    found = wrong(shop.settings)
    assert found[(f"role {loader}", "may do more to the server than Retain gave it")].startswith(
        f"alter role {loader} "
    )
    assert any(subject == f"role {bi}" and "is not let in" in sentence for subject, sentence in found)
    assert "another" not in str(found)


def test_a_warehouse_that_is_behind_or_ahead_is_told(shop):
    with warehouse.connect(shop.settings) as connection:
        connection.execute("delete from public.retain_migrations where version = 7")
    assert wrong(shop.settings)[("migrations", "missing: 7")] == "retain prepare"
    with warehouse.connect(shop.settings) as connection:
        connection.execute("insert into public.retain_migrations (version) values (9999)")
    assert any("9999" in sentence for _, sentence in wrong(shop.settings))


def test_weak_secrets_and_open_files_are_told_and_never_shown(shop):
    given = shop.settings.model_copy(
        update={"warehouse": shop.settings.warehouse.model_copy(update={"bi_password": SecretStr("weak")})}
    )
    warehouse.prepare(given)
    kept = given.state_folder / "secrets.json"
    kept.chmod(0o644)
    found = wrong(given)
    assert found == {
        ("secrets", f"others can read {kept}"): f"chmod 600 {kept}",
        ("secrets", "warehouse.bi_password is weak"): "`bin/retain secrets` makes strong ones for .env.",
    }


def test_a_source_that_is_gone_and_a_server_that_does_not_answer_leave_the_other_checks_their_word(shop):
    (shop.settings.path.parent / "files").rename(shop.settings.path.parent / "elsewhere")
    url = SecretStr("postgresql://u:tellnobody@127.0.0.1:1/w")
    away = shop.settings.model_copy(update={"warehouse": shop.settings.warehouse.model_copy(update={"url": url})})
    found = wrong(away)
    assert {subject for subject, _ in found} == {"warehouse", "source shop"}
    assert "tellnobody" not in str(found)


def test_a_full_disk_and_a_clock_that_is_off_are_told(shop, monkeypatch):
    usage = type("Usage", (), {"free": 100_000_000})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage)
    ask = doctor._one
    monkeypatch.setattr(
        doctor,
        "_one",
        lambda connection, query: ask(connection, query.replace("clock_timestamp()", "now() - interval '1 hour'")),
    )
    found = wrong(shop.settings)
    assert {subject for subject, _ in found} == {"disk", "clocks"}
    assert "time server" in " ".join(found.values())
