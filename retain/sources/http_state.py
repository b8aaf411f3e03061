"""What a cursor of an HTTP system remembers besides how far it was read: how. Records that are asked for, or mapped, otherwise
than then are another matter."""

import hashlib
from typing import Any

from retain.config.part import Mapping
from retain.sources import State, Window


def state_after(window: Window, fingerprint: str, entity: Mapping) -> dict[str, Any]:
    """The state of a source that was read up to the end of this window."""
    return {"mapping": fingerprint, "until": window.end.isoformat(), "fields": _fields(entity)}


def changed_since(state: State | None, fingerprint: str, entity: Mapping) -> tuple[bool, tuple[str, ...]]:
    """Whether other records would be asked for now, so that everything must be read again; and what is to be told."""
    if state is None:
        return False, ()
    if state.get("mapping") != fingerprint:
        return True, ("this entity is read differently than before: everything was read again",)
    if state.get("fields") != _fields(entity):
        told = "retain.yml maps this entity differently than before: `retain replay` does it to what was landed already"
        return False, (told,)
    return False, ()


def _fields(entity: Mapping) -> str:
    """Changes when the same record would become other fields: the record is in landing, whole, and is not asked for again."""
    how = entity.model_dump_json(include={"fields", "defaults", "where", "deleted"})
    return hashlib.sha256(how.encode()).hexdigest()[:16]
