"""A shop's database beside retain.yml, and what a load of it would land."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from retain.config import load_settings
from retain.sources import Source, State, open_source

NOW = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)


@dataclass
class Landed:
    """Rows of text or None by column, as PostgreSQL reads the COPY text."""

    rows: list[dict[str, str | None]]
    state: dict[str, Any]
    totals: dict[str, Any]
    warnings: list[str]
    rows_sent: int

    def values(self, column: str) -> list[str | None]:
        return [row[column] for row in self.rows]


class Shop:
    """A source of type sql with one entity, orders; what is landed goes through a real COPY."""

    now = NOW

    def __init__(self, root: Path, url: str, warehouse: dict[str, Any]) -> None:
        self.root = root
        self.url = url
        self.warehouse = warehouse

    def reader(self, entity: str = "", extra: str = "", url: str | None = None) -> Source:
        path = self.root / "retain.yml"
        path.write_text(
            "business: {timezone: Asia/Yerevan, reporting_currency: AMD}\n"
            f"sources:\n  - name: shop\n    type: sql\n    url: {url or self.url}\n{extra}"
            "    entities:\n      orders:\n" + (entity or ORDERS) + "        defaults: {currency: AMD, status: paid}\n"
        )
        return open_source(load_settings(path), "shop")

    def load(
        self, entity: str = "", state: State | None = None, now: datetime = NOW, extra: str = "", **plan: Any
    ) -> Landed:
        reader = self.reader(entity, extra)
        with reader.read(reader.plan("orders", state, now, **plan)) as extract, self.landing(extract.columns) as table:
            with table.copy("copy landed from stdin (format csv)") as copy:
                for chunk in extract.copy_chunks:
                    copy.write(chunk)
            found = table.execute("select * from landed").fetchall()
            rows = [dict(zip(extract.columns, row, strict=True)) for row in found]
            return Landed(rows, extract.state_after, extract.control_totals, extract.warnings, extract.rows_sent)

    @contextmanager
    def landing(self, columns: list[str]) -> Iterator[psycopg.Cursor[Any]]:
        with psycopg.connect(**self.warehouse) as connection, connection.cursor() as cursor:
            names = ", ".join(f'"{name}" text' for name in columns)
            cursor.execute(f"create temporary table landed ({names})")
            yield cursor


class SqliteShop(Shop):
    """The same, in a SQLite file beside retain.yml."""

    def run(self, *statements: str) -> None:
        connection = sqlite3.connect(self.root / "shop.db")
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()


ORDERS = """\
        table: orders
        cursor: updated_at
        fields: {order_id: id, ordered_at: created_at, gross_amount: total, changed_at: updated_at}
"""


@pytest.fixture
def shop(tmp_path: Path, database: dict[str, Any]) -> Shop:
    url = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**database)
    return Shop(tmp_path, url, database)


@pytest.fixture
def sqlite_shop(tmp_path: Path, database: dict[str, Any]) -> SqliteShop:
    return SqliteShop(tmp_path, "sqlite:///shop.db", database)


@pytest.fixture
def run(database: dict[str, Any]) -> Any:
    """Execute statements in the shop's database."""

    def run(*statements: str) -> None:
        with psycopg.connect(**database, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    return run
