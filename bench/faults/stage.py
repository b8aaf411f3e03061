"""The clean history that every fault meets: weeks of nightly deliveries, loaded once and copied, database by database, for each case."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench.faults.night import written
from bench.faults.shop import COLUMNS, REPORTING_CURRENCY, TIMEZONE, Delivery
from bench.scratch import url_of
from retain import loads, warehouse
from retain.config import Settings, load_settings
from retain.embedded import EmbeddedServer
from retain.entities import ENTITIES

SOURCE, FILES_HISTORY = "shop", "history"
# What is loaded after an entity and could show its damage.
AFTERWARDS: dict[str, list[str]] = {
    "exchange_rates": ["orders", "order_items", "returns"],
    "customers": ["orders", "order_items", "returns"],
    "products": ["order_items", "returns"],
    "orders": ["order_items", "returns"],
    "order_items": ["returns"],
    "returns": [],
}
FIRST_LOAD_DAYS = 14  # what a shop has when it begins with Retain comes in one delivery; from then on it is one a night
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """A folder with files/ and a retain.yml over one database."""

    folder: Path
    settings: Settings

    def send(self, entity: str, day: date, content: bytes | None) -> None:
        if content is not None:
            (self.folder / "files" / f"{entity}-{day.isoformat()}.csv").write_bytes(content)

    def clear(self) -> None:
        for path in (self.folder / "files").iterdir():
            path.unlink()


def place(folder: Path, server_parameters: dict[str, Any], database: str) -> Place:
    """Write a retain.yml for the shop's files over `database`."""
    (folder / "files").mkdir(parents=True, exist_ok=True)
    path = folder / "retain.yml"
    path.write_text(_config(url_of({**server_parameters, "dbname": database})))
    return Place(folder, load_settings(path))


def _config(url: str) -> str:
    return (
        f"business:\n  timezone: {TIMEZONE}\n  reporting_currency: {REPORTING_CURRENCY}\n  country: AM\n"
        f"warehouse:\n  url: {url}\n{sources_yaml()}"
    )


def sources_yaml() -> str:
    """The part of retain.yml that reads the shop's files from files/."""
    lines = [f"sources:\n  - name: {SOURCE}\n    type: files\n    folder: files\n    entities:"]
    for entity, columns in COLUMNS.items():
        fields = {name: name for name in columns}
        if entity == "returns":  # the tills print what they pay out with a minus
            fields["amount"] = "'-refund::numeric'"
            del fields["refund"]
        mapping = ", ".join(f"{name}: {expression}" for name, expression in fields.items())
        lines.append(f"      {entity}:\n        files: '{entity}-*.csv'\n        fields: {{{mapping}}}")
    return "\n".join(lines) + "\n"


def stage_name(entity: str) -> str:
    """The database in which all of the last night is loaded but for `entity` and what is loaded after it."""
    return f"before_{entity}"


def build_stages(server: EmbeddedServer, folder: Path, deliveries: list[tuple[date, Delivery]], tell: Tell) -> None:
    """Load the history night by night; then, for each entity, make a copy in which the last night waits for it."""
    here = _new_place(server, folder, FILES_HISTORY)
    own_clock(server, FILES_HISTORY)
    set_clock(server, FILES_HISTORY, deliveries[0][0])
    warehouse.prepare(here.settings)
    for number, (day, delivery) in enumerate(deliveries[:-1]):
        for entity in COLUMNS:
            if delivery[entity]:
                here.send(entity, day, written(delivery[entity]))
        if number + 1 < FIRST_LOAD_DAYS:
            continue
        set_clock(server, FILES_HISTORY, day)
        load_clean(here.settings, list(ENTITIES))
        here.clear()
        if number % 7 == 0:
            tell(f"history: night {number + 1} of {len(deliveries) - 1}")
    day, delivery = deliveries[-1]
    for entity in COLUMNS:
        name = stage_name(entity)
        stage = _new_place(server, folder, name)
        copy_warehouse(server, FILES_HISTORY, stage, name)
        before = [other for other in COLUMNS if other != entity and other not in AFTERWARDS[entity]]
        for other in before:
            stage.send(other, day, written(delivery[other]))
        load_clean(stage.settings, before)


def _new_place(server: EmbeddedServer, folder: Path, database: str) -> Place:
    server.create_database(database)
    return place(folder / database, server.dsn(database), database)


def load_clean(settings: Settings, entities: list[str]) -> None:
    """Load what is not damaged. Raises RuntimeError when the gate finds fault with any of it."""
    for outcome in loads.load_sources(settings, [SOURCE], entities):
        if outcome.status != "published" or outcome.rows_quarantined:
            raise RuntimeError(f"the clean shop was not taken as clean: {outcome}")


def own_clock(server: EmbeddedServer, database: str) -> None:
    """Give a database a clock that can be set: its now() and clock_timestamp() come before PostgreSQL's own."""
    with psycopg.connect(**server.dsn(database)) as connection:
        connection.execute("create schema bench")
        connection.execute("grant usage on schema bench to public")  # the loader is nobody in particular
        for function, kind in (("now", "stable"), ("clock_timestamp", "volatile")):
            connection.execute(
                f"create function bench.{function}() returns timestamptz language sql {kind} as $$ select "
                f"pg_catalog.{function}() + coalesce(current_setting('bench.late', true), '0')::interval $$".encode()
            )
        connection.execute(
            sql.SQL("alter database {} set search_path = bench, pg_catalog, public").format(sql.Identifier(database))
        )


def set_clock(server: EmbeddedServer, database: str, day: date) -> None:
    """Let it be the night after `day` for whoever connects from now on: what judges by weekday needs weekdays."""
    night = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
    with psycopg.connect(**server.dsn("postgres"), autocommit=True) as connection:
        seconds = round((night - datetime.now(UTC)).total_seconds())
        connection.execute(
            sql.SQL("alter database {} set bench.late = {}").format(
                sql.Identifier(database), sql.Literal(f"{seconds} seconds")
            )
        )


def copy_warehouse(server: EmbeddedServer, template: str, here: Place, database: str) -> None:
    """Make `database` a copy of a warehouse, with roles of its own: they go by the name of the database."""
    copy_database(server, template, database)
    warehouse.prepare(here.settings)


def copy_database(server: EmbeddedServer, template: str, name: str) -> None:
    """Make `name` a copy of `template`, in the place of whatever had that name."""
    with psycopg.connect(**server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        # Nobody may be in a template while it is copied, and a pool may still hold idle sessions.
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", [template]
        )
        # By files and not by the log: a sequence copied by the log falls back when the server is killed soon after, because
        # it believes that its next values have been logged already.
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
