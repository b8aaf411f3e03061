"""Where a text stands: in any column of any table of the warehouse, and in any file of the state folder."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
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
BESIDE = (
    r"(?:(?<=card )|(?<=card: )|(?<=card:))"  # what stands before a card in a sentence, or in a link of an identity
)
JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


@dataclass(frozen=True)
class Names:
    """What somebody is known by. `said`: what says who wherever it stands, such as an e-mail, a phone, `source:id`.

    `codes`: cards, and numbers of orders that are made of them; one that is nothing but a number is also any other number.
    """

    said: tuple[str, ...]
    codes: tuple[str, ...] = ()

    @property
    def in_words(self) -> str | None:
        """The pattern for sentences and files: a code of digits alone only where it is called a card."""
        named = pattern_of((*self.said, *(code for code in self.codes if _has_letters(code))))
        numbers = _any_of(code for code in self.codes if not _has_letters(code))
        beside = [] if numbers is None else [rf"{BESIDE}{numbers}(?!\w)"]
        return "|".join([*([] if named is None else [named]), *beside]) or None


def _has_letters(text: str) -> bool:
    return any(character.isalpha() for character in text)


def escaped(text: str) -> str:
    """A text as part of a regular expression of PostgreSQL and of Python."""
    return re.sub(r"([^\w\s])", r"\\\1", text)


def _any_of(texts: Iterable[str]) -> str | None:
    said = sorted(
        {text.strip() for text in texts if len(text.strip()) >= SHORTEST}, key=lambda text: (-len(text), text)
    )
    return "(?:" + "|".join(map(escaped, said)) + ")" if said else None


def pattern_of(texts: Iterable[str]) -> str | None:
    """A regular expression, of PostgreSQL and of Python, that finds any of these as a whole word; None when there is none to find."""
    said = _any_of(texts)
    return None if said is None else rf"(?<!\w){said}(?!\w)"


def listed(key: str) -> str:
    """A regular expression of PostgreSQL that finds a key in a sentence; one without letters as Retain lists keys: after `: ` or `, `."""
    one = escaped(key)
    if _has_letters(key):
        return rf"(?<!\w){one}(?!\w)" if len(key) >= SHORTEST else rf"(?<![\w.]){one}(?![\w.])"
    return rf"(?:(?<=: )|(?<=, )|(?<=; )){one}(?=$|[,.;](?!\d)| …)"


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
    return with_pattern(connection, pattern_of(texts), SCHEMAS)


def with_pattern(connection: psycopg.Connection[Any], pattern: str | None, schemas: Iterable[str]) -> dict[str, int]:
    """Table and column to its number of rows in which the pattern finds something, in whatever case."""
    found: dict[str, int] = {}
    if pattern is None:
        return found
    for schema, table, columns in columns_with_text(connection, schemas):
        counts = sql.SQL(", ").join(
            sql.SQL("count(*) filter (where {}::text ~* {})").format(sql.Identifier(name), sql.Literal(pattern))
            for name in columns
        )
        row = connection.execute(sql.SQL("select {} from {}").format(counts, sql.Identifier(schema, table))).fetchone()
        assert row is not None
        found |= {f"{schema}.{table}.{name}": rows for name, rows in zip(columns, row, strict=True) if rows}
    return found


def replace_in_tables(
    connection: psycopg.Connection[Any], pattern: str, schemas: Iterable[str], *, numbers_stay: bool = False
) -> dict[str, int]:
    """Put `erased` in the place of what the pattern finds in the texts of all tables of some schemas; returns the rows by table."""
    touched: dict[str, int] = {}
    for schema, table, columns in columns_with_text(connection, schemas):
        if table in OF_ERASURES:
            continue
        rows = replace_in_table(connection, schema, table, columns, pattern, numbers_stay=numbers_stay)
        if rows:
            touched[f"{schema}.{table}"] = rows
    return touched


def replace_in_table(
    connection: psycopg.Connection[Any],
    schema: str,
    table: str,
    columns: dict[str, str],
    pattern: str,
    *,
    condition: sql.Composable | None = None,
    spared: Collection[str] = (),
    only_at: str | None = None,
    numbers_stay: bool = False,
) -> int:
    """Put `erased` in the place of what the pattern finds in some columns; returns in how many rows.

    Of JSON only texts change, never a number: not those at the paths `spared`; at the path `only_at` alone, if one is given.
    `numbers_stay`: a text that is nothing but digits is a number, such as how far a source was read, and nobody's.
    """
    if not columns:
        return 0
    found = sql.SQL(" or ").join(
        sql.SQL("{}::text ~* {}").format(sql.Identifier(name), sql.Literal(pattern)) for name in columns
    )
    rows = connection.execute(
        sql.SQL("select ctid::text, {} from {} where ({}) and {}").format(
            sql.SQL(", ").join(
                sql.SQL("{}{}").format(sql.Identifier(name), sql.SQL("" if kind == "text[]" else "::text"))
                for name, kind in columns.items()
            ),
            sql.Identifier(schema, table),
            found,
            condition or sql.SQL("true"),
        )
    ).fetchall()
    compiled = re.compile(pattern, re.IGNORECASE)

    def change(path: str, text: str) -> str:
        is_spared = any(path == one or path.startswith(f"{one}.") for one in spared)
        if is_spared or (only_at is not None and path != only_at) or (numbers_stay and text.strip().isdigit()):
            return text
        return compiled.sub(STANDS if only_at is None else "", text)

    touched = 0
    for place, *values in rows:
        new = [_changed(value, change) for value in values]
        if new == values:
            continue
        touched += connection.execute(
            sql.SQL("update {} set {} where ctid = {}::tid").format(
                sql.Identifier(schema, table),
                sql.SQL(", ").join(
                    sql.SQL("{} = {}::{}").format(sql.Identifier(name), sql.Placeholder(), sql.SQL(kind))
                    for name, kind in columns.items()
                ),
                sql.Literal(place),
            ),
            new,
        ).rowcount
    return touched


def _changed(value: Any, change: Callable[[str, str], str]) -> Any:
    """A value of a column after `change`, which is given the path and the text of every text in it."""
    if isinstance(value, list):
        return [_changed(one, change) for one in value]
    if value is None:
        return None
    if value[:1] in ("{", "["):
        try:
            json.loads(value)
        except ValueError:
            pass
        else:
            return _changed_json(value, change)
    return change("", value)


def _changed_json(text: str, change: Callable[[str, str], str]) -> str:
    """JSON of which some texts have changed; all else keeps the characters that were sent, numbers above all."""
    steps: list[str | int] = []
    is_key = False

    def token(found: re.Match[str]) -> str:
        nonlocal is_key
        one = found[0]
        if one[0] == '"':
            said = json.loads(one, strict=False)
            new = change(".".join(map(str, steps[: len(steps) - is_key])), said)
            if is_key:
                steps[-1] = said
            return one if new == said else json.dumps(new, ensure_ascii=False)
        if one in "{[":
            steps.append("" if one == "{" else 0)
            is_key = one == "{"
        elif one in "}]":
            steps.pop()
            is_key = False
        elif one == ",":
            is_key = isinstance(steps[-1], str)
            if not is_key:
                steps[-1] = int(steps[-1]) + 1
        else:
            is_key = False
        return one

    return JSON_TOKEN.sub(token, text)


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


def files_naming(settings: Settings, names: Names) -> list[Path]:
    """The files of the state folder that name somebody."""
    pattern = names.in_words
    return [path for path in files_of(settings) if pattern is not None and _found(path, pattern)]


def _found(path: Path, pattern: str) -> bool:
    if path.stat().st_size > LARGEST_FILE:
        return False
    return re.search(pattern, path.read_bytes().decode("utf-8", "replace"), re.IGNORECASE) is not None


def replace_in_files(settings: Settings, names: Names) -> tuple[list[Path], list[Path]]:
    """Put `erased` in the place of what names somebody in the files of the state folder: (files put right, files that are no text).

    A list of people to write to, or an export of the person, is deleted: it holds names, too.
    """
    pattern = names.in_words
    done: list[Path] = []
    left: list[Path] = []
    for path in files_naming(settings, names):
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
