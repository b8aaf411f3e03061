"""One dbt run builds the models of a run of transform_marts, and says of each at once what became of it."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

import psycopg

from retain import alerts
from retain.airflow import results
from retain.airflow.marts import nothing_is_new, refuse_another_build
from retain.airflow.parsed import parsed
from retain.airflow.results import Result
from retain.airflow.waiting import ACROSS, BUILD
from retain.assets import STARTED_BY
from retain.config import Settings
from retain.errors import Refused
from retain.roles import LOADER, TRANSFORMER
from retain.transform import OF_LOADS, arguments, build_and_show, only_one_build, run_dbt
from retain.warehouse import connect

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

GOOD = ("success", "pass", "warn")
SAME = "Nothing that models read has changed since the marts were built: they would come out the same."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """All results of a run by node, and those of the models that were built just now by name."""

    results: dict[str, Result]
    models: dict[str, Result]


def build(
    settings: Settings, run: str, builder: str, variables: dict[str, Any], *, only_if_new: bool = False
) -> Outcome:
    """Build and test what the run has not built yet: at first everything, after a failure what failed and what follows it.

    `only_if_new`: where the marts that people see would come out the same, no model is built but those that tell how loads
    went. What a model or a test fails by is told and not raised. Raises Busy while another build runs, Refused when marts_next
    is another run's by now, RetainError when dbt could not run at all.
    """
    manifest = parsed(settings, variables)
    nodes = Nodes(manifest)
    with (
        connect(settings, TRANSFORMER) as held,
        only_one_build(held),
        connect(settings, LOADER, autocommit=True) as connection,
    ):
        refuse_another_build(held, run)
        command = arguments(settings, "build")
        command[command.index("--vars") + 1] = json.dumps(variables)
        if only_if_new and nothing_is_new(settings, held) and not _is_awaited(connection):
            log.info("%s Only how loads went is told anew.", SAME)
            build_and_show(settings, held, command, OF_LOADS, manifest=manifest)
            return _leave(connection, run, nodes)
        _, before = results.read(connection, run)
        again = nodes.to_build(before)
        results.take_over(connection, run, builder, [*again, ACROSS])
        written = Written(connection, run, nodes)
        if again:
            selected = ["--select", *sorted(map(nodes.name, again))] if before else []
            failures = _run(settings, [*command, *selected], manifest, written)
            written.skip(again)
            if failures is not None:
                where = _where(results.read(connection, run)[1], nodes)
                alerts.report_failure(settings, alerts.Kind.BUILD_FAILED, "", failures, where=where)
        _, after = results.read(connection, run)
        whole = _sum(after, nodes)
        results.write(connection, run, ACROSS, whole)
        models = {nodes.name(node): after[node] for node in again & nodes.models}
        return Outcome({**after, ACROSS: whole}, models)


def build_run(settings: Settings, context: Any, variables: dict[str, Any]) -> dict[str, Result]:
    """`build` as the task of that context, with its lineage; returns the results by node."""
    from airflow.providers.openlineage.conf import is_disabled

    ti = context["ti"]
    # Whoever triggers a load or a build, or clears a model, wants it built; what runs every hour may have brought nothing.
    only_if_new = ti.task_id == BUILD and _is_of_the_schedule(context)
    outcome = build(settings, ti.run_id, ti.task_id, variables, only_if_new=only_if_new)
    if not is_disabled():
        from retain.airflow.lineage import emit_models

        emit_models(settings, context, outcome.models)
    return outcome.results


def _is_of_the_schedule(context: Any) -> bool:
    """Whether the run was started by loads that nobody but the clock has started."""
    events = [event for of_asset in context["triggering_asset_events"].values() for event in of_asset]
    return bool(events) and all(event.extra.get(STARTED_BY) == "scheduled" for event in events)


def _is_awaited(connection: psycopg.Connection[Any]) -> bool:
    """Whether people were told of a failure, and wait to hear that it is over, which only a whole build tells."""
    awaited = (alerts.Kind.BUILD_FAILED, alerts.Kind.FORECAST_FAILED)
    return any(alert.key.kind in awaited for alert in alerts.open_alerts(connection))


def _leave(connection: psycopg.Connection[Any], run: str, nodes: "Nodes") -> Outcome:
    result = Result("skipped", SAME)
    every = {**dict.fromkeys(nodes.models, result), ACROSS: result}
    for node in every:
        results.write(connection, run, node, result)
    return Outcome(every, {})


def _run(settings: Settings, command: list[str], manifest: "Manifest", written: "Written") -> Refused | None:
    try:
        run_dbt(settings, command, listen=written.listen, manifest=manifest)
    except Refused as failures:
        log.error("%s", failures)
        return failures
    return None


def _where(after: dict[str, Result], nodes: "Nodes") -> str:
    failed = {node for node, one in after.items() if one.status == "failed"}
    tasks = [f"models.{nodes.name(node)}" for node in sorted(failed & nodes.models)]
    return ", ".join(f"transform_marts.{task}" for task in [*tasks, *([ACROSS] if failed & nodes.across else [])])


def _sum(after: dict[str, Result], nodes: "Nodes") -> Result:
    """The whole build in a sentence: what failed, and how many models are missing besides."""
    failed = sorted(nodes.name(node) for node, one in after.items() if one.status == "failed")
    across = [one.message for node, one in sorted(after.items()) if node in nodes.across and one.status == "failed"]
    skipped = [node for node, one in after.items() if node in nodes.models and one.status == "skipped"]
    if all(one.status == "built" for one in after.values()):
        return Result("built")
    words = [f"Failed: {', '.join(failed)}; {len(skipped)} other models were not built for it.", *across]
    return Result("failed", " ".join(words))


class Nodes:
    """The models of the project, the tests of each alone, and the tests that look at several models, or at none."""

    def __init__(self, manifest: "Manifest") -> None:
        self._nodes = manifest.nodes
        kinds = {name: str(node.resource_type) for name, node in self._nodes.items()}
        self.models = {name for name, kind in kinds.items() if kind == "model"}
        self.model_of: dict[str, str] = {}
        self.across: set[str] = set()
        for name in (name for name, kind in kinds.items() if kind == "test"):
            model = model_of(list(self._nodes[name].depends_on_nodes))
            if model is None:
                self.across.add(name)
            else:
                self.model_of[name] = model

    def name(self, node: str) -> str:
        return str(self._nodes[node].name) if node in self._nodes else node

    def tests_of(self, model: str) -> set[str]:
        return {test for test, its_model in self.model_of.items() if its_model == model}

    def to_build(self, before: dict[str, Result]) -> set[str]:
        """Every model that is not built and right, those that a failed test looks at, what follows them; the tests across them."""
        known = {node for node, one in before.items() if one.status == "built"}
        models = {node for node in self.models if node not in known}
        tests = {node for node in self.across if node not in known}
        failed = {test for test in tests if test in before and before[test].status == "failed"}
        waiting = [*models, *(parent for test in failed for parent in self._models_of(test))]
        children: dict[str, list[str]] = {}
        for model in self.models:
            for parent in self._models_of(model):
                children.setdefault(parent, []).append(model)
        models = set()
        while waiting:
            model = waiting.pop()
            if model not in models:
                models.add(model)
                waiting.extend(children.get(model, ()))
        return models | tests | {test for test in self.across if models.intersection(self._models_of(test))}

    def _models_of(self, node: str) -> set[str]:
        return self.models.intersection(self._nodes[node].depends_on_nodes)


def model_of(depends_on: list[str]) -> str | None:
    """The model whose own a test is: it depends on that model and on nothing else."""
    return depends_on[0] if len(depends_on) == 1 and depends_on[0].startswith("model.") else None


class Written:
    """Listens to dbt, and writes what became of a model as soon as its own tests have ended too."""

    def __init__(self, connection: psycopg.Connection[Any], run: str, nodes: Nodes) -> None:
        self._connection, self._run, self._nodes = connection, run, nodes
        self._lock = Lock()  # dbt calls from each of its threads
        self._ended: dict[str, tuple[str, str]] = {}  # node: its status, in dbt's words, and message
        self._began: dict[str, datetime] = {}
        self._written: set[str] = set()

    def listen(self, event: Any) -> None:
        if event.info.name != "NodeFinished":
            return
        info, result = event.data.node_info, event.data.run_result
        node = info.unique_id
        with self._lock:
            self._ended[node] = (result.status, f"{info.node_name}: {' '.join(result.message.split())}")
            if info.node_started_at:
                self._began[node] = datetime.fromisoformat(f"{info.node_started_at}+00:00")
            log.info("%s: %s", info.node_name, result.status)
            if node in self._nodes.across:
                self._write(node, [node])
            elif (model := self._nodes.model_of.get(node, node)) in self._nodes.models:
                parts = [model, *sorted(self._nodes.tests_of(model))]
                if self._ended.get(model, ("",))[0] not in ("", *GOOD) or all(part in self._ended for part in parts):
                    self._write(model, parts)

    def _write(self, node: str, parts: list[str]) -> None:
        ended = [self._ended[part] for part in parts if part in self._ended]
        if node in self._written or any(status == "skipped" for status, _ in ended[:1]):
            return
        bad = [message for status, message in ended if status not in (*GOOD, "skipped")]
        result = Result("failed" if bad else "built", " ".join(bad), self._began.get(node))
        results.write(self._connection, self._run, node, result)
        self._written.add(node)

    def skip(self, nodes: Iterable[str]) -> None:
        """Of what dbt was to build and said nothing: something that it reads has failed."""
        for node in set(nodes) - self._written:
            results.write(self._connection, self._run, node, Result("skipped", "Something that it reads has failed."))
