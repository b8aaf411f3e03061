"""What the rest of Retain calls: after loads, around a build or a forecast, after a task. None of it ever fails its caller."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from retain.alerts.evidence import read_evidence
from retain.alerts.judging import moment_text, problems_of
from retain.alerts.problem import REASONS_SHOWN, Key, Kind, Problem, Scope
from retain.alerts.telling import Attempt, tell
from retain.alerts.unreachable import is_out_of_reach, tell_back_in_reach, tell_out_of_reach
from retain.config import Settings
from retain.errors import RetainError
from retain.relations import exists
from retain.roles import LOADER, TRANSFORMER
from retain.warehouse import connect

if TYPE_CHECKING:  # loads may call what is here
    from retain.loads import LoadOutcome

log = logging.getLogger("retain.alerts")

TITLES = {
    Kind.BUILD_FAILED: "the build of the marts failed",
    Kind.FORECAST_FAILED: "the forecast failed",
    Kind.TASK_FAILED: "the task failed",
    Kind.RUN_FAILED: "Retain could not do its work",
}
TO_DO = {
    Kind.BUILD_FAILED: "Correct the model, the test or the data it names, then `retain build`.",
    Kind.FORECAST_FAILED: "Correct what it names, then `retain forecast`.",
    Kind.TASK_FAILED: "Read the task's log in Airflow, then clear the task.",
    Kind.RUN_FAILED: "Correct what it names, then run the same command again: nothing half done was published.",
}
FAILED_NODE = re.compile(r"^  ([\w.]+): ")


def observe(
    settings: Settings,
    outcomes: "Iterable[LoadOutcome]" = (),
    *,
    now: datetime | None = None,
) -> list[Attempt]:
    """Look at what loads came to, note the problems, and tell what is due. To be called after every run of loads.

    Without outcomes it looks for late sources only, and tries again what could not be sent. Never raises: what goes wrong
    here goes to the log and, where there is a message, to ops.alert_deliveries.
    """
    now = now or datetime.now(UTC)
    outcomes = list(outcomes)

    def look() -> list[Attempt]:
        with connect(settings, LOADER) as connection:
            pairs = [(source.name, entity) for source in settings.sources for entity in source.entities]
            evidence = read_evidence(connection, pairs, now)
        judgement = problems_of(
            outcomes,
            evidence,
            now=now,
            zone=settings.business.zone,
            late_after=lambda source: timedelta(hours=settings.alerts.stale_hours(source)),
        )
        attempts = tell(settings, judgement.problems, judgement.looked_at, now=now)
        ours = [one for one in judgement.problems if one.key.kind in (Kind.LOAD_REFUSED, Kind.SOURCE_UNREADABLE)]
        noted = {(problem.key.source, part) for problem in ours for part in problem.parts}
        for outcome in outcomes:
            if outcome.error is not None and (outcome.source, outcome.entity) in noted:
                _mark_told(outcome.error)
        return attempts

    return _guarded(settings, now, look)


@contextmanager
def watching(
    settings: Settings,
    kind: Kind,
    subject: str = "",
    *,
    ends: bool = True,
    now: datetime | None = None,
) -> Iterator[None]:
    """Around a build, a forecast or a task: its failure is told, and goes on to the caller; its success ends the problem.

    `subject` tells apart what can fail independently, e.g. the selection of a partial build. With `ends` false a success says
    nothing: it is only a step of what the problem is about.
    """
    try:
        yield
    except Exception as error:
        report_failure(settings, kind, subject, error, now=now)
        raise
    if ends:
        report_success(settings, kind, subject, now=now)


def report_failure(
    settings: Settings,
    kind: Kind,
    subject: str,
    error: BaseException | None,
    *,
    part: str = "",
    where: str = "",
    now: datetime | None = None,
) -> list[Attempt]:
    """Tell that something failed (`where`: in which task); an error that was told already is not told twice. Never raises."""
    if was_told(error):
        return []
    now = now or datetime.now(UTC)
    key = Key(kind, subject=subject)

    def look() -> list[Attempt]:
        with connect(settings, TRANSFORMER) as connection:  # it may look at all that can be held back
            held = _held_back(settings, connection, kind)
        problem = failure(key, origin_of(error), held, part, where)
        attempts = tell(settings, [problem], [Scope(key, part)], now=now)
        if error is not None:
            _mark_told(error)
        return attempts

    return _guarded(settings, now, look)


def report_late_run(
    settings: Settings, dag_id: str, run_id: str, since: datetime, *, now: datetime | None = None
) -> list[Attempt]:
    """Tell that a run of Airflow, due at `since`, has not ended in time. Never raises."""
    now = now or datetime.now(UTC)
    key = Key(Kind.RUN_LATE, subject=dag_id)

    def look() -> list[Attempt]:
        with connect(settings, TRANSFORMER) as connection:
            held = _held_back(settings, connection, Kind.BUILD_FAILED)  # whatever is late, it is the marts that get old
        problem = Problem(
            key,
            f"{dag_id} has not ended in time",
            (f"{run_id} has been under way for more than {settings.alerts.run_within_hours:g} hours",),
            held,
            "Open the run in Airflow. A task that hangs can be cleared; nothing half done was published. "
            "If it always takes so long, raise alerts.run_within_hours.",
            since=since,
        )
        return tell(settings, [problem], [Scope(key)], now=now)

    return _guarded(settings, now, look)


def report_success(
    settings: Settings,
    kind: Kind,
    subject: str,
    *,
    part: str = "",
    now: datetime | None = None,
) -> list[Attempt]:
    """Tell that it is over, if there was a problem. Never raises."""
    now = now or datetime.now(UTC)
    return _guarded(
        settings,
        now,
        lambda: tell(settings, [], [Scope(Key(kind, subject=subject), part)], now=now),
    )


def failure(key: Key, error: BaseException | None, holds_back: str, part: str = "", where: str = "") -> Problem:
    """A failed build, forecast or task as a problem."""
    lines = sentences_of(error)
    if where:
        lines[0] = f"{where}: {lines[0]}"
    failed = tuple(match[1] for line in lines if (match := FAILED_NODE.match(line)))
    return Problem(
        key,
        f"{TITLES[key.kind]}{f' ({key.subject})' if key.subject else ''}",
        tuple(line.strip().rstrip(".:") for line in lines)[: REASONS_SHOWN + 1],
        holds_back,
        TO_DO[key.kind],
        parts=frozenset({part}),
        rules=tuple(sorted(failed)),
        rows=len(failed) or None,
        counted=f"{len(failed)} models and tests failed" if len(failed) > REASONS_SHOWN else "",
    )


def sentences_of(error: BaseException | None) -> list[str]:
    """What an error says, as far as it may be repeated: ours were written for people, others may quote anything."""
    if error is None:
        return ["it ended without a word: killed, out of memory, or timed out"]
    if isinstance(error, RetainError):
        return [line for line in error.message.splitlines() if line.strip()]
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return [f"{type(error).__name__}: {error.diag.message_primary}"]
    return [f"{type(error).__name__}; the log says more"]


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from, the newest first; also what `raise … from None` hides from a reader."""
    passed: list[BaseException] = []
    while error is not None and error not in passed:
        yield error
        passed.append(error)
        error = error.__cause__ or error.__context__


def origin_of(error: BaseException | None) -> BaseException | None:
    """The error of ours that another one, such as Airflow's, was made from; the error itself when there is none."""
    return next((link for link in chain_of(error) if isinstance(link, RetainError)), error)


def was_told(error: BaseException | None) -> bool:
    """Whether this error, or the one that it came from, was told as a problem already."""
    return any(getattr(link, "was_told", False) for link in chain_of(error))


def _mark_told(error: BaseException) -> None:
    error.was_told = True  # type: ignore[attr-defined] # the exception itself carries it to Airflow's callback


def _held_back(settings: Settings, connection: psycopg.Connection[Any], kind: Kind) -> str:
    if kind is Kind.FORECAST_FAILED:
        row = connection.execute("select max(as_of_on) from forecast.models where purpose = 'current'").fetchone()
        return f"the predictions stay those of {row[0]}" if row and row[0] else "there are no predictions yet"
    if kind is not Kind.BUILD_FAILED:
        return "what the task was to do, and what comes after it"
    if not exists(connection, "marts.key_figures"):
        return "there are no marts yet"
    row = connection.execute("select max(as_of_on) from marts.key_figures").fetchone()
    newest = connection.execute("select max(published_at) from ops.loads where status = 'published'").fetchone()
    loaded = f"; loaded until {moment_text(newest[0], settings.business.zone)}" if newest and newest[0] else ""
    return f"the marts stay as of {row[0] if row else 'the last good build'}{loaded}"


def _guarded(settings: Settings, now: datetime, look: Callable[[], list[Attempt]]) -> list[Attempt]:
    """Telling must not fail what it tells of. A warehouse that is out of reach is told without its help."""
    try:
        try:
            attempts = look()
        except Exception as error:
            if not is_out_of_reach(error):
                raise
            return tell_out_of_reach(settings, error, now)
        return attempts + tell_back_in_reach(settings, now)
    except Exception as error:  # a fault of ours, or a full disk: the load's own end is worth more than the alert
        log.error("Alerts could not be told: %s.", "; ".join(sentences_of(error)).rstrip("."))
        return []
