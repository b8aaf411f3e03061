"""Lists of which a day that is asked for again takes the place of what it was: each day is a file of its own name."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from retain.config import RestEntity
from retain.sources import Window
from retain.sources.http_window import asked
from retain.sources.json_paths import value_at
from retain.sources.rest_start import earliest


def days_of(shape: RestEntity, window: Window, zone: ZoneInfo) -> dict[str, int]:
    """The days that a window asks for, with no records yet: a day that has none any more is one, too."""
    low, high = asked(Window(max(window.start, earliest(shape, zone)), window.end), "day", zone)
    first, last = date.fromisoformat(str(low)), date.fromisoformat(high)
    return {f"{first + timedelta(days=n)}": 0 for n in range((last - first).days + 1)}


def day_of(values: dict[str, Any] | None, path: str) -> str | None:
    """The day of a record, as YYYY-MM-DD; None where it says none. Google writes 20250301."""
    try:
        return f"{date.fromisoformat(str(value_at(values, path)))}"
    except ValueError:
        return None
