"""The warehouse: connections, schemas, tables, roles, the calendar. Everything here may be run again at any time."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from retain.binaries import OLDEST_VERSION
from retain.config import Settings
from retain.embedded import EmbeddedServer
from retain.entities import ENTITIES, Entity
from retain.errors import OutOfReach, UserError
from retain.outreach import make_view
from retain.relations import columns_of, exists
from retain.roles import BI, Role, grant_roles, login_as

DATABASE = "retain"
OLDEST_SERVER = OLDEST_VERSION * 10_000  # as a connection tells it
PREPARE_LOCK = 727_001  # advisory lock numbers are ours alone: nothing else in this database takes them


def embedded_server(settings: Settings) -> EmbeddedServer | None:
    """The server that belongs to this retain.yml; None when it names a server of its own by `warehouse.url`."""
    if settings.warehouse.url is not None:
        return None
    return EmbeddedServer(settings.state_folder, settings.warehouse.port)


def dsn(settings: Settings) -> dict[str, Any]:
    """Connection parameters of the owner: host, port, dbname, user, password (and whatever else a URL says)."""
    server = embedded_server(settings)
    if server is not None:
        return server.dsn(DATABASE)
    assert settings.warehouse.url is not None
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(settings.warehouse.url.get_secret_value()))
    except psycopg.ProgrammingError:  # its words would quote the address, password and all
        raise UserError(
            "The warehouse's address cannot be read: wanted postgresql://user:password@host:port/database.",
            hint="A character of the password that an address cannot hold is written like %40 for @.",
        ) from None
    parameters.setdefault("port", 5432)
    return parameters


def role_dsn(settings: Settings, role: Role) -> dict[str, Any]:
    """Connection parameters of one of the warehouse's roles."""
    return login_as(settings, dsn(settings), role)


def bi_dsn(settings: Settings) -> dict[str, Any]:
    """Connection parameters of the read-only role that BI tools use."""
    return role_dsn(settings, BI)


def ensure_running(settings: Settings) -> None:
    """Bring the embedded server up and make its database; nothing to do for a server of the user's own."""
    server = embedded_server(settings)
    if server is None:
        return
    server.start()
    server.create_database(DATABASE)


def open_connection(parameters: dict[str, Any], *, autocommit: bool = False) -> psycopg.Connection[Any]:
    """Connect, or raise OutOfReach with a sentence that holds no password."""
    try:
        return psycopg.connect(**parameters, autocommit=autocommit, connect_timeout=10, application_name="retain")
    except psycopg.OperationalError as error:
        where = f"{parameters.get('host', 'localhost')}:{parameters.get('port', 5432)}/{parameters.get('dbname', '')}"
        raise OutOfReach(f"The warehouse at {where} cannot be reached: {_reason(error)}.") from None


def _reason(error: psycopg.OperationalError) -> str:
    text = str(error).strip().splitlines()[0]
    return text.split("FATAL:")[-1].strip().rstrip(".")


@contextmanager
def connect(
    settings: Settings, role: Role | None = None, *, autocommit: bool = False
) -> Iterator[psycopg.Connection[Any]]:
    """A connection of a role, or of the owner; commits at the end, rolls back on an exception. Starts the embedded server when needed."""
    ensure_running(settings)
    parameters = dsn(settings) if role is None else role_dsn(settings, role)
    with open_connection(parameters, autocommit=autocommit) as connection:
        yield connection


RESTORING = "public.retain_restoring"  # is there while a backup is being restored


def prepare(settings: Settings, *, is_restoring: bool = False) -> None:
    """Bring the warehouse to this release's shape: migrations, raw tables, roles, the calendar.

    Raises UserError for a warehouse into which a backup was restored by half, unless it `is_restoring` that asks.
    """
    with connect(settings) as connection:
        _refuse_old_server(connection)
        connection.execute("select pg_advisory_xact_lock(%s)", [PREPARE_LOCK])
        if exists(connection, RESTORING) and not is_restoring:
            raise UserError(
                "A backup was being restored into this warehouse and did not get to its end: nobody has compared what came "
                "out, and erased people may be in it.",
                hint="Run the same `retain restore` again: it begins anew.",
            )
        _migrate(connection)
        connection.execute("create schema if not exists history")
        for entity in ENTITIES.values():
            connection.execute(raw_table(entity))
            _keep_history(connection, entity)
        _index_orders(connection)
        _index_withdrawals(connection)
        make_view(connection)
        grant_roles(connection, settings)
        from retain.calendars import write_calendar

        write_calendar(connection, settings.business.calendar, settings.business.week_start)


def _refuse_old_server(connection: psycopg.Connection[Any]) -> None:
    if connection.info.server_version < OLDEST_SERVER:
        found = connection.info.parameter_status("server_version")
        raise UserError(f"The warehouse is PostgreSQL {found}; Retain needs PostgreSQL 16 or newer.")


@cache
def migrations() -> dict[int, str]:
    """Version number to SQL text, in order; forward only."""
    folder = resources.files("retain") / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return {int(name.split("_")[0]): (folder / name).read_text(encoding="utf-8") for name in files}


def _migrate(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "create table if not exists public.retain_migrations "
        "(version int primary key, applied_at timestamptz not null default clock_timestamp())"
    )
    row = connection.execute("select coalesce(max(version), 0) from public.retain_migrations").fetchone()
    assert row is not None
    current, known = int(row[0]), max(migrations())
    if current > known:
        raise UserError(
            f"The warehouse was prepared by a newer Retain (its version is {current}, this release knows {known}).",
            hint="Use that release or a newer one; going back would lose what the newer one keeps.",
        )
    for version, text in migrations().items():
        if version > current:
            connection.execute(text.encode())  # bytes: psycopg then leaves percent signs alone
            connection.execute("insert into public.retain_migrations (version) values (%s)", [version])


def raw_table(entity: Entity) -> sql.Composed:
    """The `create table` of an entity in schema raw, typed, one current row per (source, key).

    The key stands first in its index: most rows are of one source, and texts that begin differently are sorted twice as fast.
    """
    columns: list[sql.Composable] = [sql.SQL("source text not null")]
    for name, field in entity.fields.items():
        definition = field.sql_type
        if field.required or field.default is not None:
            definition += " not null"
        if field.default is not None:
            definition += f" default {field.default}"
        columns.append(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(definition)))
    columns += [
        sql.SQL("is_deleted boolean not null default false"),
        sql.SQL("deleted_at timestamptz"),
        sql.SQL("_load_id bigint not null"),
        sql.SQL("primary key ({}, source)").format(sql.SQL(", ").join(map(sql.Identifier, entity.key))),
    ]
    return sql.SQL("create table if not exists {} ({})").format(
        sql.Identifier("raw", entity.name), sql.SQL(", ").join(columns)
    )


def _keep_history(connection: psycopg.Connection[Any], entity: Entity) -> None:
    """Let `history.<entity>` keep every version that raw no longer holds: a build as of a past day reads them.

    A version is known by the load that brought it. The trigger works on all rows of a statement at once. Only what is
    missing is made: everything here would wait for whoever is writing the entity.
    """
    raw, history = sql.Identifier("raw", entity.name), sql.Identifier("history", entity.name)
    names = ["source", *entity.fields, "is_deleted", "deleted_at", "_load_id"]
    if columns_of(connection, history).keys() >= set(names):
        return
    key = sql.SQL(", ").join(map(sql.Identifier, ["source", *entity.key, "_load_id"]))
    connection.execute(sql.SQL("create table if not exists {} (like {}, primary key ({}))").format(history, raw, key))
    for name, field in entity.fields.items():
        add = sql.SQL("alter table {} add column if not exists {} {}")
        connection.execute(add.format(history, sql.Identifier(name), sql.SQL(field.sql_type)))
    keep = sql.Identifier("history", f"keep_{entity.name}")
    body = sql.SQL("begin insert into {} ({}) select {} from before on conflict do nothing; return null; end").format(
        history, *[sql.SQL(", ").join(map(sql.Identifier, names))] * 2
    )
    function = sql.SQL("create or replace function {}() returns trigger language plpgsql as {}")
    connection.execute(function.format(keep, sql.Literal(body.as_string(None))))
    connection.execute(
        sql.SQL(
            "create or replace trigger keep_versions after update on {} referencing old table as before "
            "for each statement execute function {}()"
        ).format(raw, keep)
    )


def _index_orders(connection: psycopg.Connection[Any]) -> None:
    """Each load of lines asks which orders the last load of orders brought. Of block ranges: every other index would cost
    each order that is written. Asked for first, because `if not exists` would wait for whoever is writing orders."""
    if not exists(connection, "raw.orders_load"):
        connection.execute(
            "create index orders_load on raw.orders using brin (_load_id) with (pages_per_range = 16, autosummarize = on)"
        )


def _index_withdrawals(connection: psycopg.Connection[Any]) -> None:
    """Whoever asks whom to win back asks who has unsubscribed since: one message in hundreds."""
    if not exists(connection, "raw.sends_withdrawn"):
        connection.execute(
            "create index sends_withdrawn on raw.sends (_load_id) "
            "where unsubscribed_at is not null or complained_at is not null"
        )
