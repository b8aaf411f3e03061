"""A folder of till files and the reader of it, as retain.yml would have it."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from retain.config import load_settings
from retain.sources import Source, State, open_source

NOW = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)
FIELDS = "{order_id: id, ordered_at: at, gross_amount: total}"


@dataclass
class Landed:
    """What a batch would land: rows of text or None, by column."""

    columns: list[str]
    rows: list[dict[str, str | None]]
    state: dict[str, Any]
    warnings: list[str]
    totals: dict[str, Any]
    files: list[str]

    def values(self, column: str) -> list[str | None]:
        return [row[column] for row in self.rows]


VALUE = re.compile(r'(?:"((?:[^"]|"")*)"|([^,"\n]*))([,\n])')


def rows_of(columns: list[str], text: str) -> list[dict[str, str | None]]:
    """COPY csv text, read as PostgreSQL does: an unquoted empty value is null."""
    rows: list[dict[str, str | None]] = []
    values: list[str | None] = []
    end = 0
    for match in VALUE.finditer(text):
        assert match.start() == end, f"not COPY text: {text[end : end + 80]!r}"
        end = match.end()
        quoted, bare, separator = match.groups()
        values.append(bare or None if quoted is None else quoted.replace('""', '"'))
        if separator == "\n":
            rows.append(dict(zip(columns, values, strict=True)))
            values = []
    assert end == len(text), f"not COPY text: {text[end : end + 80]!r}"
    return rows


class Tills:
    """A folder and the configuration of its files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "tills"
        self.folder.mkdir()

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def reader(
        self, files: str | list[str] = "*.csv", extra: str = "", fields: str = FIELDS, timezone: str = "UTC"
    ) -> Source:
        path = self.root / "retain.yml"
        path.write_text(
            f"business: {{timezone: {timezone}, reporting_currency: EUR}}\n"
            "sources:\n  - name: tills\n    type: files\n    folder: tills\n    entities:\n      orders:\n"
            f"        files: {json.dumps(files)}\n        fields: {fields}\n"
            f"        defaults: {{status: paid, currency: EUR}}\n{extra}"
        )
        return open_source(load_settings(path), "tills")

    def load(
        self,
        files: str | list[str] = "*.csv",
        extra: str = "",
        state: State | None = None,
        fields: str = FIELDS,
        timezone: str = "UTC",
        **plan: Any,
    ) -> Landed:
        reader = self.reader(files, extra, fields, timezone)
        batch = reader.plan("orders", state, NOW, **plan)
        with reader.read(batch) as extract:
            text = b"".join(extract.copy_chunks).decode()
            return Landed(
                extract.columns,
                rows_of(extract.columns, text),
                extract.state_after,
                extract.warnings,
                extract.control_totals,
                [stamp.name for stamp in batch.plan.stamps],
            )


@pytest.fixture
def tills(tmp_path: Path) -> Tills:
    return Tills(tmp_path)
