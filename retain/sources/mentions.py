"""Which columns of a file the expressions of retain.yml speak of, as far as can be told without parsing SQL."""

import re
from collections.abc import Iterable

# What may hold a name that is no column: a text, a dollar-quoted text, a comment. Then a quoted name, then a bare one.
TOKEN = re.compile(
    r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/|\"(?P<quoted>(?:[^\"]|\"\")*)\"|(?P<bare>[^\W\d]\w*)",
    re.DOTALL,
)
PLAIN = re.compile(r"[^\W\d]\w*")
WORDS = re.compile(r"[^\W\d]\w*(?: \w+)+")
QUOTED = re.compile(r'"(?:[^"]|"")+"')
PSEUDO = ("_file", "_line", "_problem")
NOT_COLUMNS = frozenset(
    {*PSEUDO, "null", "true", "false", "current_date", "current_timestamp", "localtimestamp", "current_user"}
)
OPERATORS = frozenset({"not", "is", "and", "or", "in", "like", "ilike", "case", "between", "at", "collate", "similar"})


def column_of(expression: str) -> str | None:
    """The column that an expression is, when it is nothing but one: `total`, `"Unit Price"`, `Unit Price`."""
    text = expression.strip()
    if QUOTED.fullmatch(text):
        return text[1:-1].replace('""', '"')
    if PLAIN.fullmatch(text):
        return None if text.lower() in NOT_COLUMNS else text
    if WORDS.fullmatch(text) and not OPERATORS & set(text.lower().split()):
        return text
    return None


def mentioned(expression: str, columns: Iterable[str]) -> set[str]:
    """Those of `columns` that an expression may speak of."""
    quoted, bare = set(), set()
    for token in TOKEN.finditer(expression):
        if token["quoted"] is not None:
            quoted.add(token["quoted"].replace('""', '"'))
        elif token["bare"] is not None:
            bare.add(token["bare"].lower())
    text = expression.strip()
    return {column for column in columns if column == text or column in quoted or column.lower() in bare}


def has_column(columns: Iterable[str], wanted: str) -> bool:
    """Whether a file has a column, in any case: SQL folds a bare name."""
    return wanted.lower() in (column.lower() for column in columns)
