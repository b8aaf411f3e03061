"""Each role of a warehouse can do its work and nothing else, whoever owns the warehouse."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from shop_in_files import SMALLEST

from retain import warehouse
from retain.config import load_settings
from retain.errors import UserError
from retain.roles import BI, FORECASTER, LOADER, MARKETER, ROLES, TRANSFORMER, Role

Denied = psycopg.errors.InsufficientPrivilege
PEOPLE = (BI, MARKETER)

CAN = [
    (LOADER, "insert into ops.settings values ('tried', 'by the loader')"),
    (LOADER, "create table landing.tried (a int); drop table landing.tried"),
    (LOADER, "truncate raw.orders; analyze raw.orders"),
    (TRANSFORMER, "select * from raw.orders, ops.loads, forecast.predictions"),
    (TRANSFORMER, "create table marts_next.tried (a int); alter table marts_next.tried set schema marts; drop table marts.tried"),
    (TRANSFORMER, "comment on schema marts_next is 'a run'"),
    (FORECASTER, "insert into forecast.models (model, version, as_of_on, purpose, customers, parameters, is_identified) "
                 "values ('m', 'v', '2025-01-01', 'current', 1, '{}', true)"),
    (FORECASTER, "create temporary table tried (a int)"),
    (FORECASTER, "select forecast.forget('2020-01-01', 365)"),
    (LOADER, "update raw.orders set gross_amount = 1"),  # its trigger writes to history
    (FORECASTER, "select * from marts.figures, intermediate.figures"),
    (BI, "select * from marts.figures"),
    (MARKETER, "select * from outreach.win_back"),
]  # fmt: skip
CANNOT = [
    (LOADER, "select * from forecast.predictions"),
    (LOADER, "select * from marts.figures"),
    (LOADER, "select * from outreach.win_back"),
    (LOADER, "create table ops.mine (a int)"),
    (LOADER, "delete from public.retain_migrations"),
    (TRANSFORMER, "select * from landing.orders"),
    (TRANSFORMER, "update raw.orders set gross_amount = 0"),
    (TRANSFORMER, "delete from ops.loads"),
    (TRANSFORMER, "delete from forecast.predictions"),
    (TRANSFORMER, "create schema mine"),
    (FORECASTER, "update forecast.models set is_identified = true"),
    (FORECASTER, "delete from forecast.predictions"),
    (FORECASTER, "select * from raw.customers"),
    (FORECASTER, "drop table marts.figures"),
    (FORECASTER, "select * from landing.orders"),
    *((role, f"select * from {table}") for role in PEOPLE for table in (
        "raw.customers", "landing.orders", "ops.quarantine", "forecast.predictions", "intermediate.figures",
        "public.retain_migrations")),
    (BI, "select * from outreach.win_back"),
    (MARKETER, "select * from outreach.win_back_list"),
    (MARKETER, "select * from outreach.win_back_accounts"),
    (MARKETER, "select * from history.customers"),
    (MARKETER, "select * from marts.figures"),
    *((role, "create table public.mine (a int)") for role in ROLES),
    *((role, "create temporary table mine (a int)") for role in PEOPLE),
    *((role, "create role other") for role in ROLES),
    *((role, "copy (select 1) to program 'true'") for role in ROLES),
]  # fmt: skip


def hand_over(server, database, config, rights: str) -> str:
    """Make the warehouse one of an owner with these rights, name it in retain.yml, and return it."""
    owner = f"{database['dbname']}_owner"
    with psycopg.connect(**server.dsn("postgres"), autocommit=True) as root:
        root.execute(sql.SQL("create role {} " + rights + " password 'of-the-owner'").format(sql.Identifier(owner)))
        root.execute(
            sql.SQL("alter database {} owner to {}").format(sql.Identifier(database["dbname"]), sql.Identifier(owner))
        )
    text = config.read_text().replace(f"{database['user']}:{database['password']}@", f"{owner}:of-the-owner@")
    config.write_text(text)
    return owner


@pytest.fixture(params=["superuser", "ordinary owner"])
def settings(request, write_config, database, server) -> Iterator:
    """A prepared warehouse with something in each schema, of an embedded server's owner or of one who may make roles only."""
    path = write_config(SMALLEST)
    if request.param == "ordinary owner":
        hand_over(server, database, path, "login createrole")
    made = load_settings(path)
    warehouse.prepare(made)
    with warehouse.connect(made, LOADER) as connection:
        connection.execute("create table landing.orders (a int)")
    with warehouse.connect(made, TRANSFORMER) as connection:
        for schema in ("marts_next", "intermediate"):
            connection.execute(sql.SQL("create table {} as select 42 as a").format(sql.Identifier(schema, "figures")))
        connection.execute("alter table marts_next.figures set schema marts")
    return made


def run(settings, role: Role, statement: str) -> None:
    """Run as the role, past the read-only default that a person could switch off, and take it back."""
    with warehouse.open_connection(warehouse.role_dsn(settings, role), autocommit=True) as connection:
        connection.execute("set default_transaction_read_only = off")
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())


def test_each_role_can_do_its_work_and_nothing_else(settings):
    for role, statement in CAN:
        run(settings, role, statement)
    for role, statement in CANNOT:
        try:
            run(settings, role, statement)
        except Denied:
            continue
        pytest.fail(f"{role.name} could: {statement}")


def test_a_role_of_people_reads_only_and_not_for_ever(settings):
    for role in PEOPLE:
        with warehouse.open_connection(warehouse.role_dsn(settings, role), autocommit=True) as connection:
            assert connection.execute("show default_transaction_read_only").fetchone() == ("on",)
            assert connection.execute("show statement_timeout").fetchone() == ("5min",)


def test_preparing_again_changes_nobody_and_a_lost_grant_comes_back(settings):
    with warehouse.connect(settings, TRANSFORMER) as connection:
        connection.execute(
            sql.SQL("revoke select on marts.figures from {}").format(sql.Identifier(BI.login(connection.info.dbname)))
        )
    with pytest.raises(Denied):
        run(settings, BI, "select * from marts.figures")
    warehouse.prepare(settings)
    run(settings, BI, "select * from marts.figures")


def test_the_password_of_retain_yml_is_the_one_of_bi_tools(settings):
    given = settings.model_copy(
        update={"warehouse": settings.warehouse.model_copy(update={"bi_password": SecretStr("given to Superset")})}
    )
    warehouse.prepare(given)
    assert warehouse.bi_dsn(given)["password"] == "given to Superset"
    run(given, BI, "select * from marts.figures")


def test_an_owner_who_may_not_make_roles_is_told_what_to_ask_for(write_config, database, server):
    path = write_config(SMALLEST)
    owner = hand_over(server, database, path, "login")
    settings = load_settings(path)
    with pytest.raises(UserError, match=f"alter role {owner} createrole"):
        warehouse.prepare(settings)
    with warehouse.connect(settings) as connection:  # nothing is half migrated
        assert connection.execute("select to_regclass('public.retain_migrations')").fetchone() == (None,)


def test_names_of_roles_fit_into_an_identifier_and_stay_apart():
    names = {role.login("w" * 63) for role in ROLES}
    assert len(names) == len(ROLES)
    assert max(map(len, names)) <= 63
    assert BI.login("retain") == "retain_bi"
