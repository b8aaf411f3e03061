"""The columns that a source offers beside those that were agreed: what it offered when it was last published."""

from typing import Any

import psycopg
from psycopg import sql

from retain.history import Evidence
from retain.judged import Load
from retain.landing import gate_table
from retain.mapping import Mapping
from retain.records import said
from retain.sources.mentions import column_of, mentioned
from retain.sources.sql_postgres import decimals_of


def columns(connection: psycopg.Connection[Any], load: Load, mapping: Mapping) -> list[Evidence]:
    """The columns that the source offers beside those it offered when it was last published: the agreement."""
    row = connection.execute(
        "select offered from ops.loads where source = %s and entity = %s and status = 'published' and offered is not null "
        "and load_id < %s order by load_id desc limit 1",
        [load.source, load.entity, load.load_id],
    ).fetchone()
    if row is None or load.offered is None:
        return []
    agreed, offered = _folded(row[0]), _folded(load.offered)
    is_agreed_anew = load.mapping_before != load.mapping_after
    used = {name for written in mapping.written.values() for name in mentioned(written, agreed)}
    found = [
        Evidence("columns_agreed", f"new: {name} ({offered[name]})", 1, 0, 0) for name in offered if name not in agreed
    ]
    for name, kind in agreed.items():
        counts = "columns_kept" if name in used and not is_agreed_anew else "columns_agreed"
        if name not in offered:
            found.append(Evidence(counts, f"lost: {name} ({kind})", 1, 0, 0))
        elif family(kind) != family(offered[name]):
            example = _example(connection, load, mapping, name)
            found.append(Evidence(counts, f"retyped: {name} was {kind}, is {offered[name]}{example}", 1, 0, 0))
    return found


def exact_fields(load: Load, mapping: Mapping) -> frozenset[str]:
    """The fields that are a column of PostgreSQL at the source whose type leaves nothing but digits, with no more decimals than
    are kept, and NaN."""
    offered, found = _folded(load.offered or {}), set()
    for name, written in mapping.written.items():
        kept = mapping.entity.fields[name].scale
        decimals = decimals_of(offered.get((column_of(written) or "").lower(), ""))
        if kept is not None and decimals is not None and decimals <= kept:
            found.add(name)
    return frozenset(found)


def _folded(columns: dict[str, str]) -> dict[str, str]:
    """Names in small letters, as SQL takes a bare name: a system that begins to write them in capitals has changed nothing."""
    return {name.lower(): kind for name, kind in columns.items()}


FAMILIES = {
    "integer": ("smallint", "int", "int2", "int4", "int8", "integer", "bigint", "tinyint", "mediumint"),
    "number": ("numeric", "decimal", "number", "money"),
    "floating point": ("float", "float4", "float8", "real", "double", "double precision"),
    "text": ("text", "varchar", "character varying", "char", "bpchar", "character", "string", "large_string", "nvarchar", "longtext",
             "mediumtext", "tinytext", "name", "citext"),
}  # fmt: skip


def family(kind: str) -> str:
    """A column may become wider without becoming another: its type without length, precision and the like."""
    base = kind.lower().split("(")[0].strip().removesuffix(" unsigned")
    return next((name for name, kinds in FAMILIES.items() if base in kinds), base)


def _example(connection: psycopg.Connection[Any], load: Load, mapping: Mapping, column: str) -> str:
    """A value of a field that is read from the column; never one that may be about a person."""
    for name, written in mapping.written.items():
        field = mapping.entity.fields[name]
        if mentioned(written, [column]) and not field.personal:
            row = connection.execute(
                sql.SQL("select {0} from {1} as incoming where {0} is not null limit 1").format(
                    said(name, field, "incoming"), gate_table(load.load_id)
                )
            ).fetchone()
            return f", for example {row[0][:40]!r}" if row else ""
    return ""
