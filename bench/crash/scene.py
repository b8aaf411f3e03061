"""The shop that is killed: a warehouse before tonight's delivery, put back before every kill, and what tonight should make of it."""

import os
import signal
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from psycopg import sql

import bench.faults.catalogue  # noqa: F401 -- importing it fills the catalogue
from bench.crash.acts import Stage, command
from bench.faults.evidence import checksum
from bench.faults.night import FILE_FAULTS, Night, written
from bench.faults.shop import COLUMNS, REPORTING_CURRENCY, TIMEZONE, Shop
from bench.faults.stage import SOURCE, copy_database, sources_yaml
from retain.config import Settings, load_settings
from retain.embedded import EmbeddedServer
from retain.errors import RetainError
from retain.warehouse import DATABASE, embedded_server, prepare

BEFORE = "before_tonight"
BEFORE_ALL = "before_all"  # a warehouse that holds nothing, for a first load that is large
LARGE = 60_000  # records: from 50,000 on, an empty table of raw is filled in another way than it is merged into
TONIGHT = ("customers", "orders", "order_items", "returns")  # the others are there: they are loaded the same way
# A few rows of tonight go to quarantine, and some of them wait: a crash must not change that either.
SPOILED = (("decimal_comma", "orders"), ("customers_unknown", "orders"), ("negative_quantity", "order_items"))
# They say when and how often things were loaded and built, which a repeated run may say differently.
ABOUT_LOADS = ("identity_merges", "load_health", "load_history", "quarantine_reasons", "validation_results")


@dataclass(frozen=True)
class State:
    """What a warehouse holds, as checksums by table: published rows, open quarantine, cursors; and the marts."""

    tables: dict[str, str]

    def differences(self, other: "State") -> list[str]:
        return sorted(name for name in {*self.tables, *other.tables} if self.tables.get(name) != other.tables.get(name))


class Scene:
    """A retain.yml over an embedded warehouse, with tonight's files waiting."""

    def __init__(self, folder: Path, stage: Stage, *, days: int, orders: int) -> None:
        self.folder, self.stage = folder, stage
        self.config = folder / "retain.yml"
        (folder / "files").mkdir()
        self.last_on = date.today() - timedelta(days=1)
        self.config.write_text(
            f"as_of: {self.last_on}\nbusiness:\n  timezone: {TIMEZONE}\n"
            f"  reporting_currency: {REPORTING_CURRENCY}\n  country: AM\nwarehouse:\n  folder: state\n{sources_yaml()}"
        )
        self.settings: Settings = load_settings(self.config)
        self.large = folder / "large.yml"
        self.large.write_text(
            f"business:\n  timezone: {TIMEZONE}\n  reporting_currency: {REPORTING_CURRENCY}\nwarehouse:\n  folder: state\n"
            f"sources:\n  - name: {SOURCE}\n    type: files\n    folder: large\n    entities:\n      customers:\n"
            "        files: customers.csv\n        fields: {customer_id: id, email: email, registered_at: since}\n"
        )
        server = embedded_server(self.settings)
        assert server is not None
        self.server: EmbeddedServer = server
        self.deliveries = list(Shop(days, orders, self.last_on).deliveries())

    def prepare(self) -> None:
        """Load and build the history, keep a copy of the database, and lay tonight's files out.

        And before that: keep a copy of the empty warehouse, beside a file of many customers.
        """
        self._write_large()
        prepare(self.settings)
        copy_database(self.server, DATABASE, BEFORE_ALL)
        for day, delivery in self.deliveries[:-1]:
            for entity in COLUMNS:
                if delivery[entity]:
                    self._file(entity, day).write_bytes(written(delivery[entity]))
        self._must(["load"])
        day, delivery = self.deliveries[-1]
        for entity in COLUMNS:
            if entity not in TONIGHT:
                self._file(entity, day).write_bytes(written(delivery[entity]))
        self._must(["load"])
        self._must(["build"])
        copy_database(self.server, DATABASE, BEFORE)
        for name, entity in SPOILED:
            FILE_FAULTS[name].do(Night(entity, delivery, [past for _, past in self.deliveries[:-1]], Random(7)))
        for entity in TONIGHT:
            self._file(entity, day).write_bytes(written(delivery[entity]))

    def _must(self, arguments: list[str]) -> None:
        ended = self.stage.play(command, self.config, *arguments)
        if ended.code:
            raise RuntimeError(f"retain {' '.join(arguments)} failed undisturbed: {ended.printed}")

    def _file(self, entity: str, day: date) -> Path:
        return self.folder / "files" / f"{entity}-{day.isoformat()}.csv"

    def put_back(self, before: str = BEFORE) -> None:
        """Everything as it was before tonight, or before everything; the server may have been killed."""
        self.bring_up()
        copy_database(self.server, before, DATABASE)

    def _write_large(self) -> None:
        """Many customers, of whom three go to quarantine."""
        (self.folder / "large").mkdir()
        with (self.folder / "large" / "customers.csv").open("w") as file:
            file.write("id,email,since\n")
            for number in range(LARGE):
                since = (
                    "one day" if number % (LARGE // 3) == 7 else f"2024-{1 + number % 12:02}-{1 + number % 28:02} 10:00"
                )
                file.write(f"c{number * 7919 % LARGE},c{number}@example.am,{since}\n")

    def was_filled(self) -> bool:
        """Whether raw.customers was emptied and filled, and not merged into: then it has another file than it began with."""
        with psycopg.connect(**self.server.dsn(DATABASE)) as connection:
            row = connection.execute(
                "select relfilenode <> oid from pg_class where oid = 'raw.customers'::regclass"
            ).fetchone()
        return row is not None and bool(row[0])

    def bring_up(self) -> None:
        """Start the server. After a kill its last children may still hold its memory for a moment."""
        for attempt in range(20):
            try:
                self.server.start()
                return
            except RetainError:
                if attempt == 19:
                    raise
                time.sleep(0.5)

    def kill_server(self, _: int) -> None:
        """SIGKILL to the postmaster: no checkpoint, no farewell."""
        os.kill(int((self.server.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def state(self, *, with_marts: bool) -> State:
        with psycopg.connect(**self.server.dsn(DATABASE)) as connection:
            tables = {f"raw.{name}": checksum(connection, "raw", name) for name in _tables(connection, "raw")}
            tables["ops.quarantine"] = _digest(
                connection,
                "select entity, record_key, record_hash, rules, waits_for_reference from ops.quarantine where status = 'open'",
            )
            tables["ops.cursors"] = _digest(connection, "select source, entity, state from ops.cursors")
            tables["gate"] = str(_tables(connection, "gate"))
            if with_marts:
                tables |= {
                    f"marts.{name}": _mart(connection, name)
                    for name in _tables(connection, "marts")
                    if name not in ABOUT_LOADS
                }
        return State(tables)

    def interrupted(self) -> str:
        """Where the newest load of the killed process stood."""
        with psycopg.connect(**self.server.dsn(DATABASE)) as connection:
            row = connection.execute("select status from ops.loads order by load_id desc limit 1").fetchone()
        words = {"started": "land", "landed": "gate", "validated": "publish", "published": "between"}
        return words.get(str(row[0]), str(row[0])) if row else "before"

    def timeline(self, loads: int = len(TONIGHT)) -> list[tuple[float, float, str]]:
        """Spans (from, to, phase) of the newest loads, tonight's, in seconds since the first of them began."""
        with psycopg.connect(**self.server.dsn(DATABASE)) as connection:
            rows = connection.execute(
                "select extract(epoch from started_at)::float, extract(epoch from landed_at)::float, "
                "extract(epoch from validated_at)::float, extract(epoch from published_at)::float from ops.loads "
                "where published_at is not null and kind <> 'retry' order by load_id desc limit %s",
                [loads],
            ).fetchall()
        first = min(row[0] for row in rows)
        return [
            (row[place] - first, row[place + 1] - first, phase)
            for row in rows
            for place, phase in enumerate(("land", "gate", "publish"))
        ]


def _tables(connection: psycopg.Connection[Any], schema: str) -> list[str]:
    rows = connection.execute("select tablename from pg_tables where schemaname = %s order by 1", [schema])
    return [row[0] for row in rows]


def _digest(connection: psycopg.Connection[Any], query: str) -> str:
    row = connection.execute(
        sql.SQL("select count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)), 0) from ({}) as t").format(
            sql.SQL(query)
        )
    ).fetchone()
    assert row is not None
    return str(row[0])


def _mart(connection: psycopg.Connection[Any], name: str) -> str:
    """A mart's content without the moments of its making: two runs cannot agree on those."""
    columns = connection.execute(
        "select column_name from information_schema.columns where table_schema = 'marts' and table_name = %s "
        "and column_name not in ('built_at', 'fitted_at', 'loaded_at', 'created_at') order by ordinal_position",
        [name],
    )
    chosen = ", ".join(sql.Identifier(row[0]).as_string(connection) for row in columns)
    return _digest(connection, f"select {chosen} from marts.{sql.Identifier(name).as_string(connection)}")


__all__ = ["SOURCE", "Scene", "State"]
