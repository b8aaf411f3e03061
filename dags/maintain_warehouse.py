"""Keep the warehouse as fast and as small as it was: vacuum what loads churn, delete what retain.yml says is kept no longer.

Runs every night. Safe to trigger at any time, and while loads and builds run: a table that is in use is left for the next
night, and nothing that a record, an entry in quarantine or a replay needs is ever deleted. No task waits for another.

- `vacuum_tables`: tables with dead rows, or whose statistics are old; takes as long as what has changed.
- `drop_old_versions`: the retention policy of landing (`landing.keep_days`; without it everything is kept), once a week.
- `delete_old_logs`: log files older than `maintenance.keep_logs_days`.
- `delete_old_pages`: Data Docs of all loads but the last `gate.data_docs`.
- `delete_old_runs`: Airflow's history of runs older than `maintenance.keep_runs_days` (`airflow db clean`).
- `look_for_late_sources`: a source that nobody loads any more is told, even when no other load runs.

Graded predictions (`forecast.keep_days`) are deleted by each forecast.

Runbook: docs/runbooks/maintenance.md
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag, task

from retain.airflow.documentation import page_of
from retain.airflow.pools import BUILDS
from retain.airflow.tasks import in_words
from retain.alerts.airflow_notifier import callbacks
from retain.config import settings


@task
def vacuum_tables() -> int:
    from retain.maintenance import vacuum

    with in_words():
        done = vacuum(settings())
    for one in done:
        print(f"{one.table}: {one.dead_rows:,} dead rows, {one.seconds:.1f} s")
    return len(done)


@task
def drop_old_versions() -> int:
    from retain.retention import apply_if_due

    with in_words():
        dropped = apply_if_due(settings())
    for one in dropped:
        print(f"{one.entity} of {one.source}: {one.rows:,} rows of {one.loads:,} loads")
    return sum(one.rows for one in dropped)


@task
def delete_old_logs() -> int:
    from retain.maintenance import delete_old_logs

    with in_words():
        return delete_old_logs(settings())


@task
def delete_old_pages() -> None:
    from retain.data_docs import delete_old

    with in_words():
        delete_old(settings())


@task
def delete_old_runs() -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from retain.airflow.history import METADATA, can_delete_old_runs, delete_old_runs

    if not can_delete_old_runs():
        raise AirflowSkipException(f"{METADATA} is not set: `airflow db clean` is run by somebody else here.")
    with in_words():
        print(delete_old_runs(settings()))


@task
def look_for_late_sources() -> None:
    from retain.alerts import observe

    observe(settings())


@dag(
    schedule="30 3 * * *",
    start_date=pendulum.datetime(2025, 1, 1, tz=settings().business.timezone),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "data-platform",
        "pool": BUILDS,
        "priority_weight": 1000,  # before the models of a build: these tasks are few and short
        "weight_rule": "absolute",
        "retries": 1,
        "retry_delay": timedelta(minutes=5),
        **callbacks(),
    },
    tags=["layer:maintenance", "tier:3"],
    doc_md=page_of(__doc__, settings()),
)
def maintain_warehouse() -> None:
    vacuum_tables()
    drop_old_versions()
    delete_old_logs()
    delete_old_pages()
    delete_old_runs()
    look_for_late_sources()


maintain_warehouse()
