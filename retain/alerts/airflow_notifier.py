"""Retain's alerts as a notifier of Airflow: for whatever ends a task, told once, like every other problem.

    default_args=callbacks(source="webshop", entity=ENTITY_OF_GROUP)

Importing this module imports Airflow; nothing else of Retain's alerts does.
"""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseNotifier

from retain.alerts.observing import observe, origin_of, report_failure, report_success, was_told
from retain.alerts.problem import Kind
from retain.config import settings
from retain.errors import OutOfReach, Refused, UserError
from retain.loads import LoadOutcome

ENTITY_OF_GROUP = "{{ task.task_group.group_id or '' }}"  # where a load's tasks are grouped by entity


class RetainNotifier(BaseNotifier):
    """Tells that a task failed, or with `is_over` that it no longer does.

    `source` and `entity` (templates): the task is part of a load. A refused load or an unreadable source is told as just that,
    so that a load's three tasks make one problem, the same as on the command line.
    `kind`, `subject`: the task is part of a build or a forecast, all of whose tasks make one problem. Its end is for the last
    of them to tell.
    Everything else, such as a task that was killed or ran out of time, is a problem of the task; mapped tasks share one.
    An error that the task told itself is not told again.
    """

    template_fields: Sequence[str] = ("source", "entity")

    def __init__(
        self,
        source: str = "",
        entity: str = "",
        *,
        kind: str = Kind.TASK_FAILED,
        subject: str = "",
        is_over: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.entity = entity
        self.kind = Kind(kind)
        self.subject = subject
        self.is_over = is_over

    def notify(self, context: Any) -> None:
        """Never raises what a channel raises: ops.alert_deliveries says how it went."""
        one = settings()
        task, index = task_of(context)
        subject, part, where = (task, index, "") if self.kind is Kind.TASK_FAILED else (self.subject, "", task)
        is_load = bool(self.source and self.entity)
        if self.is_over:
            report_success(one, self.kind, subject, part=part)
            if self.source:
                observe(one, [LoadOutcome(self.source, self.entity, None, "published")] if is_load else ())
            return
        error = context.get("exception")
        error = error if isinstance(error, BaseException) else None
        origin = origin_of(error)
        if is_load and isinstance(origin, Refused | OutOfReach | UserError) and not was_told(error):
            status = "refused" if isinstance(origin, Refused) else "unreadable"
            observe(one, [LoadOutcome(self.source, self.entity, None, status, message=str(origin), error=origin)])
        report_failure(
            one, self.kind, subject, error, part=part, where=where
        )  # unless a load's problem was told just now


def callbacks(**what: Any) -> dict[str, Any]:
    """The two callbacks of a task, or of a DAG's `default_args`: failure is told, and the next success ends the problem."""
    return {
        "on_failure_callback": RetainNotifier(**what),
        "on_success_callback": RetainNotifier(**what, is_over=True),
    }


def task_of(context: Any) -> tuple[str, str]:
    """`dag.task` and the map index ('' when it is not mapped); the DAG alone for a callback of the DAG."""
    task = context.get("ti") or context.get("task_instance")
    if task is None:
        dag = context.get("dag")
        return getattr(dag, "dag_id", "") or "unknown", ""
    index = getattr(task, "map_index", -1)
    return f"{task.dag_id}.{task.task_id}", "" if index is None or index < 0 else str(index)
