"""The records that the lines of Shopify hold: which of them an entity wants, by which key, and whether they say who they are of."""

from dataclasses import dataclass

from retain.sources.http_records import Record, each_of
from retain.sources.json_paths import value_at
from retain.sources.shopify_entities import Shape

PARENT = "__parentId"
ENOUGH = 10  # of so many records one at least has a name or an address, if the app may see them


def records_in(shape: Shape, record: Record) -> list[Record]:
    """The records of an entity that a line holds: itself; nothing, where it is the parent of some; or the things of its list."""
    if record.values is None:
        return [record]
    if shape.children is not None:
        return [record] if PARENT in record.values else []
    if shape.each is None or shape.only is None:
        return [record]
    path, wanted = shape.only
    if not any(value_at(one, path) == wanted for one in value_at(record.values, shape.each) or ()):
        return []
    return [one for one in each_of(record, shape.each) if value_at(one.values, f"item.{path}") == wanted]


def key_of(shape: Shape, record: Record) -> tuple[str, ...] | None:
    """The key of a record as its fields make it, from the ids at its end; None of one that does not count."""
    values = record.values if shape.each is None else value_at(record.values, "item")
    if shape.counts is not None and value_at(values, shape.counts[0]) != shape.counts[1]:
        return None
    ids = [value_at(values, path) for path in ((PARENT, "id") if shape.is_keyed_by_parent else ("id",))]
    return None if None in ids else tuple(str(one).rpartition("/")[2] for one in ids)


@dataclass
class People:
    """Whether the records of an entity say who they are of; an app without the right to see it gets them empty."""

    records: int = 0
    is_seen: bool = False

    def look_at(self, shape: Shape, record: Record) -> None:
        self.records += 1
        if not self.is_seen:
            self.is_seen = any(value_at(record.values, path) is not None for path in shape.people)

    def doubts(self, shape: Shape) -> list[str]:
        """A sentence, when there are enough records to tell."""
        if not shape.people or self.is_seen or self.records < ENOUGH:
            return []
        return [f"none of {self.records:,} {shape.connection} has a value at {', '.join(shape.people)}"]
