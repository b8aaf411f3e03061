"""Which span of change times a load asks for: fixed once, at its start, by our clock, and never by what the records say.

The upper bound is now minus a settle lag; the next load begins at this bound minus an overlap. A record stamped in the
future, or one that comes late, therefore moves nothing; whether the system counts its bounds in or out costs nothing either,
because what is read twice is merged by its key.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from retain.config.rest import TimeFormat
from retain.sources import BEGINNING, Window


def window_after(until: str | None, now: datetime, overlap: timedelta, settle: timedelta) -> Window:
    """What to ask after a load whose window ended at `until` (None: everything up to now, less the settle lag)."""
    end = now.astimezone(UTC) - settle
    if until is None:
        return Window(BEGINNING, end)
    start = datetime.fromisoformat(until) - overlap
    return Window(start, max(end, start))


def asked(window: Window, format: TimeFormat, zone: ZoneInfo) -> tuple[str | None, str]:
    """The bounds as the system writes them; the first is None where everything is asked for.

    A local time has no offset: where the clock goes back within the window, an hour means two, and both are asked for.
    """
    start = None if window.start <= BEGINNING else window.start
    back = timedelta(0)
    if start is not None and format == "local":
        shift = _offset(start, zone) - _offset(window.end, zone)
        back = max(shift, timedelta(0))
    low = None if start is None else _written(start, format, zone, -back, is_end=False)
    return low, _written(window.end, format, zone, back, is_end=True)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _written(moment: datetime, format: TimeFormat, zone: ZoneInfo, shift: timedelta, *, is_end: bool) -> str:
    """To the second, outwards: a system that counts whole seconds then leaves nothing out."""
    whole = moment.replace(microsecond=0)
    if is_end and whole != moment:
        whole += timedelta(seconds=1)
    if format == "epoch":
        return str(int(whole.timestamp()))
    if format == "epoch_ms":
        return str(int(whole.timestamp()) * 1000)
    if format == "iso":
        return f"{whole.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if format == "hour":
        return f"{whole.astimezone(UTC):%Y%m%dT%H}"
    local: Any = whole.astimezone(zone).replace(tzinfo=None) + shift
    return f"{local:%Y-%m-%d}" if format == "day" else f"{local:%Y-%m-%dT%H:%M:%S}"


def moment_of(value: Any, zone: ZoneInfo) -> datetime | None:
    """A time as JSON systems write it: ISO 8601, or seconds or milliseconds since 1970; None for anything else."""
    try:
        text = str(value)
        if text.replace(".", "", 1).isdigit():
            seconds = float(text)
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
