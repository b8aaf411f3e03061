"""The small shop, built twice as of a past day: from everything, and from what was known on that day."""

import os
from dataclasses import dataclass
from typing import Any

import pytest
from small_shop import ACTIVE_DAYS, AS_OF, known_on, make_shop, write_shop

from retain import transform, warehouse
from retain.config import Settings, load_settings

CONFIG = """\
business:
  timezone: Asia/Tehran
  calendar: jalali
  week_start: saturday
  reporting_currency: USD
  active_days: {active_days}
as_of: {as_of}
warehouse:
  url: postgresql://{user}:{password}@{host}:{port}/{dbname}
sources:
  - name: web
    type: files
    folder: .
    timezone: Asia/Tehran
    entities:
      orders:
        files: "none.csv"
        fields: {{order_id: id, ordered_at: at, currency: currency, gross_amount: amount, status: status}}
"""


@dataclass(frozen=True)
class Built:
    settings: Settings

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture(scope="session")
def shop():
    return make_shop()


@pytest.fixture(scope="session")
def build(server, tmp_path_factory):
    """Write a shop into a database of its own and build every mart from it."""

    def build_from(rows, name, **how) -> Built:
        database = f"dbt_{os.getpid()}_{name}"
        server.create_database(database)
        folder = tmp_path_factory.mktemp(name)
        text = CONFIG.format(as_of=AS_OF, active_days=ACTIVE_DAYS, **server.dsn(database))
        (folder / "retain.yml").write_text(text)
        settings = load_settings(folder / "retain.yml")
        warehouse.prepare(settings)
        with warehouse.connect(settings) as connection:
            write_shop(connection, rows, **how)
        transform.build(settings)
        return Built(settings)

    return build_from


@pytest.fixture(scope="session")
def from_everything(build, shop) -> Built:
    return build(shop, "everything", load_id=1)


@pytest.fixture(scope="session")
def from_what_was_known(build, shop) -> Built:
    return build(known_on(shop, AS_OF), "known", load_id=99, backwards=True)


@pytest.fixture
def empty(database, tmp_path) -> Built:
    """A warehouse that was prepared, and in which nothing was loaded or built."""
    text = CONFIG.format(as_of=AS_OF, active_days=ACTIVE_DAYS, **database)
    (tmp_path / "retain.yml").write_text(text)
    settings = load_settings(tmp_path / "retain.yml")
    warehouse.prepare(settings)
    return Built(settings)
