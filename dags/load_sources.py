"""Pull one source, prove each load, publish it to `raw`: this file makes a DAG `load_<source>` for each source of retain.yml.

Runs hourly. Safe to trigger at any time, twice, or after a failure: the cursor moves only when a load is published.
If a `gate` fails, that load was refused and its log says why; `retain loads show <load_id>` says it again. What refers to
the refused records waits for them, everything else goes on, and the run ends failed.

To fill a span of time again, trigger it with `from_on` (and `until_on`, which is not read any more), or let Airflow backfill it:
a run of a backfill reads what changed in the hour before its date. The cursor stays where it is. See docs/runbooks/backfill.md.

Runbook: docs/runbooks/refused_load.md
"""

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import Param, TaskGroup, dag, task

from retain.airflow.deadlines import deadline, in_time
from retain.airflow.documentation import page_of
from retain.airflow.pools import LOADS
from retain.airflow.tasks import REFERS_TO, in_words, only, rates_from_elsewhere
from retain.alerts.airflow_notifier import ENTITY_OF_GROUP, callbacks
from retain.assets import RAW, STARTED_BY, loaded
from retain.config import settings
from retain.faults import RATES
from retain.loads import entities_of

PATIENCE = timedelta(minutes=20)
SPAN = {
    "from_on": "The first day to fill again; empty for an ordinary load.",
    "until_on": "The day at which that ends: it is not read. Empty: through today.",
}


@task
def prepare() -> None:
    from retain.warehouse import prepare

    with in_words():
        prepare(settings())


@task.sensor(mode="reschedule", poke_interval=10, timeout=2 * PATIENCE.total_seconds())
def wait_for_rates(source: str, ti: Any = None, dag_run: Any = None) -> bool:
    """On a first start the source with the exchange rates loads in the same hour. What needs a rate that does not come in time
    waits in quarantine, and is taken up when it comes."""
    from retain.airflow.tasks import rates_are_coming

    waited = pendulum.now("UTC") - dag_run.start_date
    return bool(waited > PATIENCE) or not rates_are_coming(settings(), source, ti)


@task
def land(source: str, entity: str, dag_run: Any = None, params: Any = None) -> int:
    from retain.airflow.tasks import window_of_run
    from retain.landing import land_changes

    with in_words():
        window = window_of_run(settings(), dag_run, params)
        return land_changes(settings(), source, entity, window=window).load_id


@task(retries=0)  # asking again does not make bad data better
def gate(load_id: int) -> int:
    from retain.gate import judge

    with in_words():
        judge(settings(), load_id).raise_if_refused()
    return load_id


@task
def publish(load_id: int, entity: str, outlet_events: Any = None) -> int:
    from retain.publish import publish_load

    with in_words():
        done = publish_load(settings(), load_id)
    outlet_events[RAW[entity]].extra = {"load_id": load_id, "rows_changed": done.rows_changed}
    return done.rows_changed


@task
def find_deleted(source: str, entity: str) -> int:
    """Once a day: compare the keys with the source's, mark what is no longer there, and name what no load has brought."""
    from retain.airflow.tasks import compare_keys_if_due

    with in_words():
        return compare_keys_if_due(settings(), source, entity)


@task
def take_up_waiting(
    source: str, published: list[str], ti: Any = None, dag_run: Any = None, outlet_events: Any = None
) -> None:
    """Judge again what waited for a record that has come, and say that the source was loaded, if anything of it was."""
    from airflow.sdk.exceptions import AirflowSkipException

    from retain.loads import retry_waiting

    if all(changed is None for changed in ti.xcom_pull(task_ids=published)):
        raise AirflowSkipException("Nothing was published.")
    with in_words():
        retry_waiting(only(settings(), source))
    outlet_events[loaded(source)].extra = {STARTED_BY: str(dag_run.run_type)}


def load(source: str) -> None:
    @dag(
        dag_id=f"load_{source}",
        schedule="@hourly",
        start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
        catchup=False,
        max_active_runs=1,
        default_args={
            "owner": "data-platform",
            "retries": 2,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": 2,
            "pool": LOADS,
            **callbacks(source=source, entity=ENTITY_OF_GROUP),
        },
        params={
            name: Param(None, type=["null", "string"], format="date", description=words) for name, words in SPAN.items()
        },
        deadline=deadline(settings()),
        tags=["layer:load", f"source:{source}", "tier:1"],
        doc_md=page_of(__doc__, settings()),
    )
    def load_source() -> None:
        ready = prepare()
        published: dict[str, Any] = {}
        compared: dict[str, Any] = {}
        elsewhere = {RATES: wait_for_rates(source)} if rates_from_elsewhere(settings(), source) else {}
        for waits in elsewhere.values():
            ready >> waits
        for entity in entities_of(settings(), source):
            with TaskGroup(entity, prefix_group_id=False):
                landed: Any = land.override(task_id=f"land_{entity}")(source, entity)
                judged: Any = gate.override(task_id=f"gate_{entity}")(landed)
                outlet = publish.override(task_id=f"publish_{entity}", outlets=[RAW[entity]])
                there = {**elsewhere, **published}
                waits_for = [there[other] for other in REFERS_TO.get(entity, ()) if other in there]
                (waits_for or ready) >> landed
                published[entity] = outlet(judged, entity)
                compared[entity] = find_deleted.override(task_id=f"find_deleted_{entity}")(source, entity)
                published[entity] >> compared[entity]
        last = take_up_waiting.override(
            outlets=[loaded(source)], **in_time(f"load_{source}", **callbacks(source=source, entity=ENTITY_OF_GROUP))
        )(source, [f"publish_{entity}" for entity in published])
        # A teardown runs whatever became of the others, and whether the run succeeded is for the others to say.
        list(compared.values()) >> last.as_teardown()

    load_source()


for configured in settings().sources:
    load(configured.name)
