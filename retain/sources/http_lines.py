"""Files of JSON, a record a line, read as they come: little of them is in memory, and none is taken for whole when cut off."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import requests

from retain.errors import OutOfReach
from retain.sources.copy_text import quoted
from retain.sources.http_answers import KEPT, place_of
from retain.sources.http_client import in_sentences, plain_session
from retain.sources.http_records import A_PAGE, Record, record_of

BLOCK_BYTES = 1 << 22  # characters of a step
CHUNK_BYTES = 1 << 18
ATTEMPTS = 3


class CutOff(OutOfReach):
    """A file ended before its end. What came of it is whole lines."""


@dataclass(frozen=True)
class Export:
    """A file at a system: where it is, which may itself be a secret; and how many bytes it has, where that is known."""

    name: str
    url: str
    size: int | None


def records_from(export: Export, after: int = 0) -> Iterator[Record]:
    """The records of an export, but for the first `after`, one at a time: whole blocks of them, taken apart, would keep
    Python's garbage collector busier than their reading does.

    A file that is cut off is asked for again, and gone on with behind the last record. Raises CutOff when it is so again
    and again; OutOfReach for a line that is no JSON, for a web page, and as the system does.
    """
    attempt = 1
    while True:
        try:
            for record in _records(export, after):
                yield record
                after += 1
            return
        except CutOff:
            if attempt == ATTEMPTS:
                raise
            attempt += 1


def _records(export: Export, after: int) -> Iterator[Record]:
    place = place_of(export.url)
    with in_sentences(export.name, export.url), plain_session(export.name, export.url) as session:
        response = session.get(export.url, stream=True, allow_redirects=False)
        with response:
            number, lines = 0, _Lines(response, export.name)
            for line in lines:
                if not line.strip():
                    continue
                number += 1
                if number > after:
                    yield _record(line, export.name, place, number, is_last=lines.is_at_end)
        if export.size is not None and lines.read < export.size:
            raise cut_off(export.name, place, f"{lines.read:,} of {export.size:,} bytes came")


class Rows:
    """Records as the COPY text of rows, until they are enough for a step; see `retain.sources.http_load.COLUMNS`."""

    def __init__(self, name: str, asked: str) -> None:
        self._name, self._asked, self._parts = quoted(name).encode(), quoted(asked).encode(), list[bytes]()
        self._size = 0

    @property
    def is_full(self) -> bool:
        return self._size >= BLOCK_BYTES

    @property
    def count(self) -> int:
        return len(self._parts)

    def add(self, record: Record, line: int) -> None:
        if record.values is not None and not record.problem:
            self.add_text(record.text.encode(), line)
            return
        text = quoted(record.text) if record.values is not None else ""
        problem = quoted(record.problem) if record.problem else ""
        self._add(text.encode(), line, problem.encode())

    def add_text(self, text: bytes, line: int) -> None:
        """A record with which all is well, as it was sent. In bytes: a record need not become a text, and bytes again."""
        self._add(b'"' + text.replace(b'"', b'""') + b'"', line, b"")

    def _add(self, text: bytes, line: int, problem: bytes) -> None:
        self._parts.append(b"%b,%b,%d,%b,%b," % (text, self._name, line, problem, self._asked))
        self._size += len(text)

    def taken(self) -> bytes:
        """What was added since the last time."""
        ending = f"{quoted(datetime.now(UTC).isoformat())}\n".encode()
        taken = ending.join([*self._parts, b""])
        self._parts.clear()
        self._size = 0
        return taken


class _Lines:
    """The lines of an answer on its way; `read` counts bytes, and `is_at_end` is true of a last line without its end."""

    def __init__(self, response: requests.Response, name: str) -> None:
        self._response, self._name = response, name
        self.read, self.is_at_end = 0, False

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        try:
            for chunk in self._response.iter_content(CHUNK_BYTES):
                self.read += len(chunk)
                lines = (rest + chunk).split(b"\n")
                rest = lines.pop()
                yield from lines
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError):
            raise cut_off(self._name, place_of(self._response.url), f"{self.read:,} bytes came") from None
        if rest:
            self.is_at_end = True
            yield rest


def _record(line: bytes, name: str, place: str, number: int, *, is_last: bool) -> Record:
    try:
        return record_of(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except ValueError:
        pass
    is_page = line.lstrip().startswith(b"<")
    if is_last and not is_page:
        raise cut_off(name, place, f"line {number:,} ends in its middle")
    what = A_PAGE if is_page else f"something that is no JSON, in line {number:,}"
    raise OutOfReach(f"Source {name}: {place} answered with {what}.", hint="What came before it is kept: try again.")


def cut_off(name: str, place: str, what: str) -> CutOff:
    return CutOff(f"Source {name}: the file {place} was cut off: {what}.", hint=KEPT)
