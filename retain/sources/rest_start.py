"""Where the walk through a list begins: its address, and the parameters that ask for a span of time, or go on from a cursor."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from retain.config import RestEntity
from retain.sources import Window
from retain.sources.http_paging import Walk
from retain.sources.http_window import asked

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # the start of everything, where one has to be written


def start_of(url: str, shape: RestEntity, zone: ZoneInfo, window: Window | None, cursor: str | None) -> Walk:
    """The first request of a walk; without a window and a cursor, for everything."""
    params: dict[str, Any] = {**shape.params, **({} if cursor else shape.start)}
    if cursor:
        params[shape.paging.param or "cursor"] = cursor
    if shape.paging.size is not None and shape.paging.size_param:
        params[shape.paging.size_param] = str(shape.paging.size)
    if window is None and shape.window is not None and shape.window.template is not None:
        window = Window(EARLIEST, datetime.now(UTC))  # what asks for the window may be all that asks for anything
    if window is not None and shape.window is not None:
        params |= _asked(shape, window, zone)
    return Walk(f"{url.rstrip('/')}/{shape.path.lstrip('/')}", params)


def _asked(shape: RestEntity, window: Window, zone: ZoneInfo) -> dict[str, str]:
    how = shape.window
    assert how is not None
    if how.template is not None:
        low, high = asked(replace(window, start=max(window.start, EARLIEST)), how.format, zone)
        return {str(how.since): how.template.replace("{since}", str(low)).replace("{until}", high)}
    low, high = asked(window, how.format, zone)
    since = {str(how.since): low} if low is not None else {}
    return since | ({how.until: high} if how.until is not None else {})
