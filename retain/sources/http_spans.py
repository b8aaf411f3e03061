"""Windows that a system takes in whole days or hours: which of them a load asks for, and how they become requests."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from retain.config.rest import TimeFormat
from retain.sources import Window
from retain.sources.http_window import asked

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INSTANT = timedelta(microseconds=1)

# The moments, in UTC, at which the units of a span begin, and last the one at which it ends: one more than it has units.
Span = list[datetime]


def whole(window: Window, format: TimeFormat, zone: ZoneInfo, first_day: date, until: datetime) -> Window:
    """The part of a window that can be asked for: nothing of before the first day, and of hours only those that are over at
    `until`. A running day is asked for as it is, and once more by the next load."""
    start, end = max(window.start, _midnight(first_day, _zone(format, zone))), window.end
    if format == "hour":
        start, end = _hour(start), min(_hour(end + HOUR - INSTANT), _hour(until))
    return Window(start, max(start, end))


def spans_of(window: Window, format: TimeFormat, zone: ZoneInfo, at_once: int) -> list[Span]:
    """The whole days, or hours, that a window touches, so many in each span, none of them twice."""
    if window.end <= window.start:
        return []
    if format == "hour":
        first, last = _hour(window.start), window.end
        units = [first + HOUR * n for n in range(-((first - last) // HOUR) + 1)]
    else:
        first_on, last_on = (moment.astimezone(zone).date() for moment in (window.start, window.end - INSTANT))
        # A day that a zone left out, when it went over the date line, is none.
        units = list(dict.fromkeys(_midnight(first_on + DAY * n, zone) for n in range((last_on - first_on).days + 2)))
    return [units[place : place + at_once + 1] for place in range(0, len(units) - 1, at_once)]


def newest(format: TimeFormat, zone: ZoneInfo, until: datetime) -> tuple[Span, Span]:
    """What was over last at `until`: the hour, or the day, and the day up to its end."""
    if format == "hour":
        end = _hour(until)
        return [end - HOUR, end], [end - DAY, end]
    end = _midnight(until.astimezone(zone).date(), zone)
    day = [_midnight((end - INSTANT).astimezone(zone).date(), zone), end]
    return day, day


def halves(span: Span) -> list[Span]:
    """Two; none of a span that is one unit."""
    middle = (len(span) - 1) // 2
    return [span[: middle + 1], span[middle:]] if middle else []


def bounds(span: Span, format: TimeFormat, zone: ZoneInfo) -> tuple[str, str]:
    """The first and the last unit of a span as the system writes them: it counts both in."""
    low, high = asked(Window(span[0], span[-1] - timedelta(seconds=1)), format, zone)
    return str(low), high


def _zone(format: TimeFormat, zone: ZoneInfo) -> ZoneInfo:
    return ZoneInfo("UTC") if format == "hour" else zone


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
