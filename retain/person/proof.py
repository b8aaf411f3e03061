"""What is on record of erasures, and whether anything of somebody who asks is left anywhere."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from retain import warehouse
from retain.config import Settings
from retain.errors import UserError
from retain.person.erasure import looking
from retain.person.finding import erased_on, normals_of
from retain.person.identifiers import make_spelled, use_key
from retain.person.searching import SHORTEST, in_files, in_tables
from retain.relations import tables_of


@dataclass(frozen=True)
class Proof:
    """When somebody of that identifier was erased, and where it stands all the same: rows by table and column, and files."""

    erased_at: datetime | None
    tables: dict[str, int]
    files: list[Path]

    @property
    def is_clean(self) -> bool:
        return not self.tables and not self.files


@dataclass(frozen=True)
class Record:
    """One row of ops.erasures."""

    erasure_id: int
    erased_at: datetime
    erased_by: str
    reason: str
    accounts: int
    identifiers: dict[str, Any]
    rows_touched: dict[str, int]


def prove(settings: Settings, name: str) -> Proof:
    """Look for an identifier (`source:id`, e-mail, phone or card) in every text of every table, and in the state folder's files.

    An account's number is also looked for where it stands beside its source. Raises UserError for one that is too short to
    be looked for.
    """
    name = name.strip()
    if len(name) < SHORTEST:
        raise UserError(
            f"A text of fewer than {SHORTEST} characters stands everywhere: it proves nothing.",
            hint="An account is named source:id.",
        )
    with looking(settings) as connection:
        use_key(connection, settings)
        make_spelled(connection)
        when = erased_on(connection, settings, name)
        texts = {name, *(value for _, value in normals_of(connection, settings, name))}
        found = in_tables(connection, texts)
        source, _, number = name.partition(":")
        for schema, table, columns in tables_of(connection, ("raw", "history", "intermediate")):
            if not columns.keys() >= {"source", "customer_id"}:
                continue
            row = connection.execute(
                f'select count(*) from "{schema}"."{table}" where source = %s and customer_id = %s'.encode(),
                [source, number],
            ).fetchone()
            if row is not None and row[0]:
                found[f"{schema}.{table}.customer_id"] = row[0]
    return Proof(when, found, in_files(settings, texts))


def records(settings: Settings) -> list[Record]:
    """The erasures, oldest first."""
    with warehouse.connect(settings) as connection:
        rows = connection.execute(
            "select erasure_id, erased_at, erased_by, reason, accounts, identifiers, rows_touched from ops.erasures order by 1"
        ).fetchall()
    return [Record(*row) for row in rows]
