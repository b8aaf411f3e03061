"""When to speak: at once, again when it is worse or a day old, and once more when it is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# A nightly run never starts at the same second: a repeat that is due within half an hour is due now, not tomorrow.
EARLY = timedelta(minutes=30)


class Event(StrEnum):
    OPENED = "opened"
    WORSE = "worse"
    STILL = "still"
    OVER = "over"
    TEST = "test"


@dataclass(frozen=True)
class Size:
    """How bad a problem is: what a repeat is measured by. `rows` is None where nothing is counted."""

    severity: int
    rows: int | None
    rules: frozenset[str]


@dataclass(frozen=True)
class Told:
    """The last message about a problem that one channel accepted."""

    event: Event
    size: Size
    at: datetime


def is_worse(now: Size, told: Size) -> bool:
    """More severe, at least twice the rows, or wrong in a way that was not told."""
    doubled = now.rows is not None and bool(told.rows) and now.rows >= 2 * (told.rows or 0)
    return now.severity > told.severity or doubled or not now.rules <= told.rules


def event_due(
    size: Size,
    told: Told | None,
    *,
    is_over: bool,
    was_tried: bool,
    is_seen: bool,
    now: datetime,
    repeat: timedelta,
) -> Event | None:
    """What one channel should hear of one problem now; None for nothing.

    `was_tried`: a message to this channel was tried, even in vain: then its end is told, so that nobody misses a problem
    that came and went while the channel was down. `is_seen`: the problem was seen just now, not only remembered.
    """
    if is_over:
        return Event.OVER if was_tried and (told is None or told.event is not Event.OVER) else None
    if told is None:
        return Event.OPENED
    if is_worse(size, told.size):
        return Event.WORSE
    return Event.STILL if is_seen and now - told.at >= repeat - EARLY else None
