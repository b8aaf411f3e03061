"""Which files a load reads, how they are written, and what is known of each of them."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retain.config import FilesEntity
from retain.sources.files_csv import CsvFormat
from retain.sources.files_json import JsonFormat


@dataclass(frozen=True)
class FileStamp:
    """One file at one moment. `name` is its path below the folder."""

    name: str
    size: int
    mtime_ns: int
    sha256: str

    @property
    def known(self) -> dict[str, Any]:
        """What the next load is told of it."""
        return {"size": self.size, "mtime_ns": self.mtime_ns, "sha256": self.sha256}


@dataclass(frozen=True)
class FilesPlan:
    """The files to read, in the order of their names, by which mapping, and what is known of every file once they are read."""

    stamps: tuple[FileStamp, ...]
    mapping: str
    known: dict[str, dict[str, Any]]
    columns_before: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def matching(shape: FilesEntity, folder: Path) -> set[Path]:
    """The files of a folder that a load reads; what is hidden, or an editor's copy, is none. Raises OSError."""
    found = {path for pattern in shape.files for path in folder.glob(pattern)}
    return {path for path in found if path.is_file() and path.name[0] not in ".~"}


def format_of(shape: FilesEntity) -> Any:
    if shape.file_format == "csv":
        return CsvFormat(shape.delimiter, shape.encoding, None if shape.header else shape.columns, shape.skip_lines)
    if shape.file_format == "jsonl":
        return JsonFormat(shape.encoding)
    from retain.sources.files_parquet import ParquetFormat  # pyarrow is slow to import, and most shops have no Parquet

    return ParquetFormat()


def stamp_of(path: Path, name: str, digest: str = "") -> FileStamp:
    status = path.stat()
    return FileStamp(name, status.st_size, status.st_mtime_ns, digest)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def changed_at(mtime_ns: int) -> datetime:
    return datetime.fromtimestamp(mtime_ns / 1e9, UTC)
