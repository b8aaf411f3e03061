"""A list of a `rest` source that comes as files: span by span, each of them whole before a record of it is landed."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from retain.config.rest import Asked, Export
from retain.errors import OutOfReach
from retain.sources import Window
from retain.sources.http_answers import KEPT, place_of
from retain.sources.http_client import AnswersAsSent
from retain.sources.http_lines import Rows
from retain.sources.http_paging import Page, Walk, shown_request
from retain.sources.http_records import Record, record_of
from retain.sources.http_spans import Span, bounds, halves, newest, spans_of
from retain.sources.http_spool import Request, Told, first_lines, spooled
from retain.sources.rest_seen import Seen

SAMPLE = 10


@dataclass(frozen=True)
class Files:
    """The files of one list. `window` says how a span of time is asked for, `zone` in which zone days are meant."""

    client: AnswersAsSent
    export: Export
    window: Asked
    zone: ZoneInfo

    def sample(self, start: Walk, window: Window) -> Page:
        """The first records of the last hour or day that is over; of the last day where that hour has none."""
        walk, lines = start, list[bytes]()
        for span in dict.fromkeys(map(tuple, newest(self.window.format, self.zone, window.end))):
            walk = self._walk(start, list(span), 1)
            with suppress(Told):
                lines = first_lines(self.client, self._request(walk, is_last_resort=True), SAMPLE)
            if lines:
                break
        records = [self._record(line, walk, number) for number, line in enumerate(lines, 1)]
        return Page(records, shown_request(walk.url, walk.params), 1, None)

    def left(self, start: Walk, window: Window) -> Iterator[tuple[Span, Walk, Walk | None]]:
        """The spans of a window from `start` on: each with its request, and with the one to go on with after it."""
        spans = spans_of(window, self.window.format, self.zone, self.export.at_once)
        walks = [self._walk(start, span, number) for number, span in enumerate(spans, 1)]
        since = str(self.window.since)
        begins = [walk.params[since] == start.params.get(since) for walk in walks]
        # Where no span begins, they were of another length when that walk was kept: then all of them are left.
        place = begins.index(True) if True in begins else 0
        yield from list(zip(spans, walks, [*walks, None][1:], strict=True))[place:]

    def rows_of(self, span: Span, walk: Walk, seen: Seen) -> Iterator[Rows]:
        """The records of a span, each part of them when it is full; `seen` sees every record before it is in one.

        A span that is too long for the system is asked for in halves.
        """
        parts = [span]
        while parts:
            one = parts.pop(0)
            smaller = halves(one)
            asked = self._walk(walk, one, walk.number)
            try:
                with spooled(self.client, self._request(asked, is_last_resort=not smaller)) as file:
                    yield from self._rows_of(file.lines(), asked, seen)
            except Told as answer:
                if answer.status != self.export.nothing:
                    parts[:0] = smaller

    def _rows_of(self, lines: Iterator[bytes], walk: Walk, seen: Seen) -> Iterator[Rows]:
        since, until = walk.params[str(self.window.since)], walk.params[str(self.window.until)]
        # Each file is a delivery: of an event that is in two of them, the later one counts.
        name = f"{since} to {until}, as of {datetime.now(UTC).isoformat()}"
        rows = Rows(name, shown_request(walk.url, walk.params))
        for number, line in enumerate(lines, 1):
            text = line.strip()
            values = _values(text)
            if values is not None:
                rows.add_text(text, number)
            else:
                record = self._record(text, walk, number)
                values = record.values or {}
                rows.add(record, number)
            seen.see(values)
            if rows.is_full:
                yield rows
        yield rows

    def _walk(self, walk: Walk, span: Span, number: int) -> Walk:
        low, high = bounds(span, self.window.format, self.zone)
        return replace(
            walk, params={**walk.params, str(self.window.since): low, str(self.window.until): high}, number=number
        )

    def _request(self, walk: Walk, *, is_last_resort: bool) -> Request:
        """Of one day or hour nothing smaller can be asked for: its refusals are those of any request."""
        statuses = {self.export.nothing, *(() if is_last_resort else self.export.too_much)}
        return Request(walk.url, walk.params, self.export.format, frozenset(one for one in statuses if one))

    def _record(self, line: bytes, walk: Walk, number: int) -> Record:
        """A line that has to be looked at: what cannot be stored is replaced in it, and what is no object is a problem.

        Raises OutOfReach where it is no JSON at all.
        """
        try:
            return record_of(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except ValueError:
            raise OutOfReach(
                f"Source {self.client.name}: {place_of(walk.url)} answered with something that is no JSON, in line {number:,}.",
                hint=KEPT,
            ) from None


def _values(line: bytes) -> dict[str, Any] | None:
    """What a line holds, when it is an object that can be stored as it is. In a third of the time that keeping its numbers
    would take: here nobody takes a value for more than its being there."""
    if b"\\u" in line:
        return None
    try:
        values = orjson.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
