"""What the records of a load have: their columns, and whether there is anything where retain.yml says that it is."""

from dataclasses import dataclass, field
from typing import Any

from retain.entities import ENTITIES
from retain.errors import UserError
from retain.sources.json_paths import value_at

SHOWN = 15


@dataclass
class Seen:
    """`unseen` are the paths that no record had a value at so far, by field; `offered` are the columns of the records."""

    source: str
    entity: str
    unseen: dict[str, str]
    offered: dict[str, str] = field(default_factory=dict)

    def see(self, values: dict[str, Any]) -> None:
        """The values of one record."""
        if not values.keys() <= self.offered.keys():
            self.offered.update(dict.fromkeys(values, "json"))
        if self.unseen:
            for name in [name for name, path in self.unseen.items() if value_at(values, path) is not None]:
                del self.unseen[name]

    def refuse_unmapped(self, records: int) -> None:
        """Raise UserError where a field that is needed was read from nowhere in so many records."""
        needed = [name for name in self.unseen if name in ENTITIES[self.entity].required]
        if not needed or not records:
            return
        asked_for = ", ".join(f"{self.unseen[name]} ({self.entity}.fields.{name})" for name in needed)
        has = ", ".join(list(self.offered)[:SHOWN]) or "nothing"
        raise UserError(
            f"Source {self.source}: of {records:,} records none has a value at {asked_for}.",
            hint=f"They have: {has}. Correct `fields`, or `records`.",
        )

    def told(self) -> list[str]:
        return [f"no record has a value at {path} ({self.entity}.fields.{name})" for name, path in self.unseen.items()]
