"""Which rows of a table are new: where the last load stopped, how far to reach back, where to stop. Decides; reads nothing.

Three rules make a cursor safe. The upper bound is fixed before reading, from our clock and never from the data, so that a
row stamped in the far future parks nothing. The next load begins at the newest value that was read *below* that bound,
minus the overlap: a row committed late, a slow clock at the source or a wrong time zone then costs a few rows read twice,
not rows never read. Times that are texts may be written in several ways: of these the whole day is read again. And what no
window would ever reach, an empty cursor or one in the far future, is read every time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from zoneinfo import ZoneInfo

from retain.sources import BEGINNING, State, Window

Kind = Literal["timestamptz", "timestamp", "date", "number", "text"]
Bound = datetime | date | Decimal | str

FUTURE = timedelta(days=1)  # a cursor further ahead than this is wrong, not early
ISO_TEXT = re.compile(r"\d{4}-\d\d-\d\d(?:([T ])\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?")


@dataclass(frozen=True)
class Bounds:
    """The rows to read, as values that the source compares its cursor with; None is no bound.

    `without_place` says whether rows whose cursor is null or later than `future` are read too.
    """

    low: Bound | None
    high: Bound | None
    future: Bound | None = None
    without_place: bool = True


@dataclass(frozen=True)
class Clock:
    """When this load was planned, and how its source counts time."""

    now: datetime
    zone: ZoneInfo
    overlap: timedelta
    settle: timedelta

    @property
    def until(self) -> datetime:
        return self.now - self.settle


def kind_of(value: Any) -> Kind | None:
    """What sort of cursor a value of it is; None when it can be none."""
    if isinstance(value, datetime):
        return "timestamp" if value.tzinfo is None else "timestamptz"
    if isinstance(value, date):
        return "date"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return "number"
    if isinstance(value, str) and ISO_TEXT.fullmatch(value):
        return "text"
    return None


def bounds_of(kind: Kind, cursor: State | None, clock: Clock, sample: Any = None) -> Bounds:
    """What to read of a source whose cursor is of `kind` and whose last load left `cursor`. `sample` is any value of it."""
    low = _low(kind, cursor, clock, sample)
    if kind == "number":
        return Bounds(low, None)
    return Bounds(low, _upper(kind, clock.until, clock, sample), _upper(kind, clock.now + FUTURE, clock, sample))


def bounds_of_window(kind: Kind, window: Window, clock: Clock, sample: Any = None) -> Bounds | None:
    """A window to read again; None where the cursor is a number, which no time can be told from."""
    if kind == "number":
        return None
    low = None if window.start <= BEGINNING else _bound(kind, window.start, clock, sample)
    return Bounds(low, _upper(kind, window.end, clock, sample), without_place=False)


def start_of(cursor: State | None, clock: Clock) -> datetime:
    """When, in time, a load after `cursor` begins; BEGINNING when it reads everything."""
    if cursor is None:
        return BEGINNING
    if cursor["kind"] == "number":
        entry = _settled(cursor, clock)
        return datetime.fromisoformat(entry[0]) if entry else BEGINNING
    moment = _moment(cursor["high"], clock.zone)
    return moment - clock.overlap if moment else BEGINNING


def cursor_after(kind: Kind, cursor: State | None, high: str | None, clock: Clock) -> dict[str, Any] | None:
    """What to remember when a load has read up to `high`, the newest value below its upper bound (None: it read no such row)."""
    same = cursor if cursor is not None and cursor["kind"] == kind else None
    if kind == "number":
        highs = list(same["highs"]) if same else []
        if high is not None:
            highs.append([clock.now.astimezone(UTC).isoformat(), high])
        settled = _settled({"highs": highs}, clock)
        kept = [entry for entry in highs if settled is None or entry[0] >= settled[0]]
        return {"kind": kind, "highs": kept} if kept else None
    known = [text for text in (same["high"] if same else None, high) if text is not None]
    # Deleting the newest rows at the source must not move the cursor back for ever: only forward.
    return (
        {"kind": kind, "high": max(known, key=lambda text: _moment(text, clock.zone) or BEGINNING)} if known else None
    )


def condition(cursor: str, bounds: Bounds, show: Callable[[Bound], str]) -> str | None:
    """The rows within `bounds`, in SQL; `show` writes a value for the source. None is every row."""
    between = []
    if bounds.low is not None:
        between.append(f"({cursor}) >= {show(bounds.low)}")
    if bounds.high is not None:
        between.append(f"({cursor}) < {show(bounds.high)}")
    if not between:
        return None
    either = [" and ".join(between)]
    if bounds.without_place:
        either.append(f"({cursor}) is null")
        if bounds.future is not None:
            either.append(f"({cursor}) >= {show(bounds.future)}")
    return " or ".join(f"({part})" for part in either)


def _low(kind: Kind, cursor: State | None, clock: Clock, sample: Any) -> Bound | None:
    if cursor is None:
        return None
    if kind == "number":
        entry = _settled(cursor, clock)
        try:
            return Decimal(entry[1]) if entry else None
        except InvalidOperation:
            return None
    moment = _moment(cursor["high"], clock.zone)
    if moment is None:
        return None
    low = _bound(kind, moment - clock.overlap, clock, sample)
    # 2025-03-10T09:00 sorts after 2025-03-10 21:00: where both are written, only whole days sort as times do
    return str(low)[: len("2025-03-10")] if kind == "text" else low


def _settled(cursor: State, clock: Clock) -> list[str] | None:
    """The newest [time, number] of a load that ended before the overlap: every smaller number had been given out by then."""
    before = (clock.now - clock.overlap).astimezone(UTC).isoformat()
    settled = [entry for entry in cursor["highs"] if entry[0] <= before]
    return max(settled) if settled else None


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    """The time that a cursor's text means; None when it means none that can be counted with, such as -infinity."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def _bound(kind: Kind, moment: datetime, clock: Clock, sample: Any) -> Bound:
    """`moment` as the source would write it in its cursor."""
    if kind == "timestamptz":
        return moment.astimezone(UTC)
    if kind == "timestamp":
        return moment.astimezone(clock.zone).replace(tzinfo=None)
    if kind == "date":
        return moment.astimezone(clock.zone).date()
    return _as_text(moment, clock.zone, sample)


def _upper(kind: Kind, moment: datetime, clock: Clock, sample: Any) -> Bound:
    """The exclusive bound that still lets `moment` in where the cursor knows no hours: today's rows are not left for tomorrow."""
    has_hours = kind != "date" and not (kind == "text" and len(str(sample)) == len("2025-01-31"))
    return _bound(kind, moment if has_hours else moment + timedelta(days=1), clock, sample)


def _as_text(moment: datetime, zone: ZoneInfo, sample: Any) -> str:
    """Like `sample`, so that texts sort as times: the same separator, in the offset it carries, to the second.

    Without fraction and offset it is a prefix of every text of that second, and so sorts before all of them.
    """
    match = ISO_TEXT.fullmatch(str(sample))
    separator, offset = match.groups() if match else (None, None)
    there = datetime.fromisoformat(str(sample)).tzinfo if offset else zone
    local = moment.astimezone(there)
    return f"{local:%Y-%m-%d}" if separator is None else f"{local:%Y-%m-%d}{separator}{local:%H:%M:%S}"
