"""Which spans of time a load of Shopify asks for, one bulk operation each, and where it goes on after a crash."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from retain.sources import BEGINNING, Window
from retain.sources.http_load import HttpPlan
from retain.sources.http_window import asked

FOUNDED = datetime(2006, 1, 1, tzinfo=UTC)  # no shop has a record of before
SHORTEST = timedelta(hours=1)  # a span in which a bulk operation fails is halved down to this


@dataclass(frozen=True)
class Span:
    """A part of a window; without a start it has none. As JSON: [start, end]."""

    start: datetime | None
    end: datetime

    def kept(self) -> list[str | None]:
        return [self.start.isoformat() if self.start else None, self.end.isoformat()]

    @staticmethod
    def of(kept: list[str | None]) -> "Span":
        start, end = kept
        return Span(datetime.fromisoformat(start) if start else None, datetime.fromisoformat(str(end)))

    def halves(self) -> "list[Span]":
        """Two, with the instant between them in both; none of a span that is short already."""
        start = self.start or FOUNDED
        if self.end - start <= SHORTEST:
            return []
        middle = start + (self.end - start) / 2
        return [Span(self.start, middle), Span(middle, self.end)]


@dataclass(frozen=True, kw_only=True)
class ShopifyPlan(HttpPlan):
    """What a load asks for: the spans that are left, and of the first one the operation and the lines read of it already."""

    left: tuple[Span, ...]
    operation: str | None = None
    lines: int = 0


def search_of(span: Span) -> str:
    """The span as Shopify's search wants it; it counts both ends in."""
    low, high = asked(Window(span.start or BEGINNING, span.end), "iso", ZoneInfo("UTC"))
    since = f"updated_at:>='{low}' AND " if low else ""
    return f"{since}updated_at:<='{high}'"
