"""What a fault is: a small function that damages one night's delivery of a shop, the way a real system does."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from bench.faults.shop import Delivery, Row


@dataclass
class Night:
    """One night's delivery before it is sent. A fault changes `rows`, the rows of `entity`, or `content`, the file's bytes.

    An entity whose `contents` are None is not sent at all. `history` holds the clean deliveries of the nights before, oldest first.
    """

    entity: str
    delivery: Delivery
    history: list[Delivery]
    dice: Random
    contents: dict[str, bytes | None] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        return self.delivery[self.entity]

    @rows.setter
    def rows(self, rows: Iterable[Row]) -> None:
        self.delivery[self.entity] = list(rows)

    @property
    def content(self) -> bytes:
        return self.contents.get(self.entity) or written(self.rows)

    @content.setter
    def content(self, content: bytes) -> None:
        self.contents[self.entity] = content

    def some(self, share: float = 0.04) -> list[Row]:
        """A few rows of the entity, at least one: as many as one clerk, one till or one bug spoils without anyone noticing."""
        return self.dice.sample(self.rows, max(1, round(len(self.rows) * share)))

    def file(self, entity: str) -> bytes | None:
        """What is sent for an entity."""
        return self.contents[entity] if entity in self.contents else written(self.delivery[entity])


def written(rows: list[Row]) -> bytes:
    """Rows as a CSV file, with the columns of the first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@dataclass(frozen=True)
class Fault:
    """A function that does a damage, and the entities that it fits."""

    name: str
    entities: tuple[str, ...]
    what: str
    do: Callable[[Night], None]


FILE_FAULTS: dict[str, Fault] = {}


def fault(*entities: str) -> Callable[[Callable[[Night], None]], Callable[[Night], None]]:
    """Enter a function into the catalogue, for the entities that its damage fits."""

    def enter(do: Callable[[Night], None]) -> Callable[[Night], None]:
        if do.__name__ in FILE_FAULTS:
            raise ValueError(f"two faults are called {do.__name__}")
        what = " ".join((do.__doc__ or "").split())
        FILE_FAULTS[do.__name__] = Fault(do.__name__, entities, what, do)
        return do

    return enter
