"""The columns of files: as which columns they land, and whether those that the mapping speaks of are there."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from retain.config import FilesEntity
from retain.entities import ENTITIES
from retain.sources.json_paths import paths_of
from retain.sources.mentions import column_of, has_column, mentioned

LONGEST_NAME = 63  # bytes, PostgreSQL's own limit
TAKEN = frozenset(
    {"_load_id", "_row", "_file", "_line", "_problem", "_kept", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}
)


def landed_names(header: Iterable[str]) -> list[str]:
    """One name a column, as the file has it where that is possible: trimmed, never empty, never twice, never too long."""
    names: list[str] = []
    for place, sent in enumerate(header, 1):
        wanted = _cut(sent.replace("\0", "").strip() or f"column_{place}", LONGEST_NAME)
        name, count = wanted, 1
        while name in names or name in TAKEN:
            count += 1
            name = f"{_cut(wanted, LONGEST_NAME - len(str(count)) - 1)}_{count}"
        names.append(name)
    return names


def _cut(name: str, longest: int) -> str:
    return name.encode("utf-8", "replace")[:longest].decode("utf-8", "ignore")


def renamed(headers: dict[str, list[str]], landed: dict[str, list[str]]) -> list[str]:
    """A sentence for every column that could not keep its name."""
    return [
        f'{file}: the column "{name.encode("utf-8", "replace").decode()}" is called {stored} here'
        for file, header in headers.items()
        for name, stored in zip(header, landed[file], strict=True)
        if name.strip() != stored
    ]


@dataclass(frozen=True)
class Wanted:
    """The columns that each part of a mapping speaks of: `{"fields.gross_amount": {"total"}}`."""

    by_part: dict[str, set[str]]

    def lacking(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """Part and column, where `names` do not have it."""
        return [
            (part, column)
            for part, columns in self.by_part.items()
            for column in sorted(columns)
            if not has_column(names, column)
        ]

    def twice(self, header: Sequence[str]) -> list[str]:
        """Columns that are spoken of and stand in a header more than once."""
        counts = Counter(name.strip().lower() for name in header)
        spoken = {column.lower() for columns in self.by_part.values() for column in columns}
        return sorted(column for column in spoken if counts[column] > 1)


def wanted_columns(shape: FilesEntity, entity: str, seen: Iterable[str], is_sparse: bool) -> Wanted:
    """What the mapping of an entity speaks of. `seen` are the columns known to exist, to find them inside expressions.

    Records of JSON leave out what they do not have: of them only the required fields are wanted.
    """
    required = ENTITIES[entity].required
    parts = {f"fields.{name}": text for name, text in shape.fields.items() if not is_sparse or name in required}
    parts |= {"where": shape.where} if shape.where and not is_sparse else {}
    parts |= {f"group_by[{place}]": text for place, text in enumerate(shape.group_by or (), 1)}
    seen = set(seen)
    return Wanted(
        {part: {name} if (name := column_of(text)) else mentioned(text, seen) for part, text in parts.items()}
    )


def left_out(shape: FilesEntity, entity: str, names: Sequence[str]) -> dict[str, str]:
    """Columns that the mapping speaks of and no record of a file of JSON has, by where it does: they are empty.

    A required field that is read from nothing else is left to be refused.
    """
    parts = {f"fields.{name}": text for name, text in shape.fields.items()}
    parts |= {"where": shape.where} if shape.where else {}
    found: dict[str, str] = {}
    for part, text in parts.items():
        spoken = [name] if (name := column_of(text)) else [path for path in paths_of([text]) if "." not in path]
        lacking = [name for name in spoken if not has_column(names, name)]
        if part.removeprefix("fields.") in ENTITIES[entity].required and len(lacking) == len(spoken):
            continue
        found |= {name: f"{entity}.{part}" for name in lacking if name not in found}
    return found


def missing_columns(
    wanted: Wanted, entity: str, landed: dict[str, list[str]], advice: Callable[[str, list[str]], str]
) -> tuple[list[str], list[str]]:
    """Sentences that refuse the batch, and sentences that only warn. `landed` is by file, in the order of their names.

    A column that begins with a later file of the batch is new, and empty before it. One that no later file has either is
    gone or renamed.
    """
    problems: list[str] = []
    warnings: list[str] = []
    later: set[str] = set()
    for file, names in reversed(landed.items()):
        lacking = wanted.lacking(names)
        gone = [(part, column) for part, column in lacking if not has_column(later, column)]
        if gone:
            columns = ", ".join(f"{column} ({entity}.{part})" for part, column in gone)
            has = ", ".join(names) or "none"
            problems.append(
                f"{file} has no column {columns}; it has: {has}{advice(file, [name for _, name in lacking])}"
            )
        elif lacking:
            columns = ", ".join(dict.fromkeys(column for _, column in lacking))
            warnings.append(f"{file} has no column {columns} yet: empty there")
        later.update(names)
    return problems[::-1], warnings[::-1]


def not_grouped(group_by: Sequence[str], entity: str, landed: dict[str, list[str]]) -> list[str]:
    """A sentence for every file of those read together that lacks a column by which rows of all of them are grouped."""
    return [
        f"{file} has no column {column} ({entity}.group_by[{place}]), which says to what its rows belong; it has: {', '.join(names)}"
        for file, names in landed.items()
        for place, text in enumerate(group_by, 1)
        if (column := column_of(text)) and not has_column(names, column)
    ]
