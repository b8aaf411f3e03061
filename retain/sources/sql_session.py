"""What Retain asks of a database, whichever it is: one read-only snapshot that describes, counts, and hands out rows."""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from retain.sources import Column
from retain.sources.sql_cursor import Bound, Kind


class QueryRejected(Exception):
    """The database understood us and refuses the query; its sentence, on one line, without anything secret."""


@dataclass(frozen=True)
class Totals:
    """What the source says of the rows to come, in the snapshot they come from."""

    rows: int
    sums: dict[str, str | None]
    high: str | None


class Session(ABC):
    """One read-only snapshot of a database. Methods raise QueryRejected, or OutOfReach when the connection is lost."""

    @abstractmethod
    def describe(self, query: str) -> list[Column]:
        """The columns that a query would have; reads no row."""

    @abstractmethod
    def cursor_kind(self, cursor: str, rows_from: str) -> tuple[Kind | None, Any]:
        """What sort of cursor an expression is, and a value of it where the kind alone does not say how it is written."""

    @abstractmethod
    def value(self, expression: str, column: Column) -> str:
        """A field's expression, cast where its text would otherwise be cut, padded or locale-dependent."""

    @abstractmethod
    def sum_of(self, expression: str, column: Column, rows_from: str) -> str | None:
        """An expression that adds a field up exactly, or None where the database cannot."""

    def sum_text(self, value: Any) -> str | None:
        """What that expression came to, as text; None when there was nothing to add up or it is no number."""
        is_number = isinstance(value, int | Decimal) and Decimal(value).is_finite()
        return format(Decimal(value), "f") if is_number else None

    @abstractmethod
    def show(self, bound: Bound) -> str:
        """A value as the query may hold it: a literal, or a placeholder."""

    @abstractmethod
    def row(self, query: str) -> Sequence[Any]:
        """The one row of a query."""

    @abstractmethod
    def copy(self, query: str) -> Iterator[bytes]:
        """The rows of a query as COPY text; `rows_read` counts them once it has ended."""

    def texts(self, query: str) -> Iterator[tuple[str, ...]]:
        """The rows of a query as the texts that `copy` would land."""
        for chunk in self.copy(query):
            yield from map(tuple, csv.reader(io.StringIO(chunk.decode("utf-8"), newline="")))

    @abstractmethod
    def tables(self) -> list[str]:
        """Names of the tables and views that can be read."""

    rows_read: int = 0


class Database(ABC):
    """A database that can be read in snapshots."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Session]:
        """Connect. Raises OutOfReach when the database does not answer or does not let us in."""
