"""Which list a load asks, and where the walk through it begins: its address, and the parameters of a span of time or a cursor."""

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from retain.config import RestEntity
from retain.sources import BEGINNING, Window
from retain.sources.http_paging import Walk
from retain.sources.http_window import asked

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # the start of everything, where one has to be written


def list_of(shape: RestEntity, window: Window | None) -> RestEntity:
    """The entity as it is asked for: everything, or, where the system has another list for it, what changed in the window."""
    changes = shape.changes
    if changes is None:
        return shape
    if window is None or window.start <= BEGINNING:
        return shape.model_copy(update={"window": None})
    return shape.model_copy(update={name: getattr(changes, name) for name in type(changes).model_fields})


def start_of(url: str, shape: RestEntity, zone: ZoneInfo, window: Window | None, cursor: str | None) -> Walk:
    """The first request of a walk; without a window and a cursor, for everything."""
    params: dict[str, Any] = {**shape.params, **({} if cursor else shape.start)}
    if cursor:
        params[shape.paging.param or "cursor"] = cursor
    if shape.paging.size is not None and shape.paging.size_param:
        params[shape.paging.size_param] = str(shape.paging.size)
    if window is None and shape.window is not None and (shape.window.template or shape.body):
        window = Window(
            earliest(shape, zone), datetime.now(UTC)
        )  # it stands in what is asked, which is not whole without it
    if window is not None and shape.window is not None:
        params |= _asked(shape, window, zone)
    return Walk(f"{url.rstrip('/')}/{shape.path.lstrip('/')}", params)


def earliest(shape: RestEntity, zone: ZoneInfo) -> datetime:
    """When what is asked for begins, where it begins with everything."""
    day = shape.window.first_day if shape.window else None
    return datetime.combine(day, time(), zone) if day else EARLIEST


def _asked(shape: RestEntity, window: Window, zone: ZoneInfo) -> dict[str, str]:
    how = shape.window
    assert how is not None
    if (
        how.template is not None or shape.body is not None or how.first_day
    ):  # the first two stay as they are, whatever the window
        window = replace(window, start=max(window.start, earliest(shape, zone)))
    low, high = asked(window, how.format, zone)
    if how.template is not None:
        return {str(how.since): how.template.replace("{since}", str(low)).replace("{until}", high)}
    since = {str(how.since): low} if low is not None else {}
    return since | ({how.until: high} if how.until is not None else {})
