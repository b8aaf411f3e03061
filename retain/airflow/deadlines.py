"""Runs that do not end in time: Airflow's deadline alerts, told like every other problem of Retain's.

    @dag(deadline=deadline(settings()), ...)            # told when a run is under way for longer than alerts.run_within_hours
    last_task.override(**in_time("transform_marts"))    # over when a run gets to its end

A failed load or a late source has a message of its own. This one is for what says nothing at all: a task that hangs, a source that
answers for hours, a scheduler without a free slot.
"""

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from retain.alerts import Kind, observe, report_late_run
from retain.alerts.airflow_notifier import RetainNotifier
from retain.config import Settings, settings


def deadline(config: Settings) -> DeadlineAlert | None:
    """Counted from the moment at which the run was due to start. Airflow's triggerer tells: no slot of the executor is needed.

    None under `airflow dags test`, which has neither triggerer nor scheduler and, in Airflow 3.3, fails at the end of a run that has one.
    """
    if sys.argv[1:3] == ["dags", "test"]:
        return None
    # A number of seconds, which Airflow 3.3 reads too: a run whose deadline was given as a timedelta it can clear no task of.
    seconds: Any = timedelta(hours=config.alerts.run_within_hours).total_seconds()
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=seconds,
        callback=AsyncCallback(tell_late_run),
        name="ends in time",
    )


async def tell_late_run(context: Any) -> str:
    """Called by Airflow's triggerer with the run that has missed its deadline, as its API shows it."""
    run = context["dag_run"]
    await asyncio.to_thread(_tell, run["dag_id"], run["dag_run_id"], run["queued_at"])
    return f"{run['dag_id']} {run['dag_run_id']} was told as late"


def _tell(dag_id: str, run_id: str, since: str) -> None:
    report_late_run(settings(), dag_id, run_id, datetime.fromisoformat(since))
    observe(settings())


def in_time(dag_id: str, **others: Any) -> dict[str, Any]:
    """Callbacks of a DAG's last task, which end what was told of a late run; `others` are those it has besides."""
    over = RetainNotifier(kind=Kind.RUN_LATE, subject=dag_id, is_over=True)
    success = others.pop("on_success_callback", None)
    return {
        **others,
        "on_success_callback": [*([success] if success else []), over],
        "on_skipped_callback": over,
    }
