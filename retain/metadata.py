"""Where a server that Retain starts (Airflow, Superset) keeps its own state: a database of its own beside the warehouse."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from retain import warehouse
from retain.config import Settings


@dataclass(frozen=True)
class Metadata:
    """Where a server keeps its own state, as SQLAlchemy addresses; `note` is a sentence when that is not the first choice."""

    sync_url: str
    async_url: str
    note: str = ""


def metadata_beside_warehouse(settings: Settings, name: str, file: Path) -> Metadata:
    """A database `name` of its own beside the warehouse; SQLite in `file` when the warehouse's user may not make one."""
    server = warehouse.embedded_server(settings)
    if server is not None:
        server.create_database(name)
        return _postgres(server.dsn(name))
    parameters = warehouse.dsn(settings)
    parameters["dbname"] = f"{str(parameters['dbname'])[:55]}_{name}"
    try:
        _create(settings, str(parameters["dbname"]))
    except psycopg.errors.InsufficientPrivilege:
        note = f"The warehouse's user may not create a database, so the server keeps its own state in {file}."
        return Metadata(f"sqlite:///{file}", f"sqlite+aiosqlite:///{file}", note)
    return _postgres(parameters)


def _create(settings: Settings, name: str) -> None:
    with warehouse.connect(settings, autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def _postgres(parameters: dict[str, Any]) -> Metadata:
    """The same server for two drivers, which spell TLS and socket folders differently."""
    host = str(parameters.get("host", "localhost"))
    login = f"{quote(str(parameters['user']), safe='')}:{quote(str(parameters.get('password', '')), safe='')}"
    is_socket = host.startswith("/")
    place = f"{login}@{'' if is_socket else host}:{parameters.get('port', 5432)}/{quote(str(parameters['dbname']))}"
    shared = {"host": host} if is_socket else {}
    tls = parameters.get("sslmode")
    sync_query = urlencode({**shared, **({"sslmode": tls} if tls else {})})
    async_query = urlencode({**shared, **({"ssl": tls} if tls else {})})
    return Metadata(
        f"postgresql+psycopg2://{place}?{sync_query}".rstrip("?"),
        f"postgresql+asyncpg://{place}?{async_query}".rstrip("?"),
    )
