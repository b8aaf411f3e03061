"""A whole file of a system, kept on disk while it is read: nothing of it is believed before its end was seen."""

import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Literal

import orjson
import requests

from retain.errors import OutOfReach
from retain.sources.http_answers import KEPT, place_of
from retain.sources.http_client import AnswersAsSent, hooks_of, in_sentences
from retain.sources.http_lines import CHUNK_BYTES, CutOff, cut_off
from retain.sources.http_records import A_PAGE, named_error

Format = Literal["jsonl", "zip"]

ATTEMPTS = 3
TIMEOUT_SECONDS = 900.0  # a system may be minutes at an export before the first byte of it comes
TAIL_BYTES = 1 << 16
BROKEN = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
    requests.exceptions.ContentDecodingError,
)


class Told(Exception):
    """A system answered with a status that means something to whoever asked."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True)
class Request:
    """What is asked for: `params` of the address, the format of the answer, and statuses that raise Told."""

    url: str
    params: dict[str, str]
    format: Format
    told: frozenset[int] = frozenset()


class Spool:
    """The file of one answer. `place` is where it came from, without secrets."""

    def __init__(self, name: str, place: str, format: Format, file: IO[bytes]) -> None:
        self._name, self._place, self._format, self._file = name, place, format, file

    def lines(self) -> Iterator[bytes]:
        """Every line that is not empty. Raises CutOff where an archive does not hold what it says."""
        self._file.seek(0)
        if self._format == "jsonl":
            yield from _filled(self._file)
            return
        try:
            with zipfile.ZipFile(self._file) as archive:
                for member in archive.infolist():
                    if member.is_dir():
                        continue
                    with archive.open(member) as packed:
                        is_packed = member.filename.endswith(".gz")
                        unpacked: Any = gzip.GzipFile(fileobj=packed) if is_packed else packed
                        yield from _filled(io.BufferedReader(unpacked, CHUNK_BYTES))
        except (zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile):
            raise cut_off(self._name, self._place, "the archive is not whole") from None

    def check(self) -> None:
        """Raise CutOff for what has no proper end, OutOfReach for what is something else altogether."""
        size = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        start = self._file.read(TAIL_BYTES)
        if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise self._refused(A_PAGE)
        if self._format == "zip":
            if not zipfile.is_zipfile(self._file):
                if start.startswith(b"PK"):
                    raise cut_off(self._name, self._place, f"{size:,} bytes came, and not the end of the archive")
                raise self._refused(named_error(start.decode("utf-8", "replace")) or "something that is no archive")
            return
        last = self._last_line(size)
        if not last:
            return
        if start.strip() == last and (said := named_error(last.decode("utf-8", "replace"))):
            raise self._refused(said)
        try:
            is_record = isinstance(orjson.loads(last), dict)
        except ValueError:
            # What PostgreSQL, or Python, makes of it is seen when it is read: here it only has to end as a record does.
            is_record = last.startswith(b"{") and last.endswith(b"}")
        if not is_record:
            what = "ends in the middle of a record" if last.startswith(b"{") else "ends with a line that is no record"
            raise cut_off(self._name, self._place, f"it {what}")

    def _last_line(self, size: int) -> bytes:
        block = TAIL_BYTES
        while True:
            self._file.seek(max(0, size - block))
            tail = self._file.read().rstrip()
            if b"\n" in tail or block >= size:
                return tail.rpartition(b"\n")[2].strip()
            block *= 8

    def _refused(self, what: str) -> OutOfReach:
        return OutOfReach(f"Source {self._name}: {self._place} answered with {what}.", hint=KEPT)


def _filled(lines: IO[bytes]) -> Iterator[bytes]:
    return (line for line in lines if not line.isspace())


@contextmanager
def spooled(client: AnswersAsSent, request: Request) -> Iterator[Spool]:
    """The answer to a request as a file, whole. One that is cut off is asked for again.

    Raises CutOff when it is so again and again, Told, and whatever the client raises.
    """
    with tempfile.TemporaryFile(prefix="retain-export-") as file:
        spool = Spool(client.name, place_of(request.url), request.format, file)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                file.seek(0)
                file.truncate()
                for chunk in _chunks(client, request):
                    file.write(chunk)
                spool.check()
                break
            except CutOff:
                if attempt == ATTEMPTS:
                    raise
        yield spool


def first_lines(client: AnswersAsSent, request: Request, most: int) -> list[bytes]:
    """A few lines of the answer, of which no more is taken than they need; an archive has its table at its end."""
    if request.format == "zip":
        with spooled(client, request) as spool:
            return list(islice(spool.lines(), most))
    came = b""
    for chunk in _chunks(client, request):
        came += chunk
        if came.count(b"\n") >= most:
            came = came[: came.rindex(b"\n") + 1]  # the last of the lines that came may be half of one
            break
    spool = Spool(client.name, place_of(request.url), request.format, io.BytesIO(came))
    spool.check()
    return list(islice(spool.lines(), most))


def _chunks(client: AnswersAsSent, request: Request) -> Iterator[bytes]:
    came = 0

    def heed(response: requests.Response, **_: Any) -> None:
        if response.status_code in request.told:
            raise Told(response.status_code)

    hooks = hooks_of(client, with_body=False)
    asked = {
        "hooks": {"response": [heed, *hooks["response"]]},
        "headers": {"Accept": "*/*"},  # it is no JSON document, whatever else it is called
        "stream": True,
        "allow_redirects": False,
    }
    with (
        in_sentences(client.name, client.base_url),
        client.get(request.url, params=request.params, timeout=TIMEOUT_SECONDS, **asked) as answer,
    ):
        try:
            for chunk in answer.iter_content(CHUNK_BYTES):
                came += len(chunk)
                yield chunk
        except BROKEN:
            raise cut_off(client.name, place_of(request.url), f"{came:,} bytes came") from None
