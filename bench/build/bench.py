"""Builds the marts of a large shop, then those of one day more; times every model, and compares five results with DuckDB."""

import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.build import shop
from bench.build.memory import sampled
from bench.build.processor import processor_seconds
from bench.scratch import scratch_folder, scratch_server, url_of
from retain import transform, warehouse
from retain.config import Settings, load_settings
from retain.embedded import EmbeddedServer
from retain.errors import UserError

Tell = Callable[[str], None]
MOST_SECONDS_A_MILLION = 30.0  # of a known dbt package's cohort models, from as many orders and lines
MOST_OF_A_FULL_BUILD = 0.2  # for a day
MOST_MEGABYTES = 2048
SHOWN = 25


def measure(tell: Tell, *, orders: int = 1_000_000, days: int = 1) -> dict[str, Any]:
    """Build everything from `orders` orders, add a day (a thousandth new, as many changed), build again; return the document.

    The day takes half as much disk again, and can be left out: `days` is 1 or 0.
    """
    if orders < 1000:
        raise UserError(f"{orders} orders are too few to measure anything.", hint="Ask for 1000 or more.")
    if days not in (0, 1):
        raise UserError(f"--days is 0 or 1, not {days}.", hint="0 leaves out the build of one day more.")
    with scratch_folder("build") as folder, scratch_server(folder) as server:
        server.create_database("retain")
        url = url_of(server.dsn("retain"))
        settings = _settings(folder, url, shop.LAST_DAY)
        warehouse.prepare(settings)
        tell(f"a shop of {orders:,} orders")
        with warehouse.connect(settings) as connection:
            shop.fill(connection, orders)
        tell("full build, all tests")
        full = _build(settings, server, full_refresh=True)
        tell(f"it took {full['seconds']} s")
        day = None
        if days:
            tell("one day more")
            settings = _settings(folder, url, shop.LAST_DAY + timedelta(days=1))
            with warehouse.connect(settings) as connection:
                shop.add_day(connection, orders, settings.as_of_on)
            day = _build(settings, server)
        tell("five results in DuckDB")
        results = _compare(settings, folder)
        size = _size(settings)
    after = day or {"seconds": None, "processor_seconds": None, "nodes": {}, "megabytes": {}}
    return {
        "orders": orders,
        "full_seconds": full["seconds"],
        "day_seconds": after["seconds"],
        "day_of_full": _share(after["seconds"], full["seconds"]),
        "full_processor_seconds": full["processor_seconds"],
        "day_processor_seconds": after["processor_seconds"],
        "day_of_full_processor": _share(after["processor_seconds"], full["processor_seconds"]),
        "seconds_a_million": round(full["seconds"] * 1_000_000 / orders, 1),
        "peak_mb": max([*full["megabytes"].values(), *after["megabytes"].values()], default=None),
        "temporary_mb": full["temporary_mb"],
        "database_mb": size,
        "models": full["models"],
        "tests": full["tests"],
        "differences": sum(one.get("differences", 0) for one in results),
        "results": results,
        "nodes": [
            {
                "name": name,
                "full_seconds": seconds,
                "day_seconds": after["nodes"].get(name),
                "peak_mb": max(full["megabytes"].get(name, 0), after["megabytes"].get(name, 0)),
            }
            for name, seconds in sorted(full["nodes"].items(), key=lambda one: -one[1])
        ],
    }


def _share(part: float | None, whole: float | None) -> float | None:
    return round(part / whole, 3) if part is not None and whole else None


def _settings(folder: Path, url: str, as_of: date) -> Settings:
    path = folder / "retain.yml"
    path.write_text(shop.CONFIG.format(as_of=as_of, url=url))
    return load_settings(path)


def _build(settings: Settings, server: EmbeddedServer, *, full_refresh: bool = False) -> dict[str, Any]:
    """Seconds as a user waits them (dbt's start included), what the processor worked, and seconds of every model and test."""
    before, worked = _temporary(settings), processor_seconds(server)
    with sampled(warehouse.dsn(settings)) as megabytes:
        began = time.perf_counter()
        built = transform.build(settings, full_refresh=full_refresh)
        seconds = time.perf_counter() - began
    worked_then = processor_seconds(server)
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": None if worked is None or worked_then is None else round(worked_then - worked, 1),
        "models": built.models,
        "tests": built.tests,
        "nodes": built.seconds,
        "megabytes": {name: round(value) for name, value in megabytes.items()},
        "temporary_mb": round((_temporary(settings) - before) / 2**20),
    }


def _temporary(settings: Settings) -> int:
    """Bytes that queries have written to temporary files because their work_mem was full."""
    with warehouse.connect(settings) as connection:
        statement = "select temp_bytes from pg_stat_database where datname = current_database()"
        row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def _size(settings: Settings) -> int:
    with warehouse.connect(settings) as connection:
        row = connection.execute("select pg_database_size(current_database()) / 2 ^ 20").fetchone()
    return round(row[0]) if row else 0


def _compare(settings: Settings, folder: Path) -> list[dict[str, Any]]:
    from bench.build.peers import compared

    with warehouse.connect(settings) as connection:
        return compared(
            connection,
            folder,
            as_of=settings.as_of_on,
            last_full_day=settings.observed_until_on - timedelta(days=1),
            active_days=settings.business.active_days,
        )


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: the models and tests that took longest, then the five results."""
    header = ["", "full build, s", "one day, s", "memory, MB", "differ"]
    nodes = [
        [
            one["name"],
            f"{one['full_seconds']:.2f}",
            "" if one["day_seconds"] is None else f"{one['day_seconds']:.2f}",
            f"{one['peak_mb']:,}",
            "",
        ]
        for one in document["nodes"][:SHOWN]
    ]
    results = [
        [
            one["result"],
            f"{one['postgres_seconds']:.2f} by itself",
            f"{one['duckdb_seconds']:.2f} DuckDB",
            "",
            f"{one['differences']:,} of {one['cells']:,}" if "cells" in one else "",
        ]
        for one in document["results"]
    ]
    return header, [*nodes, ["", "", "", "", ""], *results]


def headline(document: dict[str, Any]) -> list[str]:
    """What came out, beside the goals."""
    rest = len(document["nodes"]) - SHOWN
    goal = MOST_SECONDS_A_MILLION * document["orders"] / 1_000_000
    return [
        f"and {rest} models and tests that took less" if rest > 0 else "",
        f"{document['orders']:,} orders: {document['models']} models and {document['tests']} tests in "
        f"{document['full_seconds']} s (goal: {goal:g} s)",
        *_of_the_day(document),
        f"most memory of a query: {document['peak_mb'] or 0:,} MB (goal: {MOST_MEGABYTES:,} MB); "
        f"temporary files: {document['temporary_mb']:,} MB; the warehouse: {document['database_mb']:,} MB",
        f"five results in DuckDB: {document['differences']} cells differ (goal: 0)",
    ]


def _of_the_day(document: dict[str, Any]) -> list[str]:
    if document["day_seconds"] is None:
        return ["one day more: left out"]
    worked = document["day_of_full_processor"]
    return [
        f"one day more: {document['day_seconds']} s, {document['day_of_full']:.0%} of the full build "
        f"(goal: {MOST_OF_A_FULL_BUILD:.0%})",
        "the processor's work is not known here"
        if worked is None
        else f"the processor worked {document['full_processor_seconds']} s and {document['day_processor_seconds']} s of these "
        f"({worked:.0%}), dbt and server together",
    ]
