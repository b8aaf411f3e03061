"""What every source system offers to the landing: what it has now, what is new there, and its rows as COPY text."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from retain.errors import UserError

if TYPE_CHECKING:  # retain.config checks paths and expressions with modules of this package
    from retain.config import Settings

# JSON-able; what the reader of a source needs to know of its last published load, and nobody else interprets.
State = Mapping[str, Any]

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """A half-open span of change times, [start, end), both with a zone. One that starts at BEGINNING has no start."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Column:
    """A column that a source offers, with its type as the source calls it."""

    name: str
    type_text: str


@dataclass(frozen=True)
class Batch:
    """What one load will read: decided once, before anything is read, so that a second try reads the same.

    `window` is set where the source has a change time. `plan` belongs to the reader that made it.
    """

    entity: str
    window: Window | None
    plan: Any


class Extract(Protocol):
    """The rows of a batch on their way.

    `columns` name the values of a row. `copy_chunks` are PostgreSQL's COPY csv text (UTF-8, no header, null unquoted,
    empty text quoted), to be read once, to the end; only then are `rows_sent`, `control_totals`, `state_after` and
    `warnings` whole. `control_totals` has `rows`, as the source counts them; `sums` by money field, as text, where it
    can add them up exactly; and for files `files`, the records of each.
    """

    @property
    def columns(self) -> list[str]: ...
    @property
    def copy_chunks(self) -> Iterator[bytes]: ...
    @property
    def rows_sent(self) -> int: ...
    @property
    def control_totals(self) -> dict[str, Any]: ...
    @property
    def state_after(self) -> dict[str, Any]: ...
    @property
    def warnings(self) -> list[str]: ...


@dataclass(frozen=True)
class Step:
    """A part of an extract that is kept by itself: its rows as COPY text, and, as JSON, what is needed to go on after it."""

    chunk: bytes
    rows: int
    progress: dict[str, Any]


@runtime_checkable
class ExtractInSteps(Extract, Protocol):
    """An extract that a crash does not send back to its beginning: `steps` take the place of `copy_chunks`.

    `rows_sent` counts from the first step on, those of an earlier try included. `offered` are the columns of the records.
    """

    @property
    def steps(self) -> Iterator[Step]: ...
    @property
    def offered(self) -> dict[str, str]: ...


class Source(Protocol):
    """A system that is read. Every method raises OutOfReach when it does not answer, and UserError when it answers
    something that the configuration does not fit; neither ever holds a password."""

    name: str

    def columns(self, entity: str) -> list[Column]:
        """What the source offers now, mapped or not."""

    def check(self, entity: str) -> list[tuple[str, str]]:
        """What a load would get through and still get wrong, as far as can be tried: a sentence, and what to do, of each.

        Raises what a load would be refused for before its first row.
        """

    def plan(
        self, entity: str, state: State | None, now: datetime, *, full: bool = False, window: Window | None = None
    ) -> Batch:
        """Decide what a load reads: what changed since `state`; everything (`full`); or a `window`, to fill it again."""

    def read(self, batch: Batch) -> AbstractContextManager[Extract]:
        """Open a batch. Whatever can be refused before the first row is refused here."""

    def keys(self, entity: str) -> Iterator[tuple[str, ...]] | None:
        """Every key the source has now, as text, to find what was deleted there; None where it cannot tell."""


@runtime_checkable
class PagedSource(Source, Protocol):
    """A source that is read page by page: its extracts come in steps."""

    def resume(self, entity: str, state: State | None, progress: dict[str, Any], now: datetime) -> Batch | None:
        """The batch that an earlier try did not finish, from its last step on; None when it must begin anew."""


def open_source(settings: "Settings", name: str) -> Source:
    """The reader of a source of retain.yml. Connects to nothing yet. Raises UserError when there is no such source."""
    try:
        source = settings.source(name)
    except KeyError:
        known = ", ".join(source.name for source in settings.sources)
        raise UserError(f'There is no source "{name}" in {settings.path}.', hint=f"It has: {known}.") from None
    if source.type == "files":
        from retain.sources.files import FilesReader

        reader: Source = FilesReader(settings, source)
        return reader
    if source.type == "rest":
        from retain.sources.rest import RestReader

        return RestReader(settings, source)
    if source.type == "shopify":
        from retain.sources.shopify import ShopifyReader

        return ShopifyReader(settings, source)
    from retain.sources.sql import open_database

    return open_database(settings, source)
