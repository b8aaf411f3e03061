"""A load of an HTTP system: what it asks for, what comes of it, and what is kept from one try, and from one load, to the next.

A cursor remembers besides how far the system was read also how: records that are asked for, or mapped, otherwise than then are
another matter.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from retain.config.part import Mapping
from retain.sources import State, Step, Window

COLUMNS = ["_record", "_file", "_line", "_problem", "_asked", "_fetched_at"]


@dataclass(frozen=True, kw_only=True)
class HttpPlan:
    """What a load asks for; `rows_before` are those that an earlier try of it has landed."""

    window: Window
    before: State | None
    is_again: bool  # a window of the past, which moves no cursor
    began_at: datetime
    rows_before: int = 0
    warnings: tuple[str, ...] = ()


@dataclass
class HttpExtract:
    """The records of one window on their way; see `retain.sources.ExtractInSteps`."""

    rows_sent: int
    warnings: list[str]
    state_after: dict[str, Any]
    columns: list[str] = field(default_factory=lambda: list(COLUMNS))
    offered: dict[str, str] = field(default_factory=dict)
    steps: Iterator[Step] = field(default_factory=lambda: iter(()))

    @property
    def copy_chunks(self) -> Iterator[bytes]:
        return (step.chunk for step in self.steps)

    @property
    def control_totals(self) -> dict[str, Any]:
        return {"rows": self.rows_sent, "sums": {}}


def state_after(plan: HttpPlan, fingerprint: str, entity: Mapping) -> dict[str, Any]:
    """The state of a source when all that the plan asks for has landed."""
    if plan.is_again:
        return dict(plan.before or {})
    return {"mapping": fingerprint, "until": plan.window.end.isoformat(), "fields": _fields(entity)}


def changed_since(state: State | None, fingerprint: str, entity: Mapping) -> tuple[bool, tuple[str, ...]]:
    """Whether other records would be asked for now, so that everything must be read again; and what is to be told."""
    if state is None:
        return False, ()
    if state.get("mapping") != fingerprint:
        return True, ("this entity is read differently than before: everything was read again",)
    if state.get("fields") != _fields(entity):
        told = "retain.yml maps this entity differently than before: `retain replay` does it to what was landed already"
        return False, (told,)
    return False, ()


def progress_of(plan: HttpPlan, fingerprint: str, rows: int) -> dict[str, Any]:
    """What the next try must know of this one; where it goes on is the system's own matter."""
    return {
        "rows": rows,
        "window": [plan.window.start.isoformat(), plan.window.end.isoformat()],
        "began_at": plan.began_at.isoformat(),
        "mapping": fingerprint,
    }


def taken_up(
    progress: dict[str, Any], state: State | None, fingerprint: str, now: datetime, good_for: timedelta
) -> dict[str, Any] | None:
    """What an HttpPlan needs to go on after that progress; None when it is too old, or other records would be asked for now."""
    began_at = datetime.fromisoformat(progress["began_at"])
    if progress["mapping"] != fingerprint or now - began_at > good_for:
        return None
    window = Window(*(datetime.fromisoformat(text) for text in progress["window"]))
    return {
        "window": window,
        "before": state,
        "is_again": False,
        "began_at": began_at,
        "rows_before": progress["rows"],
    }


def _fields(entity: Mapping) -> str:
    """Changes when the same record would become other fields: the record is in landing, whole, and is not asked for again."""
    how = entity.model_dump_json(include={"fields", "defaults", "where", "deleted"})
    return hashlib.sha256(how.encode()).hexdigest()[:16]
