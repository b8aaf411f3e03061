"""A task for each model, in dbt's order, that shows what the one dbt run makes of it; cleared, it builds what is to be built anew.

The scheduler hands each to the triggerer as soon as a run begins, and no worker is started for it: a chain of models does not cost a
second of Airflow's for each of its links. Only what a person has cleared, while nobody builds, is given to a worker.
"""

import json
import sys
from typing import Any

from airflow.sdk import BaseOperator, TaskGroup, TriggerRule
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.triggers.base import StartTriggerArgs

from retain.airflow.manifest import write_manifest
from retain.airflow.results import Result, read, tell
from retain.airflow.tasks import in_words
from retain.config import Settings, settings
from retain.roles import LOADER
from retain.warehouse import connect


class ModelOperator(BaseOperator):
    """The task of a model, or of what is looked at across models. `node`: its id in dbt's manifest, or the task's own."""

    start_from_trigger = True

    def __init__(self, *, node: str, **others: Any) -> None:
        super().__init__(
            trigger_rule=rule(), retries=0, on_failure_callback=None, **others
        )  # build_models tells of all
        self.node = node
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls="retain.airflow.waiting.ModelTrigger",
            trigger_kwargs={"node": node},
            next_method="build",
        )

    def execute(self, context: Any) -> None:
        """Where there is no triggerer, as under `airflow dags test`."""
        ti = context["ti"]
        with in_words(), connect(settings(), LOADER) as connection:
            _, results = read(connection, ti.run_id)
        found = results.get(self.node)
        if found and not (found.is_told and found.status != "built"):
            self._end(ti.run_id, found)
        else:
            self.build(context)

    def build(self, context: Any, event: Any = None) -> None:
        """Build what the run lacks, this model among it; end as this model did."""
        from retain.airflow.building import build_run

        ti = context["ti"]
        with in_words():
            results = build_run(settings(), context, ti.xcom_pull(task_ids="prepare"))
        self._end(ti.run_id, results.get(self.node) or Result("failed", "The dbt project has no such model any more."))

    def _end(self, run: str, result: Result) -> None:
        if result.status == "built":
            return
        with connect(settings(), LOADER) as connection:
            tell(connection, run, self.node, result)
        raise (AirflowSkipException if result.status == "skipped" else AirflowFailException)(result.message)


def rule() -> TriggerRule:
    """All wait at once for what dbt makes of them; one after the other where there is no triggerer, which runs one at a time."""
    return TriggerRule.ALL_SUCCESS if sys.argv[1:3] == ["dags", "test"] else TriggerRule.ALWAYS


def model_tasks(config: Settings) -> TaskGroup:
    """The group `models`: a task for each model of the dbt project, with dbt's edges between them."""
    nodes = json.loads(write_manifest(config).read_text())["nodes"]
    models = {name: node for name, node in nodes.items() if node["resource_type"] == "model"}
    with TaskGroup("models") as group:
        tasks = {
            name: ModelOperator(task_id=node["name"], node=name, doc_md=node["description"] or None)
            for name, node in sorted(models.items())
        }
    for name, node in models.items():
        for parent in node["depends_on"]["nodes"]:
            if parent in tasks:
                tasks[parent] >> tasks[name]
    return group
