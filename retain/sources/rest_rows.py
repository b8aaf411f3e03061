"""Pages as rows of landing; of a list in which a day that is asked for again takes the place of what it was, each day is a file."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from retain.config import RestEntity
from retain.sources import Window
from retain.sources.copy_text import NULL
from retain.sources.http_paging import Page
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


def rows_of(page: Page, day_path: str | None, days: dict[str, int]) -> Iterator[list[Any]]:
    """A page as the values of COLUMNS. Each page is a delivery, or each day that is told at `day_path`, which counts in `days`:
    of a record that is in two of them, the later one counts."""
    fetched_at, name = datetime.now(UTC).isoformat(), f"page {page.number}"
    for line, record in enumerate(page.records, 1):
        text = record.text if record.values is not None else NULL
        day = day_of(record.values, day_path) if day_path else None
        if day is not None:
            days[day] = days.get(day, 0) + 1
        yield [text, day or name, line, record.problem or NULL, page.asked, fetched_at]
