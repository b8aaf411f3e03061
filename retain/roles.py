"""The logins of a warehouse, each with what its work needs and nothing more; made and mended whenever the warehouse is prepared."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.errors import UserError
from retain.state_folder import secret

LONGEST_NAME = 63  # bytes of an identifier
READ, APPEND, WRITE = "select", "select, insert", "select, insert, update, delete"


@dataclass(frozen=True)
class Role:
    """One login. In the schemas it `owns` it may make and drop tables; of `sees` it reads these relations only, not their
    schema. A person's role only reads, and not for ever."""

    name: str
    purpose: str
    owns: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    appends: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    is_of_people: bool = False

    def login(self, dbname: str) -> str:
        """Its name in a database: retain_loader in the database retain. Roles belong to a server, so two warehouses have two."""
        return f"{dbname[: LONGEST_NAME - len(self.name) - 1]}_{self.name}"

    @property
    def grants(self) -> dict[str, str]:
        """Schema to the privileges on all of its tables, for those of others."""
        kinds = ((self.reads, READ), (self.appends, APPEND), (self.writes, WRITE))
        return {schema: privileges for schemas, privileges in kinds for schema in schemas}

    def may(self, schema: str, table: str) -> str:
        """The privileges it is granted on a table that is not its own, with commas between; none is an empty text."""
        return READ if f"{schema}.{table}" in self.sees else self.grants.get(schema, "")


LOADER = Role("loader", "lands, judges and publishes", owns=("landing", "gate", "raw", "history"), writes=("ops",))
TRANSFORMER = Role(
    "transformer",
    "builds the marts with dbt",
    owns=("staging", "intermediate", "marts_next", "marts", "outreach"),
    reads=("raw", "history", "ops", "forecast"),
)
FORECASTER = Role(
    "forecaster",
    "fits, scores and grades; the ledger can be added to and not changed",
    appends=("forecast",),
    reads=("staging", "intermediate", "marts"),
)
BI = Role("bi", "reads the marts, for BI tools", reads=("marts",), is_of_people=True)
MARKETER = Role("marketer", "reads whom to write to", sees=("outreach.win_back",), is_of_people=True)
ROLES = (LOADER, TRANSFORMER, FORECASTER, BI, MARKETER)
# All that a warehouse holds: what nobody reads or writes is not there.
SCHEMAS = tuple(sorted({schema for role in ROLES for schema in (*role.owns, *role.grants)}))


def password(settings: Settings, role: Role) -> str:
    """The password of a role: the one of retain.yml for BI tools, where it has one, else one that Retain made and keeps."""
    given = settings.warehouse.bi_password if role is BI else None
    return given.get_secret_value() if given is not None else secret(settings.state_folder, f"{role.name}_password")


def login_as(settings: Settings, parameters: dict[str, Any], role: Role) -> dict[str, Any]:
    """The owner's connection parameters as those of a role."""
    return {**parameters, "user": role.login(str(parameters["dbname"])), "password": password(settings, role)}


def grant_roles(connection: psycopg.Connection[Any], settings: Settings) -> None:
    """Make the roles that are missing, and give each what it lacks of what it is for. The connection is the owner's.

    Raises UserError, with what an administrator can do, when the owner may not make roles.
    """
    dbname, owner = connection.info.dbname, connection.info.user
    schemas = {row[0] for row in connection.execute("select nspname from pg_namespace")}
    _run(connection, "revoke all on schema public from public")
    try:
        with connection.transaction():
            for role in ROLES:
                _make(connection, settings, role)
    except psycopg.errors.InsufficientPrivilege as error:
        raise UserError(
            f"The warehouse's user may not create or change the warehouse's roles: {str(error).splitlines()[0]}.",
            hint=f"Let an administrator run: alter role {owner} createrole",
        ) from None
    for role in ROLES:
        for schema in schemas.intersection(role.owns):
            _hand_over(connection, schema, role.login(dbname))
    for role in ROLES:
        for schema in schemas.intersection(role.grants):
            makers = {owner, *(other.login(dbname) for other in ROLES if schema in other.owns)}
            _grant(connection, schema, role.grants[schema], role.login(dbname), makers)
        for relation in role.sees:
            _let_see(connection, relation, role.login(dbname))


def _make(connection: psycopg.Connection[Any], settings: Settings, role: Role) -> None:
    dbname = connection.info.dbname
    login = role.login(dbname)
    exists = connection.execute("select from pg_roles where rolname = %s", [login]).fetchone() is not None
    # Of a role that exists nothing but its own is named: no other attribute may be, by who is no superuser.
    verb = "alter role" if exists else "create role"
    _run(connection, verb + " {} login password {}", sql.Identifier(login), sql.Literal(password(settings, role)))
    if role.is_of_people:
        _run(connection, "alter role {} set default_transaction_read_only = on", sql.Identifier(login))
        _run(connection, "alter role {} set statement_timeout = '5min'", sql.Identifier(login))
    elif not exists:  # the owner can do what they can: a person who puts something right comes as the owner
        member = "grant {} to {} with inherit true, set true"
        _run(connection, member, sql.Identifier(login), sql.Identifier(connection.info.user))
    may = sql.SQL("connect" if role.is_of_people else "connect, temporary")
    _run(connection, "grant {} on database {} to {}", may, sql.Identifier(dbname), sql.Identifier(login))


def _hand_over(connection: psycopg.Connection[Any], schema: str, login: str) -> None:
    """Make `login` the owner of a schema and of the tables in it: those of an earlier release were the warehouse owner's."""
    row = connection.execute("select nspowner::regrole::text from pg_namespace where nspname = %s", [schema]).fetchone()
    name = sql.Identifier(login)
    if row is None or row[0].strip('"') != login:
        database = sql.Identifier(connection.info.dbname)
        _run(connection, "grant create on database {} to {}", database, name)  # PostgreSQL asks this of an owner to be
        _run(connection, "alter schema {} owner to {}", sql.Identifier(schema), name)
        _run(connection, "revoke create on database {} from {}", database, name)
    tables = connection.execute(
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'p', 'v', 'm') "
        "and relowner <> %s::regrole order by oid",
        [schema, sql.Identifier(login).as_string(connection)],
    ).fetchall()
    for (table,) in tables:
        _run(connection, "alter table {} owner to {}", sql.Identifier(schema, table), name)


def _grant(connection: psycopg.Connection[Any], schema: str, privileges: str, login: str, makers: set[str]) -> None:
    """Give the privileges on the tables that are there and do not grant them yet, and on those that `makers` will make."""
    name, space, what = sql.Identifier(login), sql.Identifier(schema), sql.SQL(privileges)
    _run(connection, "grant usage on schema {} to {}", space, name)
    lacking = connection.execute(
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'p', 'v', 'm') "
        "and exists (select from unnest(%s::text[]) as wanted where not has_table_privilege(%s, pg_class.oid, wanted))",
        [schema, privileges.split(", "), login],
    ).fetchall()
    for (table,) in lacking:
        _run(connection, "grant {} on {} to {}", what, sql.Identifier(schema, table), name)
    for maker in sorted(makers):
        later = "alter default privileges for role {} in schema {} grant {} on tables to {}"
        _run(connection, later, sql.Identifier(maker), space, what, name)
        if schema == "marts":  # dbt makes its tables beside, and moves them
            _run(connection, later, sql.Identifier(maker), sql.Identifier("marts_next"), what, name)


def _let_see(connection: psycopg.Connection[Any], relation: str, login: str) -> None:
    schema, name = relation.split(".")
    _run(connection, "grant usage on schema {} to {}", sql.Identifier(schema), sql.Identifier(login))
    _run(connection, "grant select on {} to {}", sql.Identifier(schema, name), sql.Identifier(login))


def _run(connection: psycopg.Connection[Any], statement: str, *parts: sql.Composable) -> None:
    connection.execute(sql.SQL(statement).format(*parts))
