"""Build and test the models in one dbt run, and show the new marts when every test has passed.

Starts when a source was loaded, or rows were released from quarantine. Safe to trigger at any time: people see the old
marts until all of the new are right.
`build_models` runs dbt; the task of each model says, as soon as it is known, what became of that model. What could not be
built, since a model that it reads failed, is skipped.
When an hourly load brings what was known (no record, decision, setting, model or day is another than when the marts were
built), the models are skipped, but for those that tell how loads went. What a person triggers, a load or this, builds everything.
If a model fails, its log names the test and the rows; put it right, then clear the model and what follows it: what failed
is built anew, with what follows it, and the run goes on from there. If `show_marts` says that another build came between,
clear the whole run.

Runbook: docs/runbooks/refused_load.md
"""

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import AssetAny, dag, task

from retain.airflow.deadlines import deadline, in_time
from retain.airflow.documentation import page_of
from retain.airflow.models import ModelOperator, model_tasks
from retain.airflow.pools import BUILDS
from retain.airflow.tasks import in_words, loads_are_running
from retain.airflow.waiting import ACROSS, BUILD
from retain.alerts.airflow_notifier import RetainNotifier, callbacks
from retain.assets import MARTS, RAW, RELEASED, loaded
from retain.config import settings

PATIENCE = timedelta(hours=1)


@task.sensor(mode="poke", poke_interval=3, timeout=2 * PATIENCE.total_seconds())
def wait_for_loads(ti: Any = None, dag_run: Any = None) -> bool:
    """Two sources that load at the same hour make one build over quiet tables; a load without an end holds up nobody."""
    waited = pendulum.now("UTC") - dag_run.start_date
    return bool(waited > PATIENCE) or not loads_are_running(settings(), ti)


@task(inlets=[asset for entity, asset in RAW.items() if settings().sources_of(entity)])
def prepare(run_id: Any = None) -> dict[str, Any]:
    from retain.airflow.marts import begin_build
    from retain.loads import retry_waiting
    from retain.warehouse import prepare

    with in_words():
        prepare(settings())
        retry_waiting(settings())  # a record of one source may have waited for a record of another
        return begin_build(settings(), run_id, BUILD)


@task
def build_models(variables: dict[str, Any]) -> None:
    """Of a model that fails, the model's task tells; this one fails when dbt cannot run."""
    from airflow.sdk import get_current_context

    from retain.airflow.building import build_run

    with in_words():
        build_run(settings(), get_current_context(), variables)


@task(outlets=[MARTS], **in_time("transform_marts", **callbacks(kind="build_failed")))
def show_marts(run_id: Any = None) -> list[str]:
    from retain.airflow.marts import finish_build

    with in_words():
        return finish_build(settings(), run_id)


@dag(
    schedule=AssetAny(*(loaded(source.name) for source in settings().sources), RELEASED),
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "data-platform",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2,
        "pool": BUILDS,
        "on_failure_callback": RetainNotifier(kind="build_failed"),
    },
    deadline=deadline(settings()),
    tags=["layer:transform", "tier:1"],
    doc_md=page_of(__doc__, settings()),
)
def transform_marts() -> None:
    prepared: Any = prepare()
    across = ModelOperator(task_id=ACROSS, node=ACROSS)
    wait_for_loads() >> prepared >> build_models(prepared) >> model_tasks(settings()) >> across >> show_marts()


transform_marts()
