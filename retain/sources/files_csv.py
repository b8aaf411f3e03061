"""CSV files, record by record, exactly as they were written."""

import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from retain.sources.copy_text import NULL
from retain.sources.files_text import FileRefused, ends_with_newline, open_text, undecodable

WHITESPACE = "whitespace"
DELIMITERS = (",", ";", "\t", "|", WHITESPACE)
NAMES = {"\t": "tab", " ": "space"}
LINES_LOOKED_AT = 20  # for a header, where the first line has none of its columns
LONGEST_VALUE = 1 << 24  # characters; beyond it a quote was left open

csv.field_size_limit(LONGEST_VALUE)


@dataclass(frozen=True)
class CsvFormat:
    """How the files of an entity are written."""

    delimiter: str
    encoding: str
    header: tuple[str, ...] | None  # names given by retain.yml, where the file has none
    skip_lines: int = 0  # above the header, such as a report's title

    is_sparse = False

    def names(self, path: Path) -> list[str]:
        """The names of the columns, as the file or retain.yml gives them. Raises FileRefused."""
        try:
            with self._opened(path) as file:
                first = next((row for row in self._records(file) if row), None)
        except UnicodeDecodeError:
            raise undecodable(path, self.encoding) from None
        except csv.Error as error:
            raise self._unreadable(path, error) from None
        if self.header is None:
            if first is None:
                raise FileRefused("is empty: not even a header; its export probably failed")
            return first
        if first is not None and len(first) != len(self.header):
            counted = f"has {_values(len(first))} in its first line, and `columns` names {len(self.header)}"
            raise FileRefused(f"{counted}{self._better_delimiter(path, len(self.header))}")
        return list(self.header)

    def advice(self, path: Path, wanted: Sequence[str]) -> str:
        """What to say when columns are missing: whether another delimiter, or a later line, would have them."""
        if self.header is not None:
            return ""
        folded = {name.lower() for name in wanted}
        for skipped in range(self.skip_lines, self.skip_lines + LINES_LOOKED_AT):
            for delimiter in DELIMITERS:
                other = replace(self, delimiter=delimiter, skip_lines=skipped)
                try:
                    names = {name.strip().lower() for name in other.names(path)}
                except FileRefused:
                    continue
                if folded <= names:
                    how = [f"`skip_lines: {skipped}`"] if skipped != self.skip_lines else []
                    how += [f"`delimiter: {_shown(delimiter)}`"] if delimiter != self.delimiter else []
                    return f"; with {' and '.join(how)} it would have them" if how else ""
        return ""

    def rows(self, path: Path, names: list[str]) -> Iterator[tuple[list[Any], Any]]:
        """Each record after the header, as the values of `names` and what is wrong with it (NULL: nothing).

        A record with too few values is filled with NULL, one with too many is cut, and both say so. Raises FileRefused
        when the records cannot be told apart, or the last one is cut off.
        """
        try:
            with self._opened(path) as file:
                yield from self._rows(path, file, len(names))
        except UnicodeDecodeError:
            raise undecodable(path, self.encoding) from None
        except csv.Error as error:
            raise self._unreadable(path, error) from None

    def _rows(self, path: Path, file: TextIO, width: int) -> Iterator[tuple[list[Any], Any]]:
        reader = self._records(file)
        if self.header is None:
            next(row for row in reader if row)
        row: list[Any] = []
        for row in reader:
            if len(row) == width:
                yield row, NULL
            elif row:
                yield _fitted(row, width)
        if row and len(row) < width and not ends_with_newline(path):
            raise FileRefused(
                f"ends in the middle of its last line ({len(row)} of {_values(width)}); is it still being copied?"
            )

    def _opened(self, path: Path) -> TextIO:
        """The file from the line of its header on."""
        file = open_text(path, self.encoding)
        try:
            for _ in range(self.skip_lines):
                file.readline()
        except UnicodeDecodeError:
            file.close()
            raise
        return file

    def _records(self, file: TextIO) -> Iterator[list[str]]:
        if self.delimiter == WHITESPACE:
            return map(str.split, file)
        return csv.reader(file, delimiter=self.delimiter, strict=True)

    def _better_delimiter(self, path: Path, width: int) -> str:
        for delimiter in DELIMITERS:
            with self._opened(path) as file:
                try:
                    first = next((row for row in replace(self, delimiter=delimiter)._records(file) if row), [])
                except csv.Error:
                    continue
            if len(first) == width:
                return f"; with `delimiter: {_shown(delimiter)}` it would have {width}"
        return ""

    def _unreadable(self, path: Path, error: csv.Error) -> FileRefused:
        """Read again up to the record that failed, to name the line in which it begins."""
        line = 0
        with self._opened(path) as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            try:
                for _ in reader:
                    line = reader.line_num
            except csv.Error:
                pass
        line += self.skip_lines
        words = str(error)
        if "end of data" in words or "field limit" in words:
            return FileRefused(
                f'has a quote (") in or after line {line + 1} that is never closed; is the file cut off?'
            )
        return FileRefused(
            f'has text after a closing quote (") in the record of line {line + 1}; inside quotes a quote is written twice ("")'
        )


def _fitted(row: list[Any], width: int) -> tuple[list[Any], str]:
    shape = f"the line has {_values(len(row))}, the header {width}"
    if len(row) > width:
        return row[:width], f"{shape}; left over: {' | '.join(row[width:])}"
    return [*row, *itertools.repeat(NULL, width - len(row))], shape


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


def _shown(delimiter: str) -> str:
    return NAMES.get(delimiter, f'"{delimiter}"' if len(delimiter) == 1 else delimiter)
