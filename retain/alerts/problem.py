"""What a person should know of: a problem with a key that stays the same for as long as the problem does."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What can go wrong. `RUNBOOKS` and `SEVERITIES` have an entry for each."""

    WAREHOUSE_UNREACHABLE = "warehouse_unreachable"
    RUN_FAILED = "run_failed"
    BUILD_FAILED = "build_failed"
    LOAD_REFUSED = "load_refused"
    SOURCE_UNREADABLE = "source_unreadable"
    FORECAST_FAILED = "forecast_failed"
    TASK_FAILED = "task_failed"
    STALE_SOURCE = "stale_source"
    QUARANTINE_GROWING = "quarantine_growing"
    LOAD_UNUSUAL = "load_unusual"
    RUN_LATE = "run_late"


WARNING, CRITICAL = 1, 2

SEVERITIES = {
    Kind.WAREHOUSE_UNREACHABLE: CRITICAL,
    Kind.RUN_FAILED: CRITICAL,
    Kind.BUILD_FAILED: CRITICAL,
    Kind.LOAD_REFUSED: CRITICAL,
    Kind.SOURCE_UNREADABLE: CRITICAL,
    Kind.FORECAST_FAILED: WARNING,
    Kind.TASK_FAILED: WARNING,
    Kind.STALE_SOURCE: WARNING,
    Kind.QUARANTINE_GROWING: WARNING,
    Kind.LOAD_UNUSUAL: WARNING,
    Kind.RUN_LATE: WARNING,
}

RUNBOOKS = {
    Kind.WAREHOUSE_UNREACHABLE: "refused_load.md#the-warehouse",
    Kind.RUN_FAILED: "refused_load.md#the-warehouse",
    Kind.BUILD_FAILED: "refused_load.md#a-model-failed",
    Kind.LOAD_REFUSED: "refused_load.md",
    Kind.SOURCE_UNREADABLE: "late_source.md",
    Kind.FORECAST_FAILED: "refused_load.md#the-forecast",
    Kind.TASK_FAILED: "refused_load.md",
    Kind.STALE_SOURCE: "late_source.md",
    Kind.QUARANTINE_GROWING: "quarantine_growing.md",
    Kind.LOAD_UNUSUAL: "unusual_load.md",
    Kind.RUN_LATE: "late_source.md#a-run-that-does-not-end",
}

KEYS_SHOWN = 5
REASONS_SHOWN = 5


class Key(NamedTuple):
    """What makes two sights the same problem. What does not apply is ''."""

    kind: Kind
    source: str = ""
    entity: str = ""
    subject: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


class Scope(NamedTuple):
    """One part of one possible problem that was looked at: without a problem there, it is over there."""

    key: Key
    part: str = ""


@dataclass(frozen=True)
class Problem:
    """A problem as it was just seen.

    `parts`: where it stands (entities, mapped tasks), so that runs which see one part each meet in one problem.
    `rows` of `rows_of`: how large it is, in numbers; `counted` the same as a sentence. `rows` is None where nothing is counted.
    `rules`: stable names of what is wrong; `reasons`: the sentences a person reads.
    `keys`: record keys, at most `KEYS_SHOWN` of them. `since` is None when it begins with being seen.
    """

    key: Key
    title: str
    reasons: tuple[str, ...]
    holds_back: str
    what_to_do: str
    parts: frozenset[str] = frozenset({""})
    rules: tuple[str, ...] = ()
    rows: int | None = None
    rows_of: int | None = None
    counted: str = ""
    keys: tuple[str, ...] = ()
    load_id: int | None = None
    since: datetime | None = None

    @property
    def severity(self) -> int:
        return SEVERITIES[self.key.kind]

    @property
    def runbook(self) -> str:
        """The page of docs/runbooks, with the heading to begin at."""
        return RUNBOOKS[self.key.kind]


@dataclass(frozen=True)
class Judgement:
    """What a look found: the problems, and everything that was looked at."""

    problems: tuple[Problem, ...]
    looked_at: frozenset[Scope]
