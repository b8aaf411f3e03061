"""A folder of files as a source: what is new or changed there is read whole, record by record, exactly as written."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from retain.config import FilesEntity, FilesSource, Settings
from retain.errors import OutOfReach, UserError
from retain.sources import BEGINNING, Batch, Column, State, Window
from retain.sources.copy_text import NULL, copy_text
from retain.sources.files_columns import (
    landed_names,
    left_out,
    missing_columns,
    not_grouped,
    renamed,
    wanted_columns,
)
from retain.sources.files_csv import CsvFormat
from retain.sources.files_json import JsonFormat
from retain.sources.files_plan import FilesPlan, FileStamp, changed_at, format_of, matching, sha256, stamp_of
from retain.sources.files_text import FileRefused
from retain.sources.listed import listed

OWN_COLUMNS = ["_file", "_line", "_problem"]
PROBLEMS_SHOWN = 10


@dataclass
class FilesExtract:
    """The records of a batch of files on their way; see `retain.sources.Extract`."""

    columns: list[str]
    warnings: list[str]
    state_after: dict[str, Any]
    copy_chunks: Iterator[bytes] = field(default_factory=lambda: iter(()))
    records: dict[str, int] = field(default_factory=dict)

    @property
    def rows_sent(self) -> int:
        return sum(self.records.values())

    @property
    def control_totals(self) -> dict[str, Any]:
        return {"rows": self.rows_sent, "sums": {}, "files": dict(self.records)}


class FilesReader:
    """Reads the entities of one folder. See `retain.sources.Source` for what each method answers."""

    def __init__(self, settings: Settings, source: FilesSource) -> None:
        self.name = source.name
        self._source = source
        self._zone = settings.timezone_of(source.name)
        self._config = settings.path.name

    def columns(self, entity: str) -> list[Column]:
        """Of the newest file by name, or of all that are read together; text, except where a Parquet file has types of its own."""
        shape = self._shape(entity)
        paths = self._paths(shape, entity, {})
        if not paths:
            return []
        reading = format_of(shape)
        found: dict[str, Column] = {}
        for path in paths if shape.together else paths[-1:]:
            try:
                if isinstance(reading, CsvFormat | JsonFormat):
                    here = [Column(name, "text") for name in reading.names(path)]
                else:
                    here = reading.columns(path)
            except FileRefused as problem:
                raise self._refused(entity, [f"{self._below(path)} {problem}"]) from None
            found = {**{column.name: column for column in here}, **found}
        return list(found.values())

    def check(self, entity: str) -> list[tuple[str, str]]:
        """Of the newest file by name, or of all that are read together."""
        shape = self._shape(entity)
        paths = self._paths(shape, entity, {})
        stamps = [stamp_of(path, self._below(path)) for path in (paths if shape.together else paths[-1:])]
        headers = self._headers(entity, shape, stamps)
        self._check_columns(
            entity, shape, headers, {name: landed_names(header) for name, header in headers.items()}, ()
        )
        return []

    def plan(
        self, entity: str, state: State | None, now: datetime, *, full: bool = False, window: Window | None = None
    ) -> Batch:
        shape = self._shape(entity)
        before = dict(state or {})
        known: dict[str, dict[str, Any]] = dict(before.get("files", {}))
        mapping = self._fingerprint(shape, before)
        is_mapped_anew = bool(before) and before.get("mapping") != mapping
        read_all = full or is_mapped_anew
        stamps: list[FileStamp] = []
        others: list[FileStamp] = []
        for path in self._paths(shape, entity, known):
            status = path.stat()
            name = self._below(path)
            old = known.get(name)
            in_window = window is not None and window.start <= changed_at(status.st_mtime_ns) < window.end
            if window is not None and not in_window and not shape.together:
                continue
            is_untouched = old is not None and (old["size"], old["mtime_ns"]) == (status.st_size, status.st_mtime_ns)
            try:
                digest = old["sha256"] if old is not None and is_untouched else sha256(path)
            except OSError as error:
                raise self._refused(entity, [f"{name} cannot be read: {error.strerror}"]) from None
            is_same = old is not None and old["sha256"] == digest  # or was touched, or copied again
            stamp = FileStamp(name, status.st_size, status.st_mtime_ns, digest)
            is_read = in_window or (window is None and (read_all or not is_same))
            (stamps if is_read else others).append(stamp)
            if is_same:
                known[name] = stamp.known
        if shape.together and stamps:
            stamps = sorted([*stamps, *others], key=lambda stamp: stamp.name)
        known |= {stamp.name: stamp.known for stamp in stamps}
        warnings = (f"{self._config} reads this entity differently than before: every file was read again",)
        plan = FilesPlan(
            tuple(stamps),
            mapping,
            known,
            () if read_all else tuple(before.get("columns", ())),
            warnings if is_mapped_anew else (),
        )
        return Batch(entity, window or Window(BEGINNING, now), plan)

    @contextmanager
    def read(self, batch: Batch) -> Iterator[FilesExtract]:
        plan = batch.plan
        assert isinstance(plan, FilesPlan)
        shape = self._shape(batch.entity)
        warnings = list(plan.warnings)
        headers = self._headers(batch.entity, shape, plan.stamps)
        landed = {name: landed_names(header) for name, header in headers.items()}
        warnings += renamed(headers, landed)
        warnings += self._check_columns(batch.entity, shape, headers, landed, plan.columns_before)
        columns = _names(landed)
        if columns and format_of(shape).is_sparse:
            empty = left_out(shape, batch.entity, [*columns, *plan.columns_before])
            columns += empty
            warnings += [f"no record has a {name} ({place}): it is empty" for name, place in empty.items()]
        state = {
            "mapping": plan.mapping,
            "timezone": self._zone,
            "files": plan.known,
            "columns": columns or list(plan.columns_before),
        }
        extract = FilesExtract([*columns, *OWN_COLUMNS], warnings, state)
        extract.copy_chunks = self._chunks(batch.entity, shape, plan.stamps, headers, landed, columns, extract)
        yield extract

    def keys(self, entity: str) -> None:
        """A file that is gone was archived, and not its orders cancelled: files do not tell what was deleted."""

    def _shape(self, entity: str) -> FilesEntity:
        return listed(self._source.entities, entity, self.name, self._config)

    def _fingerprint(self, shape: FilesEntity, before: State) -> str:
        """Changes when the same file would now be read as other records than when the state `before` was left."""
        # where what a later release added is not used, nothing is read otherwise than ever
        beside = {"replaces", *(name for name in ("together", "skip_lines") if not getattr(shape, name))}

        def read_in(zone: str | None) -> str:
            how = f"{shape.model_dump_json(exclude=beside)}{zone}{self._source.date_order}"
            return hashlib.sha256(how.encode()).hexdigest()[:16]

        # Earlier releases knew the source's own zone alone. One that has none goes on as it was, while the shop's is the same.
        as_before = read_in(self._source.timezone)
        is_same = before.get("mapping") == as_before and before.get("timezone", self._zone) == self._zone
        return as_before if is_same else read_in(self._zone)

    def _below(self, path: Path) -> str:
        return path.relative_to(self._source.folder).as_posix()

    def _paths(self, shape: FilesEntity, entity: str, known: dict[str, Any]) -> list[Path]:
        """The files that match, by name. None is right when some matched before, and wrong the first time."""
        folder = self._source.folder
        try:
            if not folder.is_dir():
                what = "is a file, not a folder" if folder.exists() else "does not exist"
                raise UserError(
                    f"Source {self.name}: the folder {folder} {what}.", hint=f"Check `folder` in {self._config}."
                )
            os.scandir(folder).close()  # glob takes a folder that may not be read for an empty one
            found = matching(shape, folder)
        except OSError as error:
            raise OutOfReach(f"Source {self.name}: the folder {folder} cannot be read: {error.strerror}.") from None
        if not found and not known:
            there = sorted(path.name for path in folder.iterdir())[:PROBLEMS_SHOWN]
            holds = f"It holds: {', '.join(there)}." if there else "It is empty."
            raise UserError(f"Source {self.name}: no file in {folder} matches {shape.pattern} ({entity}).", hint=holds)
        return sorted(found, key=self._below)

    def _headers(self, entity: str, shape: FilesEntity, stamps: Iterable[FileStamp]) -> dict[str, list[str]]:
        reading = format_of(shape)
        headers, problems = {}, []
        for stamp in stamps:
            try:
                self._check_unchanged(stamp)
                headers[stamp.name] = reading.names(self._source.folder / stamp.name)
            except FileRefused as problem:
                problems.append(f"{stamp.name} {problem}")
        if problems:
            raise self._refused(entity, problems)
        return headers

    def _check_unchanged(self, stamp: FileStamp) -> None:
        try:
            status = (self._source.folder / stamp.name).stat()
        except OSError:
            raise OutOfReach(
                f"Source {self.name}: {stamp.name} went away while it was read.", hint="Try again."
            ) from None
        if (status.st_size, status.st_mtime_ns) != (stamp.size, stamp.mtime_ns):
            raise OutOfReach(
                f"Source {self.name}: {stamp.name} changed while it was read.", hint="Try again when it is complete."
            )

    def _check_columns(
        self,
        entity: str,
        shape: FilesEntity,
        headers: dict[str, list[str]],
        landed: dict[str, list[str]],
        before: tuple[str, ...],
    ) -> list[str]:
        """Refuse files without the columns that the mapping speaks of; warnings where only later files have them."""
        reading = format_of(shape)
        seen = {*before, *(name for names in landed.values() for name in names)}
        wanted = wanted_columns(shape, entity, seen, reading.is_sparse)
        problems = [
            f"{file} has the column {', '.join(twice)} more than once, and {entity} is read from it"
            for file, header in headers.items()
            if (twice := wanted.twice(header))
        ]
        with_records = {file: names for file, names in landed.items() if names or not reading.is_sparse}
        if shape.together and with_records:
            problems += not_grouped(shape.group_by or (), entity, with_records)
            with_records = {shape.pattern: _names(landed)}
        missing, warnings = missing_columns(
            wanted,
            entity,
            with_records,
            lambda file, names: "" if shape.together else reading.advice(self._source.folder / file, names),
        )
        if problems or missing:
            raise self._refused(entity, problems + missing)
        return warnings

    def _chunks(
        self,
        entity: str,
        shape: FilesEntity,
        stamps: tuple[FileStamp, ...],
        headers: dict[str, list[str]],
        landed: dict[str, list[str]],
        columns: list[str],
        extract: FilesExtract,
    ) -> Iterator[bytes]:
        reading = format_of(shape)
        if isinstance(reading, CsvFormat | JsonFormat):
            yield from copy_text(self._records(entity, shape, stamps, headers, landed, columns, extract))
            return
        for stamp in stamps:
            places = [landed[stamp.name].index(name) if name in landed[stamp.name] else None for name in columns]
            file = shape.pattern if shape.together else stamp.name
            before = extract.records.setdefault(file, 0)
            try:
                for chunk, rows in reading.chunks(self._source.folder / stamp.name, file, places, before):
                    extract.records[file] += rows
                    yield chunk
            except FileRefused as problem:
                raise self._refused(entity, [f"{stamp.name} {problem}"]) from None
            self._finish(stamp, extract, extract.records[file] - before)

    def _records(
        self,
        entity: str,
        shape: FilesEntity,
        stamps: tuple[FileStamp, ...],
        headers: dict[str, list[str]],
        landed: dict[str, list[str]],
        columns: list[str],
        extract: FilesExtract,
    ) -> Iterator[list[Any]]:
        """Every record as the values of `columns`, then file, number and problem. Files that are read together are one file."""
        reading = format_of(shape)
        for stamp in stamps:
            path, names = self._source.folder / stamp.name, landed[stamp.name]
            file = shape.pattern if shape.together else stamp.name
            number = before = extract.records.setdefault(file, 0)
            is_whole = names == columns
            places = [names.index(name) if name in names else len(names) for name in columns]
            try:
                for number, (row, problem) in enumerate(reading.rows(path, headers[stamp.name]), before + 1):
                    if not is_whole:
                        row.append(NULL)
                        row = [row[place] for place in places]
                    row += (file, number, problem)
                    yield row
            except FileRefused as refusal:
                raise self._refused(entity, [f"{stamp.name} {refusal}"]) from None
            extract.records[file] = number
            self._finish(stamp, extract, number - before)

    def _finish(self, stamp: FileStamp, extract: FilesExtract, records: int) -> None:
        self._check_unchanged(stamp)
        if not records:
            extract.warnings.append(f"{stamp.name} has no records")

    def _refused(self, entity: str, problems: list[str]) -> UserError:
        shown = "\n".join(f"  {problem}" for problem in problems[:PROBLEMS_SHOWN])
        rest = len(problems) - PROBLEMS_SHOWN
        more = f"\n  and {rest} more" if rest > 0 else ""
        return UserError(
            f"Source {self.name}: {entity} cannot be read from {self._source.folder}.\n{shown}{more}\n"
            "Nothing was loaded. Correct the files or the mapping, or move the files away."
        )


def _names(landed: dict[str, list[str]]) -> list[str]:
    """The columns of all files, each once."""
    return list(dict.fromkeys(name for names in landed.values() for name in names))
