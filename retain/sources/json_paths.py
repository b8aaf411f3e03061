"""Where a value stands in a JSON record: dotted paths, and which of them the expressions of retain.yml speak of."""

import re
from collections.abc import Iterable
from typing import Any

from retain.sources.mentions import NOT_COLUMNS, OPERATORS, TOKEN

NAME = r"(?:[^\W\d]|\$)[\w$-]*"
PATH = re.compile(NAME + r"(?:\.[\w$-]+)*")
QUOTED_PATH = re.compile(NAME + r"(?:\.[\w$ -]+)*")  # some systems have names of several words
NAMED_THERE = re.compile(r"(?i)\bas\s+(\w+)")
# Those that can be no bare name of a column.
SQL = "select from where as when then else end on join left cross lateral group order limit distinct asc desc any all some for with"
WORDS_OF_SQL = NOT_COLUMNS | OPERATORS | frozenset(SQL.split())
LONGEST_PATH = 63  # bytes: it is the name of a column


def path_of(expression: str) -> str | None:
    """The path that an expression is, when it is nothing but one: `total`, `customer.email`, `lines.0.sku`."""
    text = expression.strip()
    return text if PATH.fullmatch(text) and text.lower() not in NOT_COLUMNS else None


def paths_of(expressions: Iterable[str]) -> list[str]:
    """Every path that expressions may speak of: in SQL a bare name, or a dotted path in double quotes.

    What SQL itself names there is none: a function, a type after :: or before a text, a word of its language, what follows `as`.
    """
    paths: dict[str, None] = {}
    for expression in expressions:
        if path := path_of(expression):
            paths[path] = None
            continue
        own = {name.lower() for name in NAMED_THERE.findall(expression)} | WORDS_OF_SQL
        for token in TOKEN.finditer(expression):
            name = token["bare"] if token["quoted"] is None else token["quoted"].replace('""', '"')
            if not name or not (PATH if token["quoted"] is None else QUOTED_PATH).fullmatch(name):
                continue
            is_called = expression[token.end() :].lstrip().startswith(("(", "'"))  # interval '1 day' is a type's
            if token["bare"] and (is_called or name.lower() in own or expression[: token.start()].endswith("::")):
                continue
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
