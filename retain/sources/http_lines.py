"""Files of JSON, a record a line, read as they come: a block of lines in memory, and never taken for whole when cut off."""

from collections.abc import Iterator
from dataclasses import dataclass

import requests

from retain.errors import OutOfReach
from retain.sources.http_answers import place_of
from retain.sources.http_client import in_sentences, plain_session
from retain.sources.http_records import A_PAGE, Record, record_of

BLOCK_BYTES = 1 << 22
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


def records_from(export: Export, after: int = 0) -> Iterator[list[Record]]:
    """The records of an export, but for the first `after`, in blocks of about four megabytes.

    A file that is cut off is asked for again, and gone on with behind the last block. Raises CutOff when it is so again
    and again; OutOfReach for a line that is no JSON, for a web page, and as the system does.
    """
    attempt = 1
    while True:
        try:
            for block in _blocks(export, after):
                yield block
                after += len(block)
            return
        except CutOff:
            if attempt == ATTEMPTS:
                raise
            attempt += 1


def _blocks(export: Export, after: int) -> Iterator[list[Record]]:
    place = place_of(export.url)
    with in_sentences(export.name, export.url), plain_session(export.name, export.url) as session:
        response = session.get(export.url, stream=True, allow_redirects=False)
        with response:
            number, block, size = 0, list[Record](), 0
            lines = _Lines(response, export.name)
            for line in lines:
                if not line.strip():
                    continue
                number += 1
                if number <= after:
                    continue
                block.append(_record(line, export.name, place, number, is_last=lines.is_at_end))
                size += len(line)
                if size >= BLOCK_BYTES:
                    yield block
                    block, size = [], 0
        if export.size is not None and lines.read < export.size:
            raise cut_off(export.name, place, f"{lines.read:,} of {export.size:,} bytes came")
        if block:
            yield block


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
    return CutOff(f"Source {name}: the file {place} was cut off: {what}.", hint="What came so far is kept: try again.")
