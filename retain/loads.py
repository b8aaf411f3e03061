"""Load sources from end to end: extract and land, judge, publish, entity by entity; and take up what waited in quarantine."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import retain
from retain.config import Settings
from retain.deletions import is_due, mark_deleted, never_read
from retain.entities import ENTITIES
from retain.errors import OutOfReach, Refused, RetainError, UserError
from retain.gate import judge
from retain.landing import land_changes
from retain.publish import publish_load
from retain.retention import apply_if_due
from retain.roles import LOADER
from retain.sources import Window
from retain.warehouse import connect

REFERRED_TO = frozenset({"exchange_rates", "customers", "products", "orders"})


@dataclass(frozen=True)
class LoadOutcome:
    """How the load of one entity ended. `status`: published, refused, or unreadable (nothing came); `message` says why.

    `warnings` are sentences about what was odd and stopped nothing.
    """

    source: str
    entity: str
    load_id: int | None
    status: str
    rows_sent: int = 0
    rows_changed: int = 0
    rows_quarantined: int = 0
    message: str = ""
    error: RetainError | None = None
    is_retry: bool = False
    warnings: tuple[str, ...] = ()


Watch = Callable[[str, str, str], None]  # source, entity, and what is being done: "extract", "judge", "publish", "done"


def unwatched(source: str, entity: str, step: str) -> None:
    return None


def entities_of(settings: Settings, source: str) -> list[str]:
    """The entities of a source, what is referred to first."""
    return [entity for entity in ENTITIES if entity in settings.source(source).entities]


def window_of_days(settings: Settings, from_on: date, until_on: date | None = None) -> Window:
    """The change times of [from_on, until_on), in the shop's own days; until tomorrow, exclusive, without `until_on`.

    Raises UserError when the days are the wrong way round.
    """
    today_on = settings.today_on
    until_on = until_on or today_on + timedelta(days=1)
    if until_on <= from_on:
        one = min(from_on, today_on)
        raise UserError(
            f"The window from {from_on} up to, and without, {until_on} holds no day.",
            hint=f"One day is --from {one} --to {one + timedelta(days=1)}.",
        )
    until_on = min(until_on, date.max - timedelta(days=1))  # a source adds a day, or another zone's hours
    zone = settings.business.zone
    start, end = (datetime.combine(day, time.min, tzinfo=zone) for day in (from_on, until_on))
    return Window(start, end)


def load_entity(
    settings: Settings,
    source: str,
    entity: str,
    *,
    full: bool = False,
    window: Window | None = None,
    watch: Watch = unwatched,
) -> LoadOutcome:
    """Land, judge and publish one entity. A refused load or an unreadable source is an outcome, not an exception.

    `window` makes it a backfill: what the source changed in that time is read again (of a folder: the files written in that
    time), whatever was loaded before, and the cursor stays where it is. An entity whose source cannot tell when a row
    changed ends `unreadable`, with the sentence that says so.
    """
    load_id, rows = None, 0
    try:
        watch(source, entity, "extract")
        landed = land_changes(settings, source, entity, full=full, window=window)
        load_id, rows = landed.load_id, landed.rows_sent
        outcome = _judge_and_publish(settings, source, entity, load_id, rows, watch)
        return replace(outcome, warnings=(*landed.warnings, *outcome.warnings))
    except Refused as error:
        return LoadOutcome(source, entity, load_id, "refused", rows, message=str(error), error=error)
    except (OutOfReach, UserError) as error:
        return LoadOutcome(source, entity, load_id, "unreadable", rows, message=str(error), error=error)


def _judge_and_publish(
    settings: Settings, source: str, entity: str, load_id: int, rows: int, watch: Watch
) -> LoadOutcome:
    watch(source, entity, "judge")
    verdict = judge(settings, load_id)
    if verdict.is_refused:
        return LoadOutcome(
            source, entity, load_id, "refused", rows, 0, verdict.rows_quarantined, "; ".join(verdict.refusals)
        )
    watch(source, entity, "publish")
    done = publish_load(settings, load_id)
    watch(source, entity, "done")
    return LoadOutcome(
        source, entity, load_id, "published", rows, done.rows_changed, done.rows_quarantined, warnings=verdict.warnings
    )


def load_sources(
    settings: Settings,
    sources: Iterable[str],
    entities: Iterable[str] | None = None,
    *,
    full: bool = False,
    window: Window | None = None,
    watch: Watch = unwatched,
) -> list[LoadOutcome]:
    """Load every entity of the given sources; with `window`, fill that time again. One that fails does not stop the others."""
    wanted = set(entities) if entities is not None else set(ENTITIES)
    outcomes: list[LoadOutcome] = []
    for entity in ENTITIES:  # entity by entity, so that one source's orders find another's exchange rates
        for source in sources:
            if entity in wanted and entity in settings.source(source).entities:
                outcomes.append(load_entity(settings, source, entity, full=full, window=window, watch=watch))
                if outcomes[-1].status == "published" and window is None and is_due(settings, source, entity):
                    outcomes += compare_keys(settings, source, entity, watch=watch)
    if any(outcome.rows_changed and outcome.entity in REFERRED_TO for outcome in outcomes):
        outcomes += retry_waiting(settings, watch=watch)
    if window is None:
        apply_if_due(settings)
    return outcomes


def compare_keys(settings: Settings, source: str, entity: str, *, watch: Watch = unwatched) -> list[LoadOutcome]:
    """Compare keys with the source; one outcome where that changed, refused or found something, none otherwise.

    Records that the source has and raw has not are new since the load, or were never read: the load is made once more, and
    what it does not bring either is told.
    """
    watch(source, entity, "compare keys")
    try:
        found = mark_deleted(settings, source, entity)
        if found is None:
            return []
        again = [load_entity(settings, source, entity, watch=watch)] if found.unread else []
        unread = never_read(settings, source, entity, found.load_id) if found.unread else ""
    except RetainError as error:
        return [LoadOutcome(source, entity, None, "unreadable", message=str(error), error=error)]
    if not (found.missing or found.refusal or unread or found.note):
        return again
    status = "refused" if found.refusal else "published"
    said = "; ".join(filter(None, [found.refusal, unread]))
    changed = 0 if found.refusal else found.missing
    warnings = () if found.refusal else tuple(filter(None, [found.note, unread]))
    return [*again, LoadOutcome(source, entity, found.load_id, status, 0, changed, message=said, warnings=warnings)]


def retry_waiting(settings: Settings, *, watch: Watch = unwatched) -> list[LoadOutcome]:
    """Judge again the rows that wait in quarantine for a record which may have come since."""
    outcomes = []
    for entity in ENTITIES:
        for source in settings.sources_of(entity):
            with connect(settings, LOADER) as connection:
                row = connection.execute(
                    "with waiting as (select count(*) as rows from ops.quarantine where source = %(source)s "
                    "and entity = %(entity)s and status = 'open' and waits_for_reference) "
                    "insert into ops.loads (source, entity, kind, status, rows_sent, landed_at, code_version) "
                    "select %(source)s, %(entity)s, 'retry', 'landed', rows, clock_timestamp(), %(version)s "
                    "from waiting where rows > 0 returning load_id, rows_sent",
                    {"source": source, "entity": entity, "version": retain.__version__},
                ).fetchone()
            if row is not None:
                outcomes.append(replace(_retry(settings, source, entity, row[0], row[1], watch), is_retry=True))
    return outcomes


def _retry(settings: Settings, source: str, entity: str, load_id: int, rows: int, watch: Watch) -> LoadOutcome:
    """The rows stay in quarantine when another load holds the entity: whatever loads next tries them again."""
    try:
        return _judge_and_publish(settings, source, entity, load_id, rows, watch)
    except RetainError as error:
        with connect(settings, LOADER) as connection:
            connection.execute(
                "update ops.loads set status = 'failed', message = %s "
                "where load_id = %s and status in ('landed', 'validated')",
                [str(error), load_id],
            )
        status = "refused" if isinstance(error, Refused) else "unreadable"
        return LoadOutcome(source, entity, load_id, status, rows, message=str(error), error=error)
