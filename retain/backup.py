"""A copy of the warehouse in one file, and the way back: what comes out of it is proved to be what went in.

The file is pg_dump's own format; beside it stands a small document with the rows and a checksum of every table, taken in the
same snapshot. A restore happens in one transaction, is compared with that document, and is undone when a row differs.
"""

import json
import os
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from retain import warehouse
from retain.binaries import find_binaries
from retain.config import Settings
from retain.errors import OutOfReach, Refused, UserError
from retain.person import again
from retain.relations import checksum_of, exists, tables_of
from retain.roles import SCHEMAS

# Emptied after every load, or made anew by every build: not worth a byte.
PASSING = ("gate", "marts_next")
RESTORING = sql.Identifier(*warehouse.RESTORING.split("."))
Checksums = dict[str, list[Any]]  # table: rows, checksum


def back_up(settings: Settings, file: Path) -> dict[str, Any]:
    """Write the warehouse to `file` and `file`.json, readable for their owner only; returns what the document says.

    Loads and builds may go on meanwhile: the copy is of one moment. Raises UserError when the file exists or cannot be
    written, OutOfReach when the server is newer than the client tools or ends the work.
    """
    if file.exists():
        raise UserError(f"{file} exists already.", hint="Name another file: a backup is never written over.")
    if not file.parent.is_dir():
        raise UserError(f"The folder {file.parent} does not exist.", hint="Make it, or name a file in another one.")
    half_done = file.with_name(f".{file.name}.part")
    try:
        half_done.touch(mode=0o600)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from None
    try:
        with warehouse.connect(settings) as connection:
            connection.execute("set transaction isolation level repeatable read, read only")
            version = _version(connection)
            if not version:
                raise UserError("There is nothing to back up: this warehouse was never prepared.")
            row = connection.execute("select pg_export_snapshot()").fetchone()
            assert row is not None
            without = [f"--exclude-table-data={schema}.*" for schema in PASSING]
            _client(
                settings, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={row[0]}",
                *without, f"--file={half_done}",
            )  # fmt: skip
            told = {
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "warehouse_version": version,
                "postgresql": connection.info.server_version // 10000,
                "tables": checksums(connection),
            }
    except BaseException:
        half_done.unlink(missing_ok=True)
        raise
    _document(file).touch(mode=0o600)
    _document(file).write_text(json.dumps(told, indent=1) + "\n")
    half_done.rename(file)
    return told


def restore(settings: Settings, file: Path) -> dict[str, Any]:
    """Bring the warehouse of `file` into an empty one, and to this release's shape; returns what the document says.

    Who was erased after the backup was made, by the register in the state folder, is erased again: `erasures_repeated` and
    `customers_erased_again` are added to what the document says. Raises UserError when the warehouse holds loads, or the file is
    none or of a newer release; Refused when what came out is not what went in, or an erasure cannot be repeated. In each case the
    warehouse is as empty as before. Killed in the middle, it is done again from the beginning; until then nobody prepares, loads
    or builds.
    """
    told = _read_document(file)
    if told["warehouse_version"] > max(warehouse.migrations()):
        raise UserError(
            f"{file} is of a newer Retain (its version is {told['warehouse_version']}, "
            f"this release knows {max(warehouse.migrations())}).",
            hint="Restore it with that release.",
        )
    with warehouse.connect(settings, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [warehouse.PREPARE_LOCK])  # nobody prepares it meanwhile
        _empty(connection, whatever_it_holds=exists(connection, warehouse.RESTORING))
        connection.execute(sql.SQL("create table {} ()").format(RESTORING))
        try:
            _client(settings, "pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error",
                    f"--dbname={connection.info.dbname}", str(file))  # fmt: skip
            differing = _differing(told["tables"], checksums(connection))
        except BaseException:
            _empty(connection, whatever_it_holds=True)
            raise
        if differing:
            _empty(connection, whatever_it_holds=True)
            raise Refused(
                f"{file} is damaged: {', '.join(differing[:5])} came out otherwise than they went in "
                f"({len(differing)} of {len(told['tables'])} tables). The warehouse is empty, as before.",
                hint="Use another backup; `retain replay` rebuilds raw from landing alone.",
            )
    warehouse.prepare(settings, is_restoring=True)
    with warehouse.connect(settings, autocommit=True) as connection:
        try:
            told["erasures_repeated"], told["customers_erased_again"] = again.repeat(settings)
        except BaseException:
            _empty(connection, whatever_it_holds=True)
            raise
        connection.execute(sql.SQL("drop table {}").format(RESTORING))
    return told


def checksums(connection: psycopg.Connection[Any]) -> Checksums:
    """Rows and a checksum of every table that is kept, whatever order its rows are in."""
    for setting in ("timezone = 'UTC'", "datestyle = 'ISO'", "intervalstyle = 'postgres'", "extra_float_digits = 1"):
        connection.execute(f"set {setting}".encode())  # a value has one way to be written
    kept = [schema for schema in SCHEMAS if schema not in PASSING]
    found: Checksums = {}
    for schema, table, _ in tables_of(connection, kept):
        found[f"{schema}.{table}"] = checksum_of(connection, sql.Identifier(schema, table))
    return found


def _differing(before: Checksums, after: Checksums) -> list[str]:
    return sorted(table for table in {*before, *after} if before.get(table) != after.get(table))


def _version(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select to_regclass('public.retain_migrations')").fetchone()
    if row is None or row[0] is None:
        return 0
    row = connection.execute("select coalesce(max(version), 0) from public.retain_migrations").fetchone()
    assert row is not None
    return int(row[0])


def _empty(connection: psycopg.Connection[Any], *, whatever_it_holds: bool = False) -> None:
    """Take away what `prepare` made. Raises UserError when somebody has loaded into it, unless told to take everything."""
    if _version(connection) and not whatever_it_holds:
        row = connection.execute("select count(*) from ops.loads").fetchone()
        assert row is not None
        if row[0]:
            raise UserError(
                f"This warehouse holds {row[0]:,} loads; a backup is restored into an empty one only.",
                hint="Point retain.yml at another folder or database.",
            )
    with connection.transaction():
        for schema in SCHEMAS:
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))
        connection.execute("drop table if exists public.retain_migrations")
        connection.execute(sql.SQL("drop table if exists {}").format(RESTORING))


def _document(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _read_document(file: Path) -> dict[str, Any]:
    for path in (file, _document(file)):
        if not path.is_file():
            raise UserError(f"There is no file {path}.", hint="A backup is two files: FILE and FILE.json.")
    try:
        told: dict[str, Any] = json.loads(_document(file).read_text())
        told["warehouse_version"], told["tables"]
    except (ValueError, KeyError):
        raise UserError(f"{_document(file)} is not what `retain backup` wrote.") from None
    return told


def _client(settings: Settings, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's client programs as the owner; the password goes by the environment, where no process list shows it."""
    parameters = warehouse.dsn(settings)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    names |= {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
    surroundings = {names[key]: str(value) for key, value in parameters.items() if key in names}
    done = subprocess.run(
        [find_binaries(None) / program, *arguments],
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", **surroundings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        how = (
            f"was ended by {signal.Signals(-done.returncode).name}"
            if done.returncode < 0
            else f"ended with {done.returncode}"
        )
        raise OutOfReach(f"{program} {how}: {said[0] if said else 'it said nothing'}.")
