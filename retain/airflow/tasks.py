"""What the tasks of several DAGs share: endings in words, who waits for whom, dbt's settings at run time."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from retain.config import Settings
from retain.deletions import is_due
from retain.errors import Busy, Refused, RetainError, UserError
from retain.faults import RATES, rates_have_come
from retain.loads import compare_keys, window_of_days
from retain.roles import LOADER
from retain.sources import Window
from retain.warehouse import connect

log = logging.getLogger(__name__)

# Within a source: a record is found faulty when what it refers to is not there.
REFERS_TO: dict[str, tuple[str, ...]] = {
    "orders": ("exchange_rates", "customers"),
    "order_items": ("orders", "products"),
    "returns": ("orders",),
    "acquisition_costs": ("exchange_rates",),
    "business_changes": ("customers",),
    "experiment_assignments": ("customers",),
}


@contextmanager
def in_words() -> Iterator[None]:
    """End a task with Retain's sentence. It is tried again where time may help: a source out of reach, somebody else at work.

    What was refused, or only a person can put right, is not.
    """
    try:
        yield
    except RetainError as error:
        in_vain = isinstance(error, UserError | Refused) and not isinstance(error, Busy)
        raise (AirflowFailException if in_vain else AirflowException)(str(error)) from None


def compare_keys_if_due(config: Settings, source: str, entity: str) -> int:
    """How many records changed: marked deleted, or brought by the load that the comparison asked for.

    Raises what the comparison ends with; what no load brought is in the task's log.
    """
    if not is_due(config, source, entity):
        return 0
    changed = 0
    for outcome in compare_keys(config, source, entity):
        if outcome.error is not None:
            raise outcome.error
        if outcome.status == "refused":
            raise Refused(f"{outcome.message}.", hint="Look at the source; `retain load --full` reads it anew.")
        for warning in outcome.warnings:
            log.warning("%s %s: %s", source, entity, warning)
        changed += outcome.rows_changed
    return changed


def window_of_run(config: Settings, dag_run: Any, params: Any) -> Window | None:
    """The time that a run of a load DAG fills again: None for an ordinary load, which reads what has changed.

    A run of an Airflow backfill reads the hour that ended when the run was due. A run that was triggered with `from_on`
    reads those days of the shop, up to and without `until_on`. Raises UserError when the days are the wrong way round.
    """
    if dag_run.run_type == "backfill":
        return Window(dag_run.logical_date - timedelta(hours=1), dag_run.logical_date)
    from_on, until_on = (params.get(name) for name in ("from_on", "until_on"))
    if from_on:
        return window_of_days(config, date.fromisoformat(from_on), date.fromisoformat(until_on) if until_on else None)
    if until_on:
        raise UserError(
            "until_on is the end of a backfill, which needs its beginning too.", hint="Give from_on as well."
        )
    return None


def only(config: Settings, source: str) -> Settings:
    """The same settings with one source: what a load DAG may touch while the others run."""
    return config.model_copy(update={"sources": (config.source(source),)})


def loads_are_running(config: Settings, ti: Any) -> bool:
    return any(ti.get_dr_count(f"load_{source.name}", states=["running"]) for source in config.sources)


def rates_from_elsewhere(config: Settings, source: str) -> list[str]:
    """The sources whose exchange rates a source's amounts are counted by; empty when it brings rates itself."""
    bringing = config.sources_of(RATES)
    counts_money = any(RATES in REFERS_TO.get(entity, ()) for entity in config.source(source).entities)
    return bringing if counts_money and source not in bringing else []


def rates_are_coming(config: Settings, source: str, ti: Any) -> bool:
    """Whether no exchange rate was ever published, and a load that may bring the first is under way."""
    with in_words(), connect(config, LOADER) as connection:
        if rates_have_come(connection):
            return False
    states = ["queued", "running"]
    return any(ti.get_dr_count(f"load_{other}", states=states) for other in rates_from_elsewhere(config, source))
