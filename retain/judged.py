"""The load that is being judged, as `ops.loads` knows it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from retain.config import Settings


@dataclass(frozen=True)
class Load:
    """A load as `ops.loads` knows it. `day` is its business day; `remarks` is what its source said while it was read; `files`
    how many records were read from each file.

    `brings_news`: it has rows, and not only those that every load of a cursor reads again.
    """

    load_id: int
    source: str
    entity: str
    kind: str
    status: str
    rows_sent: int
    sums: dict[str, str]
    files: dict[str, int]
    offered: dict[str, str] | None
    mapping_before: str | None
    mapping_after: str | None
    day: date
    remarks: str | None
    brings_news: bool

    @property
    def is_whole(self) -> bool:
        """Whether it brings every record: the first load, one of kind `full`, or one that is mapped in another way."""
        return self.kind == "full" or self.mapping_before is None or self.mapping_before != self.mapping_after


def read_load(connection: psycopg.Connection[Any], settings: Settings, load_id: int) -> Load | None:
    row = connection.execute(
        "select load_id, source, entity, kind, status, coalesce(rows_sent, 0), coalesce(control_totals -> 'sums', '{}'), "
        "coalesce(control_totals -> 'files', '{}'), offered, "
        "cursor_before ->> 'mapping', cursor_after ->> 'mapping', "
        "(coalesce(landed_at, started_at) at time zone %s)::date, message, coalesce(rows_sent, 0) > 0 and coalesce("
        "cursor_after -> 'cursor' ->> 'high' is distinct from cursor_before -> 'cursor' ->> 'high' "
        "or cursor_after -> 'cursor' ->> 'high' is null, true) from ops.loads where load_id = %s",
        [settings.business.timezone, load_id],
    ).fetchone()
    return Load(*row) if row else None
