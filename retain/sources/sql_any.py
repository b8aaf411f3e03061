"""Any database that SQLAlchemy reaches, as a source: a streamed select, each value written out without loss."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, unquote

import sqlalchemy
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement, Executable

from retain.errors import OutOfReach, UserError
from retain.sources import Column
from retain.sources.copy_text import NULL, copy_text
from retain.sources.sql_cursor import Bound, Kind, kind_of
from retain.sources.sql_session import Database, QueryRejected, Session

PACKAGES = {"MySQLdb": "mysqlclient"}  # what brings a module of another name
MARK = "\ue000"  # around the number of a value in a query; a sign of private use, which no SQL holds
ROWS_AT_ONCE = 5_000
TEN_THOUSANDTHS = 10_000  # what money is kept to
LARGEST_EXACT = 10**15
# Levels at which every select of a transaction sees the same moment; elsewhere the database's own default holds.
SNAPSHOT_LEVELS = {"mysql": "REPEATABLE READ", "mariadb": "REPEATABLE READ", "oracle": "SERIALIZABLE"}


class AnyDatabase(Database):
    """A database by its SQLAlchemy address. A SQLite file is relative to retain.yml, and never created."""

    def __init__(self, source: str, url: URL, folder: Path) -> None:
        self._source = source
        self._password = str(url.password or "")
        self._url = self._sqlite(url, folder) if url.get_backend_name() == "sqlite" else url

    def _sqlite(self, url: URL, folder: Path) -> URL:
        if not url.database or url.database == ":memory:":
            raise UserError(f"Source {self._source}: its `url` names no file.", hint="Write sqlite:///shop.db.")
        path = folder / url.database.removeprefix("file:").split("?")[0]
        if not path.is_file():
            raise UserError(f"Source {self._source}: there is no file {path}.", hint="Check its `url`.")
        # Absolute and read-only: SQLite would make an empty database of a name that does not exist.
        return url.set(database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        engine = self._engine()
        try:
            connection = self._connect(engine)
            with connection:
                yield AnySession(connection, self._source, self._clean)
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        try:
            return sqlalchemy.create_engine(self._url, poolclass=sqlalchemy.NullPool)
        except exc.NoSuchModuleError:
            raise UserError(
                f"Source {self._source}: SQLAlchemy has no dialect {self._url.drivername}.",
                hint="Install the package that has it beside Retain, or check how `url` begins.",
            ) from None
        except ModuleNotFoundError as error:
            raise UserError(
                f"Source {self._source}: the driver for {self._url.drivername} is not installed (no module {error.name}).",
                hint=f"Install it beside Retain: .venv/bin/python -m pip install {PACKAGES.get(str(error.name), error.name)}.",
            ) from None

    def _connect(self, engine: Engine) -> Connection:
        dialect = engine.dialect.name
        try:
            connection = engine.connect()
            if dialect == "sqlite":
                # Python's sqlite3 opens no transaction for a select: without one there is no snapshot.
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql("begin")
                connection.exec_driver_sql("select count(*) from sqlite_master")
            elif dialect in SNAPSHOT_LEVELS:
                connection = connection.execution_options(isolation_level=SNAPSHOT_LEVELS[dialect])
            return connection
        except exc.DBAPIError as error:
            words = self._clean(error)
            if "file is not a database" in words:
                path = unquote(str(self._url.database).removeprefix("file:"))
                raise UserError(f"Source {self._source}: {path} is not a SQLite database.") from None
            place = f"{self._url.host or self._url.database}{f':{self._url.port}' if self._url.port else ''}"
            raise OutOfReach(
                f"Source {self._source}: no connection to {place}: {words}.",
                hint="Check that it runs, and the user, the password and the database in `url`.",
            ) from None

    def _clean(self, error: Exception) -> str:
        original = getattr(error, "orig", None) or error
        words = " ".join(str(original).split()).rstrip(".")
        return words.replace(self._password, "***") if self._password else words


class AnySession(Session):
    """One transaction of a database, read through SQLAlchemy."""

    def __init__(self, connection: Connection, source: str, clean: Callable[[Exception], str]) -> None:
        self._connection = connection
        self._source = source
        self._clean = clean
        self._bounds: list[Bound] = []
        self._is_sqlite = connection.dialect.name == "sqlite"

    def describe(self, query: str) -> list[Column]:
        try:
            with self._run(f"select * from ({query}\n) described where 1 = 0") as result:
                names = result.keys()
                return [Column(name, "") for name in names]
        except exc.SQLAlchemyError as error:
            self._raise(error)

    def cursor_kind(self, cursor: str, rows_from: str) -> tuple[Kind | None, Any]:
        sample = self.row(f"select max({cursor}) from {rows_from}")[0]
        if sample is None:
            return None, None
        kind = kind_of(sample)
        return (kind, sample) if kind else (None, f"{type(sample).__name__} such as {str(sample)!r}")

    def value(self, expression: str, column: Column) -> str:
        return expression

    def sum_of(self, expression: str, column: Column, rows_from: str) -> str | None:
        if self._is_sqlite:
            # SQLite keeps a value as it came, often as a float: added up where every one is a number of a size that a
            # float holds to the digit, whole units and the ten-thousandths beside them each as whole numbers.
            values = f"select ({expression}) as value from {rows_from}"
            others = f"typeof(value) in ('text', 'blob') or abs(value) >= {LARGEST_EXACT}"
            if self.row(f"select count(*) from ({values}) as every_value where {others}")[0]:
                return None
            units = f"cast(({expression}) as integer)"
            rest = f"cast(round((({expression}) - {units}) * {TEN_THOUSANDTHS}) as integer)"
            return f"sum({units}) || ' ' || sum({rest})"
        try:
            with self._run(f"select {expression} from {rows_from}") as result:
                sample = [row[0] for row in result.fetchmany(100) if row[0] is not None]
        except exc.SQLAlchemyError as error:
            self._raise(error)
        exact = sample and all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in sample)
        return f"sum({expression})" if exact else None

    def sum_text(self, value: Any) -> str | None:
        if self._is_sqlite and value is not None:
            units, rest = map(Decimal, value.split())
            value = units + rest / TEN_THOUSANDTHS
        return super().sum_text(value)

    def show(self, bound: Bound) -> str:
        self._bounds.append(bound)
        return f"{MARK}{len(self._bounds) - 1}{MARK}"

    def row(self, query: str) -> Sequence[Any]:
        try:
            with self._run(query) as result:
                return tuple(result.one())
        except exc.SQLAlchemyError as error:
            self._raise(error)

    def copy(self, query: str) -> Iterator[bytes]:
        self.rows_read = 0
        yield from copy_text(self._texts(query))

    def _texts(self, query: str) -> Iterator[list[Any]]:
        try:
            with self._run(query) as result:
                for rows in result.partitions(ROWS_AT_ONCE):
                    for row in rows:
                        yield [value if type(value) is str else text_of(value) for value in row]
                    self.rows_read += len(rows)
        except exc.SQLAlchemyError as error:
            self._raise(error)

    def tables(self) -> list[str]:
        inspector = sqlalchemy.inspect(self._connection)
        return sorted([*inspector.get_table_names(), *inspector.get_view_names()])

    def _run(self, query: str) -> sqlalchemy.CursorResult[Any]:
        return self._connection.execution_options(stream_results=True).execute(Statement(query, self._bounds))

    def _raise(self, error: exc.SQLAlchemyError) -> NoReturn:
        words = self._clean(error)
        lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
        if lost or isinstance(error, exc.InterfaceError):
            raise OutOfReach(
                f"Source {self._source}: the connection was lost while reading: {words}.", hint="Try again."
            ) from None
        raise QueryRejected(words) from None


class Statement(Executable, ClauseElement):
    """SQL of retain.yml with values in it: unlike SQLAlchemy's text(), what looks like a placeholder there stays as it is."""

    inherit_cache = False

    def __init__(self, query: str, bounds: list[Bound]) -> None:
        pieces = query.split(MARK)
        self.own = pieces[::2]
        self.values: list[Any] = [sqlalchemy.bindparam(None, bounds[int(number)]) for number in pieces[1::2]]


@compiles(Statement)
def _compile(statement: Statement, compiler: Any, **options: Any) -> str:
    doubles_percents = compiler.preparer._double_percents  # drivers whose placeholders begin with one
    own = [text.replace("%", "%%") if doubles_percents else text for text in statement.own]
    values = [compiler.process(value, **options) for value in statement.values]
    return "".join(text for pair in zip(own, [*values, ""], strict=True) for text in pair)


def text_of(value: Any) -> Any:
    """A value of any driver as text that PostgreSQL casts back to the same value; null stays null."""
    convert = TEXTS.get(type(value))
    if convert is not None:
        return convert(value)
    return next((convert(value) for kind, convert in TEXTS.items() if isinstance(value, kind)), str(value))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


TEXTS: dict[type, Callable[[Any], Any]] = {
    type(None): lambda value: NULL,
    str: str,
    bool: lambda value: "true" if value else "false",
    int: str,
    Decimal: lambda value: format(value, "f"),
    float: repr,  # the shortest text that is this float again
    datetime: lambda value: value.isoformat(" "),
    date: date.isoformat,
    time: time.isoformat,
    bytes: lambda value: f"\\x{value.hex()}",
    bytearray: lambda value: f"\\x{value.hex()}",
    memoryview: lambda value: f"\\x{value.hex()}",
    dict: _json,
    list: _json,
    tuple: _json,
}
