"""PostgreSQL as a source: COPY out of one repeatable-read, read-only transaction, so that rows and totals agree."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from retain.errors import OutOfReach
from retain.sources import Column
from retain.sources.sql_cursor import ISO_TEXT, Bound, Kind
from retain.sources.sql_session import Database, QueryRejected, Session

CHUNK_BYTES = 1 << 18
CONNECT_SECONDS = 10

KINDS: dict[str, Kind] = {
    "timestamptz": "timestamptz",
    "timestamp": "timestamp",
    "date": "date",
    "int2": "number",
    "int4": "number",
    "int8": "number",
    "numeric": "number",
    "text": "text",
    "varchar": "text",
}
INTEGERS = ("int2", "int4", "int8")
EXACT = (*INTEGERS, "numeric")

SLOW = "{place} does not answer within {seconds} s", "Is the host right, and does a firewall let us through?"
UNKNOWN_HOST = "there is no host {host}", "Check the host in `url`."
# What the words of the server or of the driver hold, and what to tell instead.
CONNECT_FAILURES = {
    r"password authentication failed": ("{place} refuses the password of {user}", "Check the password in `url`."),
    r"no password supplied": ("{place} asks for a password of {user}", "Put one into `url`."),
    r"role .* does not exist": ("{place} does not know the user {user}", "Check the user in `url`."),
    r"permission denied for database": ("{user} may not connect to {dbname} at {place}", "Grant connect on it."),
    r"database .* does not exist": ("{place} has no database {dbname}", "Check the last part of `url`."),
    r"refused": ("nothing answers at {place}", "Is the database running, and is the port right?"),
    r"resolve|translate host": UNKNOWN_HOST,
    r"timeout|timed out": SLOW,
    r"pg_hba\.conf": ("{place} does not let {user} in from here", "Its pg_hba.conf must allow this machine."),
    r"too many": ("{place} has no connection to spare", "Try again later."),
}


class PostgresDatabase(Database):
    """A PostgreSQL database by its address. Works from PostgreSQL 10 on."""

    def __init__(self, source: str, url: URL) -> None:
        self._source = source
        self._parameters: dict[str, Any] = {
            "connect_timeout": str(CONNECT_SECONDS),
            **{key: value for key, value in url.query.items() if isinstance(value, str)},
            **url.translate_connect_args(username="user", database="dbname"),
        }
        self._password = str(url.password or "")

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        connection = self._connect()
        try:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            session = PostgresSession(connection, self._source)
            session.prepare()
            yield session
        finally:
            connection.close()

    def _connect(self) -> psycopg.Connection[Any]:
        try:
            return psycopg.connect(**self._parameters, client_encoding="utf8", application_name="retain")
        except psycopg.ProgrammingError as error:
            raise OutOfReach(f"Source {self._source}: {self._clean(error)}.", hint="Check its `url`.") from None
        except psycopg.OperationalError as error:
            raise self._unreached(self._clean(error)) from None

    def _unreached(self, words: str) -> OutOfReach:
        known = {
            "user": self._parameters.get("user", "nobody"),
            "host": self._parameters.get("host", "the local socket"),
            "dbname": self._parameters.get("dbname", self._parameters.get("user", "")),
            "seconds": self._parameters["connect_timeout"],
        }
        known["place"] = f"{known['host']}:{self._parameters.get('port', 5432)}"
        said = words.split("FATAL: ", 1)[-1].strip()
        for sign, (sentence, hint) in CONNECT_FAILURES.items():
            if re.search(sign, said, re.IGNORECASE):
                return OutOfReach(f"Source {self._source}: {sentence.format(**known)}.", hint=hint)
        return OutOfReach(f"Source {self._source}: no connection to {known['place']}: {said}.")

    def _clean(self, error: Exception) -> str:
        words = " ".join(str(error).split()).rstrip(".")
        return words.replace(self._password, "***") if self._password else words


class PostgresSession(Session):
    """One transaction that sees one moment of the database."""

    def __init__(self, connection: psycopg.Connection[Any], source: str) -> None:
        self._connection = connection
        self._source = source

    def prepare(self) -> None:
        """Make texts mean the same wherever the server stands: UTC, ISO, floats with all their digits."""
        self.row(
            "select set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true), "
            "set_config('intervalstyle', 'iso_8601', true), set_config('extra_float_digits', '3', true), "
            "set_config('bytea_output', 'hex', true)"
        )
        if self._connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            raise OutOfReach(
                f"Source {self._source}: the database has the encoding SQL_ASCII, which does not say what its letters are.",
                hint="Read it through a copy with a real encoding.",
            )

    def describe(self, query: str) -> list[Column]:
        try:
            with self._connection.transaction():  # a refused query must not end the snapshot
                cursor = self._connection.execute(f"select * from ({query}\n) as described where 1 = 0")
        except psycopg.Error as error:
            self._raise(error)
        return [Column(column.name, column.type_display) for column in cursor.description or []]

    def cursor_kind(self, cursor: str, rows_from: str) -> tuple[Kind | None, Any]:
        type_name = _base(self.describe(f"select ({cursor}) as c from {rows_from}")[0])
        kind = KINDS.get(type_name)
        if kind != "text":
            return kind, type_name
        sample = self.row(f"select max({cursor}) from {rows_from}")[0]
        if sample is None:
            return None, None
        return ("text", sample) if ISO_TEXT.fullmatch(sample) else (None, f"a text such as {sample!r}")

    def value(self, expression: str, column: Column) -> str:
        type_name = _base(column)
        if type_name == "money":
            return f"(({expression}\n)::numeric)"  # money's text depends on the server's locale
        if type_name in ("bool", "bpchar"):
            return f"(({expression}\n)::text)"  # true, not t; and without the padding of char(n)
        return expression

    def sum_of(self, expression: str, column: Column, rows_from: str) -> str | None:
        type_name = _base(column)
        if type_name in EXACT:
            return f"sum(({expression}\n))"
        if type_name == "money":
            return f"sum(({expression}\n)::numeric)"
        if type_name in ("float4", "float8"):
            return f"sum(({expression}\n)::text::numeric)"  # what will be landed, to the digit
        return None

    def show(self, bound: Bound) -> str:
        literal = sql.Literal(bound).as_string(self._connection)
        return f"{literal}::timestamptz" if isinstance(bound, datetime) and bound.tzinfo else literal

    def row(self, query: str) -> Sequence[Any]:
        try:
            found = self._connection.execute(query).fetchone()
        except psycopg.Error as error:
            self._raise(error)
        assert found is not None
        return tuple(found)

    def copy(self, query: str) -> Iterator[bytes]:
        cursor = self._connection.cursor()
        parts: list[Any] = []
        size = 0
        try:
            with cursor.copy(f"copy ({query}\n) to stdout (format csv)") as copy:
                for part in copy:
                    parts.append(bytes(part))
                    size += len(parts[-1])
                    if size >= CHUNK_BYTES:
                        yield b"".join(parts)
                        parts.clear()
                        size = 0
        except psycopg.Error as error:
            self._raise(error)
        if parts:
            yield b"".join(parts)
        self.rows_read = cursor.rowcount

    def tables(self) -> list[str]:
        rows = self._connection.execute(
            "select case when table_schema = 'public' then '' else table_schema || '.' end || table_name "
            "from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') order by 1"
        )
        return [row[0] for row in rows]

    def _raise(self, error: psycopg.Error) -> NoReturn:
        words = (error.diag.message_primary or " ".join(str(error).split())).rstrip(".")
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            user = self._connection.info.user
            raise OutOfReach(
                f"Source {self._source}: {words} for {user}.", hint=f"Grant select on it to {user}."
            ) from None
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            raise OutOfReach(
                f"Source {self._source}: the connection was lost while reading: {words}.", hint="Try again."
            ) from None
        advice = error.diag.message_hint or ""
        if isinstance(error, psycopg.errors.UndefinedColumn):
            advice = ""  # the columns that exist are listed by us
        raise QueryRejected(f"{words} ({advice.rstrip('.')})" if advice else words) from None


def decimals_of(type_text: str) -> int | None:
    """With how many decimals at most a column holds numbers, by its type as PostgreSQL writes it: 2 of `numeric(12,2)`.

    None where the type leaves that open, is no exact number, or is another system's: none writes its types like this.
    """
    if type_text in INTEGERS:
        return 0
    scale = re.fullmatch(r"numeric\(\d+,(\d+)\)", type_text)
    return int(scale[1]) if scale else None


def _base(column: Column) -> str:
    """`numeric(12,2)` without its modifier."""
    return column.type_text.split("(")[0]
