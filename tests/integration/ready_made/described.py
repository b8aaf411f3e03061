"""A warehouse that loads from one source, and what the tests of every such source ask of it."""

from dataclasses import dataclass
from typing import Any

from retain import loads, warehouse
from retain.config import Settings, load_settings


@dataclass
class Described:
    """The warehouse, its source, and the vendor behind that, where one is asked."""

    settings: Settings
    vendor: Any = None
    source: str = "one"

    def load(self, entity: str, **options: Any) -> loads.LoadOutcome:
        return loads.load_entity(self.settings, self.source, entity, **options)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode()).fetchall()

    def does_not_add_up(self) -> list[tuple[Any, ...]]:
        return self.ask("select * from ops.reconciliation where difference <> 0")

    def configure(self, old: str, new: str) -> None:
        """Say something else in retain.yml; in place of nothing, at its end."""
        text = self.settings.path.read_text()
        assert old in text
        self.settings.path.write_text(text.replace(old, new) if old else text + new)
        self.settings = load_settings(self.settings.path)
