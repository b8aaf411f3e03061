"""JSON Lines files: one object a line; a number lands as the digits that were sent."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retain.sources.copy_text import NULL
from retain.sources.files_text import FileRefused, ends_with_newline, open_text, undecodable

LONGEST_SHOWN = 80
HALF_PAIR = re.compile("[\ud800-\udfff]")


class NumberText(str):
    """A JSON number by its text: neither 0.10 nor 12345678901234567890 loses a digit."""

    __slots__ = ()


@dataclass(frozen=True)
class JsonFormat:
    """How the files of an entity are written."""

    encoding: str

    is_sparse = True

    def names(self, path: Path) -> list[str]:
        """Every key of every record, in the order of appearance. Raises FileRefused when it is no JSON Lines file."""
        names: dict[str, None] = {}
        first = True
        for _, record, problem in self._records(path):
            if first and record is None:
                raise FileRefused(f"is not JSON Lines: {problem}")
            first = False
            names.update(dict.fromkeys(record or ()))
        return list(names)

    def advice(self, path: Path, wanted: object) -> str:
        return ""

    def rows(self, path: Path, names: list[str]) -> Iterator[tuple[list[Any], Any]]:
        """Each record as the values of `names`, and what is wrong with it (NULL: nothing)."""
        for line, record, problem in self._records(path):
            if record is None:
                yield [NULL] * len(names), f"line {line} {problem}"
                continue
            values = [_text(record[name]) if name in record else NULL for name in names]
            yield values, problem or NULL

    def _records(self, path: Path) -> Iterator[tuple[int, dict[str, Any] | None, str | None]]:
        """Line, record and problem; the record is None when the line is no object."""
        try:
            with open_text(path, self.encoding) as file:
                for number, line in enumerate(file, 1):
                    if line.isspace():
                        continue
                    try:
                        record = DECODER.decode(line.strip())
                    except ValueError as error:
                        if not line.endswith("\n") and not ends_with_newline(path):
                            raise FileRefused(
                                f"ends in the middle of line {number}; is it still being copied?"
                            ) from None
                        yield number, None, f"is not JSON ({error}): {_shown(line)}"
                        continue
                    if not isinstance(record, dict):
                        yield number, None, f"is {_kind(record)}, not an object: {_shown(line)}"
                    elif "\\u" in line:
                        yield number, *_storable_record(record)
                    else:
                        yield number, record, None
        except UnicodeDecodeError:
            raise undecodable(path, self.encoding) from None


DECODER = json.JSONDecoder(parse_int=NumberText, parse_float=NumberText, parse_constant=NumberText)


def _text(value: Any) -> Any:
    if type(value) is str:
        return value
    if value is None:
        return NULL
    return _json(value) if not isinstance(value, NumberText) else str(value)


def _json(value: Any) -> str:
    """A value as JSON text again, with its numbers untouched."""
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json(key)}: {_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=isinstance(value, str) and bool(HALF_PAIR.search(value)))


def _storable_record(record: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    r"""A record in which what PostgreSQL cannot store (\u0000, half a surrogate pair) is replaced, and said."""
    lost = []
    kept: dict[str, Any] = {}
    for name, value in record.items():
        kept[name], is_changed = _storable(value) if type(value) is str else (value, False)
        if is_changed:
            lost.append(name)
    problem = f"{', '.join(lost)}: a character that cannot be stored was replaced by �" if lost else None
    return kept, problem


def _storable(text: str) -> tuple[str, bool]:
    kept = text.replace("\0", "�").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return kept, kept != text


def _kind(value: Any) -> str:
    return {list: "an array", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _shown(line: str) -> str:
    text = line.strip()
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
