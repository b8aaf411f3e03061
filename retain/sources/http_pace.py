"""How fast a system is asked: never faster than it allows, waiting where that is short, stopping where it is long."""

import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from retain.config.rest import Rate
from retain.errors import OutOfReach

PATIENCE = timedelta(minutes=5)  # as long as dlt's own client waits; for more the load stops, and goes on another time
LEFT = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
RESET = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
SPANS = ("x-ratelimit-app-global-minute", "x-ratelimit-app-global-day")  # each with its own -remaining and -reset


class Throttled(OutOfReach):
    """The system allows no more requests for longer than is waited. What came is kept; `until` says when to go on."""

    def __init__(self, name: str, until: datetime) -> None:
        self.until = until
        super().__init__(
            f"Source {name}: the system allows no more requests until {until:%Y-%m-%d %H:%M} UTC.",
            hint="What came so far is kept: a load after that goes on from there.",
        )


class Spent(OutOfReach):
    """The system allows no more requests, and does not say for how long. `said` is its refusal."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(
            f"Source {name}: the system allows no more requests for now ({said}).",
            hint="What came so far is kept: a later load goes on from there. Ask for fewer things, or for a higher limit.",
        )


def after_now(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


class _Limit:
    """So many requests in so many seconds; `_made` are the moments of the last ones, no more of them than count."""

    def __init__(self, requests: int, seconds: int) -> None:
        self._seconds, self._made = seconds, deque[float](maxlen=requests)

    def seconds_left(self) -> float:
        """Until another one may be made."""
        if len(self._made) < (self._made.maxlen or 0):
            return 0.0
        return max(0.0, self._made[0] + self._seconds - time.monotonic())

    def note(self) -> None:
        self._made.append(time.monotonic())


class Pace:
    """Waits before a request so that no more than `rate` are made; and for as long as the system asked to be left alone."""

    def __init__(self, name: str, rate: Rate | None) -> None:
        self._name = name
        pairs = [(rate.requests, rate.seconds), (rate.burst, 1)] if rate else []
        self._limits = [_Limit(requests, seconds) for requests, seconds in pairs if requests]
        self._not_before: datetime | None = None

    def wait(self) -> None:
        """Before every request, and every retry of one. Raises Throttled instead of waiting longer than PATIENCE."""
        if self._not_before is not None:
            left = self._not_before - datetime.now(UTC)
            if left > PATIENCE:
                raise Throttled(self._name, self._not_before)
            time.sleep(max(0.0, left.total_seconds()))
            self._not_before = None
        for limit in self._limits:
            seconds = limit.seconds_left()
            if seconds > PATIENCE.total_seconds():
                raise Throttled(self._name, after_now(seconds))
            time.sleep(seconds)
        for limit in self._limits:
            limit.note()

    def heed(self, status: int, headers: Mapping[str, str]) -> None:
        """What an answer says of the time to come. Raises Throttled when it refused us for longer than PATIENCE."""
        now = datetime.now(UTC)
        said = headers.get("retry-after")
        if status in (429, 503) and (until := _retry_after(said, now)):
            if until - now > PATIENCE:
                raise Throttled(self._name, until)
            if "." in str(said):  # Shopify's 2.0; dlt's client waits out whole seconds, and dates, and asks again
                self._not_before = until
            return
        told = [(_first(headers, LEFT), _first(headers, RESET))]
        told += [(headers.get(f"{span}-remaining"), headers.get(f"{span}-reset")) for span in SPANS]
        spent = [_reset(reset, now) for left, reset in told if left is not None and reset and left.strip() == "0"]
        self._not_before = max((until for until in spent if until is not None), default=self._not_before)


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((headers[name] for name in names if name in headers), None)


def _retry_after(text: str | None, now: datetime) -> datetime | None:
    """Seconds, or a date."""
    if text is None:
        return None
    try:
        if text.strip().replace(".", "", 1).isdigit():
            return now + timedelta(seconds=float(text))
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _reset(text: str, now: datetime) -> datetime | None:
    """Seconds from now, or since 1970; whoever counts since 1970 has passed a thousand million."""
    try:
        seconds = float(text)
        return datetime.fromtimestamp(seconds, UTC) if seconds > 1e9 else now + timedelta(seconds=seconds)
    except (ValueError, OverflowError, OSError):
        return None
