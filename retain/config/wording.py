"""How a problem of retain.yml is put into words: what was found, what is allowed, what was probably meant."""

import difflib
from collections.abc import Iterable

from retain.config.document import Document, KeyPath

LONGEST_SHOWN = 60


def meant(found: str, allowed: Iterable[str]) -> str:
    """`, did you mean "x"?` when something allowed is near what was found, else nothing."""
    by_folded = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(found.lower(), by_folded, n=1, cutoff=0.7)
    return f"; did you mean {by_folded[near[0]]}?" if near else ""


def one_of(allowed: Iterable[str]) -> str:
    return "allowed: " + ", ".join(allowed)


def shown(document: Document, path: KeyPath) -> str:
    """What stands at `path`, as it may be printed: as written before ${NAME} was replaced, and never an address."""
    value = document.templates.get(path, document.at(path))
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list):
        return "a list"
    if "://" in value or (path and path[-1] == "url"):
        return "an address"
    return f'"{value[: LONGEST_SHOWN - 1]}…"' if len(value) > LONGEST_SHOWN else f'"{value}"'
