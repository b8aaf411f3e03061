"""How the task of a model waits, in Airflow's triggerer, for what the one dbt run makes of its model: no worker is started for it.

All that wait share one look a second at the results and at the state of the task that runs dbt.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import psycopg
from airflow.triggers.base import BaseTrigger, TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from retain.airflow.results import Result, claim, read, tell
from retain.config import settings
from retain.errors import RetainError
from retain.roles import LOADER
from retain.warehouse import open_connection, role_dsn

BUILD, ACROSS = "build_models", "check_across_models"  # tasks
SECONDS_BETWEEN_LOOKS = 1.0
ANSWERS_WITHIN = 30.0  # seconds; an answer of Airflow's that was lost on its way would be waited for as long as it runs
LOOKS_BEFORE_ANOTHER_BUILDS = 5  # the model that failed goes first: its log is where a person looks
OVER = {"success", "failed", "upstream_failed", "skipped", "removed"}
NEVER_BEGAN = {"upstream_failed", "skipped", "removed"}
Run = tuple[str, str]  # DAG, run
Found = TypeVar("Found")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """What is known of a run at one moment: results by node, the task that runs dbt or ran it last, states by task."""

    results: dict[str, Result]
    builder: str | None
    states: dict[str, str | None]
    is_whole: bool = True  # the warehouse has answered; before the first `prepare` it may not be there


@dataclass(frozen=True)
class Wait:
    """Nothing is to be said yet."""


@dataclass(frozen=True)
class End:
    """The task ends by this result."""

    result: Result


@dataclass(frozen=True)
class Build:
    """A person has cleared the task, and nobody builds: it is for one that waits to do so."""


def next_step(look: Look, node: str, task: str) -> Wait | End | Build:
    """What the task of a node does after a look."""
    state, found = look.states.get(BUILD), look.results.get(node)
    if state in NEVER_BEGAN:
        return End(Result(_nothing(node, state), f"{BUILD} did not begin.", is_told=True))
    if state == "running":
        return End(found) if found and not found.is_told else Wait()
    if state not in OVER or not look.is_whole:  # it has not begun, or is tried again
        return Wait()
    if found and (found.status == "built" or not found.is_told):
        return End(found)
    if look.builder not in (None, BUILD, task) and look.states.get(str(look.builder)) not in OVER:
        return Wait()
    if found:
        return Build()
    return End(Result(_nothing(node, state), f"{look.builder or BUILD} ended without building it: see its log."))


def _nothing(node: str, build: str | None) -> Literal["failed", "skipped"]:
    """How a task ends that a build said nothing of. One fails for all: a run whose last tasks are skipped is a success to Airflow."""
    return "failed" if node == ACROSS and build not in ("skipped", "removed") else "skipped"


class ModelTrigger(BaseTrigger):
    """Ends the task of a node as its result says, or hands it to a worker when the node is to be built anew."""

    def __init__(self, node: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.node = node

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "retain.airflow.waiting.ModelTrigger", {"node": self.node}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        ti: Any = self.task_instance
        looks = 0
        while True:
            look = await look_at((ti.dag_id, ti.run_id))
            step = next_step(look, self.node, ti.task_id)
            if isinstance(step, End):
                yield await self._end(ti.run_id, step.result)
                return
            if isinstance(step, Build):
                looks += 1
                has_failed = look.results[self.node].status == "failed" and self.node != ACROSS
                goes_first = has_failed or looks > LOOKS_BEFORE_ANOTHER_BUILDS
                if goes_first and await _in_warehouse(lambda it: claim(it, ti.run_id, ti.task_id, look.builder)):  # noqa: B023
                    yield TriggerEvent("nobody builds it")  # type: ignore[no-untyped-call]
                    return

    async def _end(self, run: str, result: Result) -> TriggerEvent:
        if result.status == "built":
            self.log.info("Built and tested in %.1f s", result.seconds)
            return TaskSuccessEvent(xcoms={"seconds": round(result.seconds, 2)})
        if not result.is_told:
            await _in_warehouse(lambda it: tell(it, run, self.node, result))
        if result.status == "skipped":
            self.log.warning("Not built. %s", result.message)
            return TaskSkippedEvent()
        self.log.error("Failed. %s", result.message)
        return TaskFailedEvent()


_looks: dict[Run, "asyncio.Task[Look]"] = {}


async def look_at(run: Run) -> Look:
    """The next look at a run, one for all who ask for it meanwhile."""
    for ended in [known for known, task in _looks.items() if task.done()]:
        del _looks[ended]
    if run not in _looks:
        _looks[run] = asyncio.create_task(_look(run))
    return await asyncio.shield(_looks[run])


async def _look(run: Run) -> Look:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    dag_id, run_id = run
    known = await _read(run_id)
    tasks = sorted({BUILD, (known and known[0]) or BUILD})
    states: dict[str, Any] = {}
    try:
        asked = asyncio.to_thread(RuntimeTaskInstance.get_task_states, dag_id=dag_id, task_ids=tasks, run_ids=[run_id])
        states = (await asyncio.wait_for(asked, ANSWERS_WITHIN)).get(run_id, {})
    except Exception as error:  # whatever it is, it is no model's failure: a hundred tasks would end by it
        log.warning("Airflow does not say how %s is: %s", ", ".join(tasks), error or type(error).__name__)
    # After the states: a build that wrote its last result and ended between the two would seem to have left none.
    known = await _read(run_id)
    return Look(known[1], known[0], states) if known else Look({}, None, states, is_whole=False)


async def _read(run_id: str) -> tuple[str | None, dict[str, Result]] | None:
    try:
        return await asyncio.to_thread(_ask, lambda it: read(it, run_id))
    except (RetainError, psycopg.Error) as error:
        log.info("The warehouse does not answer: %s", error)
        return None


def _ask(question: Callable[[psycopg.Connection[Any]], Found]) -> Found:
    with open_connection(role_dsn(settings(), LOADER)) as connection:
        return question(connection)


async def _in_warehouse(question: Callable[[psycopg.Connection[Any]], Found]) -> Found:
    """In a thread, and again until the warehouse answers: a restart of it is nobody's failure."""
    while True:
        try:
            return await asyncio.to_thread(_ask, question)
        except (RetainError, psycopg.Error) as error:
            log.info("The warehouse does not answer, and is asked again: %s", error)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
