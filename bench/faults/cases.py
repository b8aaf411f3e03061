"""Send one damaged delivery after the other to a copy of the clean history, and hand back what came of each."""

import copy
import multiprocessing
import time
import traceback
import zlib
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import bench.faults.catalogue  # noqa: F401 -- importing it fills the catalogue, in every process
from bench.faults import judging
from bench.faults.databases import DATABASE_FAULTS, HISTORY, DatabaseFault, spoil, sql_place
from bench.faults.databases import ENTITIES as SQL_ENTITIES
from bench.faults.evidence import Evidence, collect
from bench.faults.judging import Columns, Outcome
from bench.faults.night import FILE_FAULTS, Fault, Night
from bench.faults.shop import Delivery
from bench.faults.stage import AFTERWARDS, SOURCE, Place, copy_warehouse, place, stage_name
from retain import loads, warehouse
from retain.embedded import EmbeddedServer

DATABASE = "database"


@dataclass(frozen=True)
class Case:
    """One fault on one entity, of the shop that sends files or of the one that has a database."""

    fault: str
    entity: str

    @property
    def is_of_database(self) -> bool:
        return self.fault in DATABASE_FAULTS


@dataclass(frozen=True)
class Stages:
    """What every worker needs: the server's folder, the deliveries, and what the clean last night looks like, by entity
    (DATABASE: the night of the shop that has a database)."""

    server_folder: Path
    deliveries: list[tuple[date, Delivery]]
    clean: dict[str, Evidence]
    columns: Columns


class Worker:
    """A folder and databases of its own, in which one case after the other is played."""

    def __init__(self, stages: Stages, number: int) -> None:
        self.stages = stages
        self.server = EmbeddedServer(stages.server_folder)
        self.database, self.shop = f"case_{number}", f"shop_{number}"
        folder = stages.server_folder / f"worker-{number}"
        self.files = place(folder / "files-shop", self.server.dsn(self.database), self.database)
        self.sql = sql_place(self.server, folder / "sql-shop", self.database, self.shop)

    def play(self, case: Case) -> Outcome:
        outcome, started = Outcome(case.fault, case.entity), time.monotonic()
        here, entities = self._spoiled(case)
        now, statuses = self.load(here, entities, outcome)
        clean = self.stages.clean[DATABASE if case.is_of_database else case.entity]
        judging.judge(outcome, clean, now, self.stages.columns, statuses)
        outcome.seconds = round(time.monotonic() - started, 2)
        return outcome

    def load(self, here: Place, entities: list[str], outcome: Outcome) -> tuple[Evidence, dict[str, str]]:
        """Load the given entities; what that left behind, and how each ended. What is raised is noted as a crash."""
        with warehouse.connect(here.settings) as connection:
            after = last_load(connection)
        statuses: dict[str, str] = {}
        try:
            for ended in loads.load_sources(here.settings, [SOURCE], entities):
                if not ended.is_retry:
                    statuses[ended.entity] = ended.status
                if ended.message and ended.status != "published":
                    outcome.said += f"{ended.entity}: {ended.message}\n"
        except Exception as error:
            outcome.crash = "".join(traceback.format_exception(error)[-6:])
        with warehouse.connect(here.settings) as connection:
            return collect(connection, SOURCE, after, self.stages.columns), statuses

    def _spoiled(self, case: Case) -> tuple[Place, list[str]]:
        """Put everything back and do the damage; where to load now, and which entities."""
        if case.is_of_database:
            copy_warehouse(self.server, HISTORY, self.sql, self.database)
            spoil(self.server, self.shop, case.fault, case.entity, self.stages.deliveries[-1][0])
            return self.sql, list(SQL_ENTITIES)
        copy_warehouse(self.server, stage_name(case.entity), self.files, self.database)
        day, delivery = self.stages.deliveries[-1]
        night = Night(
            case.entity,
            copy.deepcopy(delivery),
            [past for _, past in self.stages.deliveries[:-1]],
            Random(zlib.crc32(f"{case.fault} {case.entity}".encode())),
        )
        if case.fault:
            FILE_FAULTS[case.fault].do(night)
        entities = [case.entity, *AFTERWARDS[case.entity]]
        self.files.clear()
        for entity in entities:
            self.files.send(entity, day, night.file(entity))
        return self.files, entities

    def clean_night(self, entity: str) -> Evidence:
        """What the last night of an entity, or of the DATABASE, looks like when nothing is damaged."""
        if entity == DATABASE:
            copy_warehouse(self.server, HISTORY, self.sql, self.database)
            spoil(self.server, self.shop, "", entity, self.stages.deliveries[-1][0])
            here, entities = self.sql, list(SQL_ENTITIES)
        else:
            here, entities = self._spoiled(Case("", entity))
        outcome = Outcome("", entity)
        evidence, statuses = self.load(here, entities, outcome)
        if outcome.crash or set(statuses.values()) != {"published"}:
            raise RuntimeError(f"a clean night of {entity} was not published: {outcome.said} {outcome.crash}")
        return evidence


def last_load(connection: Any) -> int:
    row = connection.execute("select coalesce(max(load_id), 0) from ops.loads").fetchone()
    return int(row[0])


def all_cases(names: Collection[str] = ()) -> list[Case]:
    """Every fault on every entity that it fits; with `names`, only those of these faults."""
    faults: list[Fault | DatabaseFault] = [*FILE_FAULTS.values(), *DATABASE_FAULTS.values()]
    return [
        Case(fault.name, entity) for fault in faults if not names or fault.name in names for entity in fault.entities
    ]


_worker: Worker | None = None


def _start_worker(stages: Stages, numbers: Any) -> None:
    global _worker
    _worker = Worker(stages, numbers.get())


def _play(case: Case) -> Outcome:
    assert _worker is not None
    return _worker.play(case)


def play_all(stages: Stages, cases: list[Case], workers: int, tell: Callable[[str], None]) -> Iterator[Outcome]:
    """Play every case, `workers` at a time, each in a process of its own; outcomes come in the order of the cases."""
    context = multiprocessing.get_context("spawn")
    numbers = context.Queue()
    for number in range(workers):
        numbers.put(number)
    with ProcessPoolExecutor(workers, context, _start_worker, (stages, numbers)) as pool:
        for number, outcome in enumerate(pool.map(_play, cases), 1):
            if number % 25 == 0:
                tell(f"{number} of {len(cases)} cases")
            yield outcome
