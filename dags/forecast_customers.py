"""Predict what each customer will do, bring the predictions into the marts, draw the report.

Starts when new marts are shown. Safe to trigger at any time: the same data gives the same predictions, and the ledger
keeps those that were made before. While a whole build of the marts runs, `rebuild_marts` leaves them alone; that build's
end, or the next one's, starts this DAG again. A build that finds nothing new is not waited for: it would start nothing.
Marts of yesterday, as they are after midnight until the next build, are not forecast from: `predict` is skipped then.
This DAG tells nobody that marts changed, so it does not start itself.

Runbook: docs/runbooks/refused_load.md
"""

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import dag, task

from retain.airflow.deadlines import deadline, in_time
from retain.airflow.documentation import page_of
from retain.airflow.pools import BUILDS
from retain.airflow.tasks import in_words
from retain.alerts.airflow_notifier import RetainNotifier, callbacks
from retain.assets import MARTS, PREDICTIONS, REPORT
from retain.config import settings


@task(outlets=[PREDICTIONS])
def predict() -> str:
    from airflow.sdk.exceptions import AirflowSkipException

    from retain.forecast import MartsOfAnotherDay, refuse_another_day, run_forecast
    from retain.roles import FORECASTER
    from retain.warehouse import connect

    with in_words(), connect(settings(), FORECASTER) as connection:
        try:
            refuse_another_day(connection, settings().as_of_on)
        except MartsOfAnotherDay as midnight:
            raise AirflowSkipException(f"{midnight} The next build starts this DAG again.") from None
        return run_forecast(connection, settings(), progress=print).summary


@task
def rebuild_marts(ti: Any = None) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from retain.airflow.marts import rebuild

    with in_words():
        done = rebuild(
            settings(), "tag:forecast", is_busy=lambda: ti.get_dr_count("transform_marts", states=["running"]) > 0
        )
    if not done:
        raise AirflowSkipException(
            "A whole build of the marts is running; its end, or that of the next, starts this DAG again."
        )


@task(outlets=[REPORT], **in_time("forecast_customers", **callbacks(kind="forecast_failed")))
def draw_report() -> str:
    from retain.report import write_report

    with in_words():
        return str(write_report(settings()))


@dag(
    schedule=[MARTS],
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "data-platform",
        "pool": BUILDS,
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2,
        "on_failure_callback": RetainNotifier(kind="forecast_failed"),
    },
    deadline=deadline(settings()),
    tags=["layer:forecast", "tier:2"],
    doc_md=page_of(__doc__, settings()),
)
def forecast_customers() -> None:
    predict() >> rebuild_marts() >> draw_report()


forecast_customers()
