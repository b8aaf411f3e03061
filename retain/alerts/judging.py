"""From what loads came to and what the warehouse knows, decide which problems there are. Nothing here touches anything."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from retain.alerts.evidence import Evidence, Load, Quarantine, Unusual
from retain.alerts.problem import REASONS_SHOWN, Judgement, Key, Kind, Problem, Scope

if TYPE_CHECKING:  # loads may call what is here
    from retain.loads import LoadOutcome

Pair = tuple[str, str]  # source, entity
CONCERNS = {"deletions": "comparison of keys of", "retry": "second look at waiting", "backfill": "backfill of"}


def problems_of(
    outcomes: "Iterable[LoadOutcome]",
    evidence: Mapping[Pair, Evidence],
    *,
    now: datetime,
    zone: tzinfo,
    late_after: Callable[[str], timedelta],
) -> Judgement:
    """The problems that a run of loads leaves behind, and what it looked at.

    `outcomes` say which entities could be read and which could not; `evidence`, of every configured (source, entity), says
    the rest, so that it does not matter whether one process loaded everything or each entity had a task of its own.
    """
    outcomes = list(outcomes)
    unreadable: dict[Pair, LoadOutcome] = {}
    for outcome in outcomes:
        if outcome.status == "unreadable" and not outcome.is_retry:
            unreadable.setdefault((outcome.source, outcome.entity), outcome)
    read = {(one.source, one.entity) for one in outcomes if _was_read(one, evidence)} | set(unreadable)
    looked_at = {Scope(Key(Kind.SOURCE_UNREADABLE, source), entity) for source, entity in read}
    problems = list(_unreadable_sources(unreadable, evidence, zone))
    for (source, entity), known in evidence.items():
        for subject, load in known.loads.items():
            key = Key(Kind.LOAD_REFUSED, source, entity, subject)
            if load.status in ("published", "refused"):  # one that failed half way says nothing
                looked_at.add(Scope(key, entity))
            if load.status == "refused" and not _is_superseded(subject, load, known):
                problems.append(_refused(key, load, known, zone))
        key = Key(Kind.QUARANTINE_GROWING, source, entity)
        looked_at.add(Scope(key, entity))
        if known.quarantine is not None:
            problems.append(_quarantined(key, known.quarantine))
        key = Key(Kind.LOAD_UNUSUAL, source, entity)
        looked_at.add(Scope(key, entity))
        if known.unusual is not None:
            problems.append(_unusual(key, known.unusual))
    late, looked_for_late = _late_sources(unreadable, evidence, now, zone, late_after)
    return Judgement((*problems, *late), frozenset(looked_at | looked_for_late))


def _was_read(outcome: "LoadOutcome", evidence: Mapping[Pair, Evidence]) -> bool:
    """Whether the source answered: its last load is this outcome's, and ended well or was refused.

    A second look at waiting rows is an outcome too, and so is a load that found another one running: neither asked the source.
    """
    known = evidence.get((outcome.source, outcome.entity))
    last = known.loads.get("") if known else None
    return last is not None and last.status == outcome.status and outcome.load_id in (None, last.load_id)


def _is_superseded(subject: str, load: Load, known: Evidence) -> bool:
    """Whether a refusal concerns nobody any more.

    A second look does not when nothing waits for one; what a person asked for (a backfill, a release, a replay) does not when
    an ordinary load came after it: it may never be asked for again.
    """
    if subject in ("", "deletions"):
        return False
    if subject == "retry":
        return not known.waits
    ordinary = known.loads.get("")
    return ordinary is not None and ordinary.status == "published" and ordinary.load_id > load.load_id


def _unreadable_sources(
    unreadable: "Mapping[Pair, LoadOutcome]", evidence: Mapping[Pair, Evidence], zone: tzinfo
) -> Iterable[Problem]:
    """One problem a source: a database that is down is one problem, however many entities it has."""
    for source in dict.fromkeys(source for source, _ in unreadable):
        outcomes = {entity: outcome for (owner, entity), outcome in unreadable.items() if owner == source}
        known = [evidence[source, entity].complete_until for entity in outcomes if (source, entity) in evidence]
        moments = [moment for moment in known if moment is not None]
        said: dict[str, list[str]] = {}
        for entity, outcome in outcomes.items():
            said.setdefault(outcome.message, []).append(entity)
        until = (
            f"what {source} has had since {moment_text(min(moments), zone)}" if moments else f"everything of {source}"
        )
        yield Problem(
            Key(Kind.SOURCE_UNREADABLE, source),
            f"{source} cannot be read",
            tuple(f"{', '.join(entities)}: {message}" for message, entities in said.items())[:REASONS_SHOWN],
            f"{until} is missing from the marts ({', '.join(outcomes)})",
            f"Bring {source} back, or correct its address in retain.yml; then `retain load --source {source}`. "
            "Nothing is lost: the next load asks again for all of it.",
            parts=frozenset(outcomes),
            rules=tuple(sorted({type(outcome.error).__name__ for outcome in outcomes.values()})),
        )


def _refused(key: Key, load: Load, evidence: Evidence, zone: tzinfo) -> Problem:
    concern = CONCERNS.get(key.subject, f"{key.subject} of" if key.subject else "load of")
    failing = (
        f"{load.rows_failed:,} of {load.rows_sent:,} rows fail" if load.rows_failed else f"{load.rows_sent:,} rows"
    )
    return Problem(
        key,
        f"{key.source}: {concern} {key.entity} refused",
        load.reasons or (load.message or "it gave no reason",),
        _stays(key.source, key.entity, evidence.complete_until, zone),
        f"`retain loads show {load.load_id}` lists every rule. Correct it at the source or in retain.yml; then "
        f"`retain load --source {key.source} --entity {key.entity}`.",
        parts=frozenset({key.entity}),
        rules=load.rules,
        rows=load.rows_failed or None,
        rows_of=load.rows_sent,
        counted=f"{failing}; nothing of the load was published",
        keys=load.keys,
        load_id=load.load_id,
        since=load.started_at,
    )


def _stays(source: str, entity: str, complete_until: datetime | None, zone: tzinfo) -> str:
    if complete_until is None:
        return f"{entity} of {source} were never published: the marts have none of them"
    return f"{entity} of {source} stay as of {moment_text(complete_until, zone)}, and so do the marts built from them"


def _quarantined(key: Key, held: Quarantine) -> Problem:
    return Problem(
        key,
        f"{key.source}: {key.entity} in quarantine",
        held.reasons,
        f"these {key.entity} are in no mart; all others are",
        f"`retain quarantine` lists them with their reasons. Correct them at {key.source}: they are taken up by "
        "themselves when they come again.",
        parts=frozenset({key.entity}),
        rules=held.rules,
        rows=held.rows,
        rows_of=held.load_rows,
        counted=f"{held.rows:,} wait in all; load {held.load_id} had {held.load_rows_failed:,} of its {held.load_rows:,} rows",
        keys=held.keys,
        load_id=held.load_id,
        since=held.since,
    )


def _unusual(key: Key, load: Unusual) -> Problem:
    return Problem(
        key,
        f"{key.source}: {key.entity} look unusual",
        load.reasons,
        "nothing: the load was published, and the marts count it",
        f"Ask whether {key.source} really changed. If it did, nothing is to be done; if not, correct it there, then "
        f"`retain load --source {key.source} --entity {key.entity}`.",
        parts=frozenset({key.entity}),
        rules=load.rules,
        counted=f"{load.rows_sent:,} were sent",
        load_id=load.load_id,
        since=load.started_at,
    )


def _late_sources(
    unreadable: "Mapping[Pair, LoadOutcome]",
    evidence: Mapping[Pair, Evidence],
    now: datetime,
    zone: tzinfo,
    late_after: Callable[[str], timedelta],
) -> tuple[list[Problem], set[Scope]]:
    """A source is late when nothing came and nobody was told why: a refused load or a dead source has its own message."""
    looked_at = {Scope(Key(Kind.STALE_SOURCE, source), entity) for source, entity in evidence}
    late: dict[str, dict[str, datetime]] = {}
    for (source, entity), known in evidence.items():
        last = known.loads.get("")
        if last is None or last.status != "published" or (source, entity) in unreadable or known.published_at is None:
            continue
        if now - known.published_at > late_after(source):
            late.setdefault(source, {})[entity] = known.published_at
    problems = [
        Problem(
            Key(Kind.STALE_SOURCE, source),
            f"{source} is late",
            tuple(f"{entity}: last published {moment_text(at, zone)}" for entity, at in entities.items())[
                :REASONS_SHOWN
            ],
            f"{', '.join(entities)} of {source} stay as of then, and so do the marts built from them",
            f"Nobody has loaded it: look whether the schedule runs, then `retain load --source {source}`.",
            parts=frozenset(entities),
            since=min(entities.values()),
        )
        for source, entities in late.items()
    ]
    return problems, looked_at


def moment_text(moment: datetime, zone: tzinfo) -> str:
    """A moment as the shop's clock shows it."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M} {zone}"
