"""`retain bench faults`: every fault of the catalogue on every entity it fits, one at a time, on top of a clean history."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg

from bench.faults import judging
from bench.faults.cases import DATABASE, Stages, Worker, all_cases, play_all
from bench.faults.databases import DATABASE_FAULTS, HISTORY, build_sql_history
from bench.faults.evidence import false_alarms
from bench.faults.night import FILE_FAULTS
from bench.faults.shop import COLUMNS, Shop
from bench.faults.stage import FILES_HISTORY, build_stages
from bench.scratch import scratch_folder, scratch_server
from retain.embedded import EmbeddedServer
from retain.errors import UserError

Tell = Callable[[str], None]
NO_NAMES: list[str] = []  # all of them


def measure(
    tell: Tell, *, nights: int = 50, orders: int = 200, only: list[str] = NO_NAMES, workers: int = 2
) -> dict[str, Any]:
    """Play the catalogue (or the faults named `only`) and return the document: figures, and every case in full."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    known = [*FILE_FAULTS, *DATABASE_FAULTS]
    unknown = sorted(set(only) - set(known))
    if unknown:
        raise UserError(f"There is no fault called {', '.join(unknown)}.", hint=f"There are: {', '.join(known)}.")
    cases = all_cases(only)
    deliveries = list(Shop(nights, orders, date.today() - timedelta(days=1)).deliveries())
    with scratch_folder("faults") as folder, scratch_server(folder) as server:
        stages = Stages(folder, deliveries, {}, dict(COLUMNS))
        needed = {DATABASE if case.is_of_database else case.entity for case in cases}
        if needed - {DATABASE}:
            build_stages(server, folder, deliveries, tell)
        if DATABASE in needed:
            build_sql_history(server, folder, deliveries, tell)
        judged, alarms = _false_alarms(server, needed)
        worker = Worker(stages, 0)
        stages = replace(stages, clean={entity: worker.clean_night(entity) for entity in sorted(needed)})
        tell(f"{len(cases)} cases of {len({case.fault for case in cases})} faults")
        outcomes = list(play_all(stages, cases, workers, tell))
    return {
        **judging.totals(outcomes),
        "clean_loads": judged,
        "false_alarms": alarms,
        "outcomes": [outcome.document() for outcome in outcomes],
    }


def _false_alarms(server: EmbeddedServer, needed: set[str]) -> tuple[int, dict[str, int]]:
    """Over both histories, in which nothing was damaged."""
    judged, alarms = 0, Counter[str]()
    for database, is_there in ((FILES_HISTORY, bool(needed - {DATABASE})), (HISTORY, DATABASE in needed)):
        if is_there:
            with psycopg.connect(**server.dsn(database)) as connection:
                loads, found = false_alarms(connection)
            judged += loads
            alarms.update(found)
    return judged, dict(alarms)


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: a line a case."""
    header = ["fault", "entity", "caught", "by", "damaged rows held", "clean rows held"]
    return header, [
        [
            one["fault"],
            one["entity"],
            "CRASHED" if one["crash"] else one["how"] or "no",
            ", ".join(one["by"][:3]) + (" …" if len(one["by"]) > 3 else ""),
            held(one),
            f"{one['clean_rows_held']} of {one['clean_rows']}" if one["clean_rows"] else "-",
        ]
        for one in document["outcomes"]
    ]


def held(one: dict[str, Any]) -> str:
    if one["how"] in ("refused", "unreadable"):
        return "all" if one["damaged_rows"] else "-"
    missing = f", {one['missing_rows']} missing" if one["missing_rows"] and not one["damaged_rows"] else ""
    return f"{one['damaged_rows_held']} of {one['damaged_rows']}{missing}"


def headline(document: dict[str, Any]) -> list[str]:
    """What the figures say, in sentences."""
    return [
        f"{document['faults']} faults, {document['cases']} cases: {document['caught']} caught "
        f"({document['caught_rate']:.1%}), {document['crashed']} crashed",
        f"{document['clean_rows_held']:,} of {document['clean_rows']:,} clean rows of accepted loads wrongly held "
        f"({document['clean_rows_held_rate']:.3%})",
        f"{sum(document['false_alarms'].values())} false alarms in {document['clean_loads']} clean loads"
        + "".join(f"\n  {rule}: {count}" for rule, count in list(document["false_alarms"].items())[:10]),
    ]
