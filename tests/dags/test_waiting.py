"""The tasks of models, which wait in Airflow's triggerer: what each does after a look, and one look for all of them."""

import asyncio
import threading
from contextlib import aclosing
from types import SimpleNamespace

import pytest
from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent

from retain.airflow import results, waiting
from retain.airflow.results import Result
from retain.airflow.waiting import ACROSS, BUILD, Build, End, Look, ModelTrigger, Wait, next_step
from retain.config import load_settings
from retain.roles import LOADER
from retain.warehouse import connect, prepare

RUN, NODE, TASK, OTHER = "manual__1", "model.retain.stg", "models.stg", "models.other"
BUILT, FAILED, TOLD = Result("built"), Result("failed", "no such column"), Result("failed", is_told=True)
NOTHING: dict[str, Result] = {}


def step(build, found=None, *, builder=BUILD, **states):
    look = Look({NODE: found} if found else NOTHING, builder, {BUILD: build, **states})
    return next_step(look, NODE, TASK)


@pytest.mark.parametrize("state", [None, "scheduled", "queued", "up_for_retry", "restarting"])
def test_nothing_of_an_earlier_build_counts_before_the_build_has_begun(state):
    assert step(state) == step(state, BUILT) == step(state, FAILED) == Wait()


def test_a_task_ends_by_its_models_result_while_the_others_are_being_built():
    assert step("running") == Wait()
    assert (step("running", BUILT), step("running", FAILED)) == (End(BUILT), End(FAILED))


def test_a_result_that_was_told_is_no_news_while_somebody_builds():
    assert step("running", TOLD) == Wait()
    assert step("success", TOLD, builder=OTHER, **{OTHER: "queued"}) == Wait()


@pytest.mark.parametrize("state", ["success", "failed"])
def test_a_build_that_ended_without_a_word_of_the_model_is_not_waited_for(state):
    ended = step(state)
    assert isinstance(ended, End)
    assert ended.result.status == "skipped"
    assert BUILD in ended.result.message


@pytest.mark.parametrize("state", ["success", "failed", "upstream_failed"])
def test_a_run_in_which_nothing_was_built_fails(state):
    """By one task: to Airflow a run is a success where all that ends it was skipped."""
    ended = next_step(Look(NOTHING, BUILD, {BUILD: state}), ACROSS, ACROSS)
    assert isinstance(ended, End)
    assert ended.result.status == "failed"
    assert next_step(Look(NOTHING, BUILD, {BUILD: "skipped"}), ACROSS, ACROSS).result.status == "skipped"


@pytest.mark.parametrize("state", ["upstream_failed", "skipped", "removed"])
def test_a_build_that_never_began_is_not_waited_for(state):
    for found in (None, BUILT, TOLD):
        assert step(state, found).result.status == "skipped"


def test_what_a_person_has_cleared_is_built_by_one_that_waits_when_nobody_builds():
    assert step("success", TOLD) == Build()
    assert step("success", TOLD, builder=OTHER, **{OTHER: "failed"}) == Build()
    assert step("success", TOLD, builder=TASK, **{TASK: "deferred"}) == Build()  # it was cleared while it built
    assert step("success", BUILT) == End(BUILT)


def test_a_warehouse_that_does_not_answer_ends_no_task():
    assert next_step(Look(NOTHING, None, {BUILD: "failed"}, is_whole=False), NODE, TASK) == Wait()


@pytest.fixture(scope="module")
def warehouse(make_shop):
    path = make_shop("waiting")
    prepare(load_settings(path))
    return path


@pytest.fixture
def airflow(warehouse, monkeypatch):
    """What Airflow says of the tasks of the run, as the test changes it; `asked` counts."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    monkeypatch.setenv("RETAIN_CONFIG", str(warehouse))
    monkeypatch.setattr(waiting, "SECONDS_BETWEEN_LOOKS", 0.05)
    said = SimpleNamespace(states={BUILD: "running"}, asked=0)

    def states(dag_id, task_ids, run_ids):
        said.asked += 1
        return {RUN: {task: said.states.get(task) for task in task_ids}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(states))
    with connect(load_settings(warehouse), LOADER) as connection:
        results.begin(connection, RUN, BUILD)
    return said


def write(warehouse, node, result):
    with connect(load_settings(warehouse), LOADER) as connection:
        results.write(connection, RUN, node, result)


async def event_of(node, task):
    trigger = ModelTrigger(node)
    trigger.task_instance = SimpleNamespace(dag_id="transform_marts", run_id=RUN, task_id=task)
    async with aclosing(trigger.run()) as events:
        return await anext(events)


def test_a_hundred_tasks_share_their_looks_and_end_by_what_is_written(airflow, warehouse):
    nodes = {f"models.m{number}": f"model.retain.m{number}" for number in range(100)}

    async def all_of_them():
        waiting_for = [asyncio.create_task(event_of(node, task)) for task, node in nodes.items()]
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in waiting_for)
        for number, node in enumerate(nodes.values()):
            status = ("built", "failed", "skipped")[number % 3]
            await asyncio.to_thread(write, warehouse, node, Result(status))
        return await asyncio.gather(*waiting_for)

    events = asyncio.run(asyncio.wait_for(all_of_them(), 60))
    kinds = (TaskSuccessEvent, TaskFailedEvent, TaskSkippedEvent)
    assert [type(event) for event in events] == [kinds[number % 3] for number in range(100)]
    assert 0 < airflow.asked < 100


def test_a_build_that_ends_during_a_look_has_left_its_results(airflow, warehouse, monkeypatch):
    """It writes the last of them, and is over, between the two questions of a look."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    def ends_now(dag_id, task_ids, run_ids):
        write(warehouse, ACROSS, Result("built"))
        return {RUN: {BUILD: "success"}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(ends_now))
    event = asyncio.run(asyncio.wait_for(event_of(ACROSS, ACROSS), 30))
    assert isinstance(event, TaskSuccessEvent)


def test_of_all_that_were_cleared_one_builds_and_the_others_wait_for_it(airflow, warehouse):
    tasks = {"models.failed": "model.retain.failed", "models.skipped": "model.retain.skipped", ACROSS: ACROSS}
    for node, status in zip(tasks.values(), ("failed", "skipped", "failed"), strict=True):
        write(warehouse, node, Result(status))
        with connect(load_settings(warehouse), LOADER) as connection:
            results.tell(connection, RUN, node, Result(status))
    airflow.states = {BUILD: "success", "models.failed": "deferred"}

    async def cleared():
        waiting_for = {task: asyncio.create_task(event_of(node, task)) for task, node in tasks.items()}
        event = await waiting_for.pop("models.failed")
        assert event.payload == "nobody builds it"
        await asyncio.sleep(1)
        assert not any(task.done() for task in waiting_for.values())
        with connect(load_settings(warehouse), LOADER) as connection:
            assert results.read(connection, RUN)[0] == "models.failed"
            results.take_over(connection, RUN, "models.failed", tasks.values())
            for node in tasks.values():
                results.write(connection, RUN, node, Result("built"))
        airflow.states["models.failed"] = "success"
        return [await task for task in waiting_for.values()]

    events = asyncio.run(asyncio.wait_for(cleared(), 60))
    assert [type(event) for event in events] == [TaskSuccessEvent] * 2


@pytest.mark.parametrize("answers_never", [False, True])
def test_airflow_that_cannot_say_how_its_tasks_are_ends_none(airflow, warehouse, monkeypatch, answers_never):
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    is_over = threading.Event()

    def says_nothing(**_):
        if answers_never:
            is_over.wait(60)
        raise RuntimeError("the API server is being restarted")

    answers = RuntimeTaskInstance.get_task_states
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(says_nothing))
    monkeypatch.setattr(waiting, "ANSWERS_WITHIN", 0.2)
    write(warehouse, NODE, Result("built"))

    async def restarted():
        one = asyncio.create_task(event_of(NODE, TASK))
        await asyncio.sleep(0.5)
        assert not one.done()
        monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(answers))
        try:
            return await asyncio.wait_for(one, 30)
        finally:
            is_over.set()

    assert isinstance(asyncio.run(restarted()), TaskSuccessEvent)
