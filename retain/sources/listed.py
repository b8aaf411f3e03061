"""What a source lists in retain.yml."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from retain.errors import UserError

T = TypeVar("T")


def listed(entities: Mapping[str, T], entity: str, source: str, config: Path | str) -> T:
    """What `config` says of an entity of a source. Raises UserError, naming what it lists, when it says nothing."""
    try:
        return entities[entity]
    except KeyError:
        known = ", ".join(entities)
        raise UserError(f'Source {source} has no "{entity}" in {config}.', hint=f"It has: {known}.") from None
