"""Where a text stands: in any column of any table of the warehouse, and in any file of the state folder."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from retain.config import FilesSource, Settings
from retain.embedded import EmbeddedServer
from retain.relations import tables_of
from retain.roles import SCHEMAS
from retain.sources.files_plan import matching

SHORTEST = 5  # characters: a shorter text stands everywhere, and says nothing
TEXTUAL = ("text", "text[]", "jsonb", "character varying", "name")
STANDS = "erased"
WITH_NAMES = ("outreach", "persons")  # folders whose files hold names, too, and are written again when asked for
OF_ERASURES = ("erasures", "erased_identifiers", "erased_identities", "erased_orders")
LARGEST_FILE = 256 * 1024 * 1024


def pattern_of(texts: Iterable[str]) -> str | None:
    """A regular expression, of PostgreSQL and of Python, that finds any of these as a whole word; None when there is none to find."""
    said = sorted(
        {text.strip() for text in texts if len(text.strip()) >= SHORTEST}, key=lambda text: (-len(text), text)
    )
    if not said:
        return None
    return r"(?<!\w)(?:" + "|".join(re.sub(r"([^\w\s])", r"\\\1", text) for text in said) + r")(?!\w)"


def columns_with_text(
    connection: psycopg.Connection[Any], schemas: Iterable[str]
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(schema, table, {column: type}) of every table that can hold a text."""
    for schema, table, columns in tables_of(connection, schemas):
        textual = {name: kind for name, kind in columns.items() if kind in TEXTUAL}
        if textual:
            yield schema, table, textual


def in_tables(connection: psycopg.Connection[Any], texts: Iterable[str]) -> dict[str, int]:
    """Table and column to its number of rows in which one of the texts stands, in whatever case; {} when it stands nowhere."""
    pattern = pattern_of(texts)
    found: dict[str, int] = {}
    if pattern is None:
        return found
    for schema, table, columns in columns_with_text(connection, SCHEMAS):
        counts = sql.SQL(", ").join(
            sql.SQL("count(*) filter (where {}::text ~* {})").format(sql.Identifier(name), sql.Literal(pattern))
            for name in columns
        )
        row = connection.execute(sql.SQL("select {} from {}").format(counts, sql.Identifier(schema, table))).fetchone()
        assert row is not None
        found |= {f"{schema}.{table}.{name}": rows for name, rows in zip(columns, row, strict=True) if rows}
    return found


def replace_in_tables(
    connection: psycopg.Connection[Any], pattern: str, schemas: Iterable[str], only: Iterable[str] = ()
) -> dict[str, int]:
    """Put `erased` in the place of what the pattern finds in the text columns (or `only` these) of all tables of some schemas."""
    touched: dict[str, int] = {}
    wanted = set(only)
    for schema, table, columns in columns_with_text(connection, schemas):
        chosen = {name: kind for name, kind in columns.items() if not wanted or name in wanted}
        if not chosen or table in OF_ERASURES:
            continue
        found = sql.SQL(" or ").join(
            sql.SQL("{}::text ~* {}").format(sql.Identifier(name), sql.Literal(pattern)) for name in chosen
        )
        values = sql.SQL(", ").join(
            sql.SQL("{0} = regexp_replace({0}::text, {1}, {2}, 'gi')::{3}").format(
                sql.Identifier(name), sql.Literal(pattern), sql.Literal(STANDS), sql.SQL(kind)
            )
            for name, kind in chosen.items()
        )
        rows = connection.execute(
            sql.SQL("update {} set {} where {}").format(sql.Identifier(schema, table), values, found)
        ).rowcount
        if rows:
            touched[f"{schema}.{table}"] = rows
    return touched


def files_of(settings: Settings) -> Iterator[Path]:
    """The files of the state folder, without the server's own, the secrets, and what a source brings there."""
    folder = settings.state_folder.resolve()  # as the server knows it: a link on the way would make its files strangers
    server, sources = EmbeddedServer(folder).data, _files_of_sources(settings)
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        if path.is_symlink() or not path.is_file() or path.name == "secrets.json":
            continue
        if server not in path.parents and path not in sources:
            yield path


def _files_of_sources(settings: Settings) -> set[Path]:
    """What sources are read from is theirs, wherever it lies: put right here, its next load would bring other records."""
    return {
        path.resolve()
        for source in settings.sources
        if isinstance(source, FilesSource)
        for entity in source.entities.values()
        for path in matching(entity, source.folder)
    }


def in_files(settings: Settings, texts: Iterable[str]) -> list[Path]:
    """The files of the state folder in which one of the texts stands."""
    pattern = pattern_of(texts)
    return [path for path in files_of(settings) if pattern is not None and _found(path, pattern)]


def _found(path: Path, pattern: str) -> bool:
    if path.stat().st_size > LARGEST_FILE:
        return False
    return re.search(pattern, path.read_bytes().decode("utf-8", "replace"), re.IGNORECASE) is not None


def replace_in_files(settings: Settings, texts: Iterable[str]) -> tuple[list[Path], list[Path]]:
    """Put `erased` in the place of the texts in the files of the state folder: (files put right, files that are no text).

    A list of people to write to, or an export of the person, is deleted: it holds names, too.
    """
    pattern = pattern_of(texts)
    done: list[Path] = []
    left: list[Path] = []
    for path in in_files(settings, texts):
        assert pattern is not None
        if path.parent.name in WITH_NAMES:
            path.unlink()
            done.append(path)
            continue
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            left.append(path)
            continue
        partial = path.with_name(f".{path.name}.part")
        partial.touch(mode=path.stat().st_mode & 0o777)
        partial.write_bytes(re.sub(pattern, STANDS, text, flags=re.IGNORECASE).encode())
        partial.replace(path)
        done.append(path)
    return done, left
