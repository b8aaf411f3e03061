"""What tests share: one embedded PostgreSQL for the session, a fresh database per test, and small shops to load from."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
os.environ.setdefault("DO_NOT_TRACK", "1")

from retain.embedded import EmbeddedServer

NUMBERS = count(1)
ENDED: list[str] = []  # databases of tests that have ended: thousands of them would fill a disk
TOGETHER = 20  # are dropped at once, as each time the server writes down all it has in memory


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """One real PostgreSQL, in a folder that its user can enter; stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="retain-tests-"))
    folder.chmod(0o755)
    one = EmbeddedServer(folder, parameters={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
    one.start()
    yield one
    one.stop("immediate")  # what tests wrote need not survive them
    shutil.rmtree(one.home, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server: EmbeddedServer) -> Iterator[dict[str, Any]]:
    """Connection parameters (host, port, dbname, user, password) of a database that nobody has used."""
    name = f"test_{os.getpid()}_{next(NUMBERS)}"
    server.create_database(name)
    yield server.dsn(name)
    ENDED.append(name)
    if len(ENDED) == TOGETHER:
        with psycopg.connect(**server.dsn("postgres"), autocommit=True) as connection:
            while ENDED:
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(ENDED.pop())))


def url_of(parameters: dict[str, Any]) -> str:
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**parameters)


@pytest.fixture
def write_config(tmp_path: Path, database: dict[str, Any]) -> Callable[..., Path]:
    """Write a retain.yml over the test's database: `sources` is YAML text; `business`, `extra` replace or add lines."""

    def write(sources: str, *, extra: str = "", currency: str = "EUR", timezone: str = "UTC") -> Path:
        path = tmp_path / "retain.yml"
        path.write_text(
            f"business:\n  timezone: {timezone}\n  reporting_currency: {currency}\n"
            f"warehouse:\n  url: {url_of(database)}\n{extra}sources:\n{sources}"
        )
        return path

    return write
