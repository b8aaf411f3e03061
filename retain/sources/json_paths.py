"""Where a value stands in a JSON record: dotted paths, and which of them the expressions of retain.yml speak of."""

import re
from collections.abc import Iterable
from typing import Any

from retain.sources.mentions import NOT_COLUMNS, TOKEN

PATH = re.compile(r"[^\W\d][\w-]*(?:\.[\w-]+)*")
LONGEST_PATH = 63  # bytes: it is the name of a column


def path_of(expression: str) -> str | None:
    """The path that an expression is, when it is nothing but one: `total`, `customer.email`, `lines.0.sku`."""
    text = expression.strip()
    return text if PATH.fullmatch(text) and text.lower() not in NOT_COLUMNS else None


def paths_of(expressions: Iterable[str]) -> list[str]:
    """Every path that expressions may speak of: in SQL a bare name, or a dotted path in double quotes.

    A bare name may be a function's: it is then a path at which no record has a value, and costs nothing.
    """
    paths: dict[str, None] = {}
    for expression in expressions:
        if path := path_of(expression):
            paths[path] = None
            continue
        for token in TOKEN.finditer(expression):
            name = token["bare"] if token["quoted"] is None else token["quoted"].replace('""', '"')
            if name and PATH.fullmatch(name) and name.lower() not in NOT_COLUMNS:
                paths[name] = None
    return list(paths)


def value_at(record: Any, path: str) -> Any:
    """What stands at a path; None where nothing does."""
    for step in path.split("."):
        if isinstance(record, dict):
            record = record.get(step)
        elif isinstance(record, list) and step.isdigit() and int(step) < len(record):
            record = record[int(step)]
        else:
            return None
    return record
