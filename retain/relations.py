"""What the warehouse says of a table or view: whether it is there, its columns, and a checksum of its rows."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg import sql

Relation = str | sql.Composable  # a name with its schema, quoted where it must be


def exists(connection: psycopg.Connection[Any], relation: Relation) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", [_name(connection, relation)]).fetchone()
    return row is not None and bool(row[0])


def has_rows(connection: psycopg.Connection[Any], table: sql.Composable) -> bool:
    row = connection.execute(sql.SQL("select exists (select from {})").format(table)).fetchone()
    return row is not None and bool(row[0])


def columns_of(connection: psycopg.Connection[Any], relation: Relation) -> dict[str, str]:
    """Column to type, in their order; none where there is no such relation."""
    found = connection.execute(
        "select attname::text, format_type(atttypid, null) from pg_attribute "
        "where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
        [_name(connection, relation)],
    )
    return dict(found.fetchall())


def tables_of(connection: psycopg.Connection[Any], schemas: Iterable[str]) -> list[tuple[str, str, dict[str, str]]]:
    """(schema, table, {column: type}) of every table of these schemas, and of materialised views, which keep rows too."""
    return connection.execute(
        "select nspname::text, relname::text, jsonb_object_agg(attname, format_type(atttypid, null)) from pg_class "
        "join pg_namespace on pg_namespace.oid = relnamespace join pg_attribute on attrelid = pg_class.oid "
        "where relkind in ('r', 'p', 'm') and nspname = any(%s) and attnum > 0 and not attisdropped group by 1, 2 order by 1, 2",
        [list(schemas)],
    ).fetchall()


def checksum_of(
    connection: psycopg.Connection[Any], table: sql.Composable, columns: Sequence[str] | None = None
) -> list[Any]:
    """How many rows, and a checksum of them as text, whatever order they are in; of these columns alone, if any are named."""
    row = (
        sql.SQL("one")
        if columns is None
        else sql.SQL("row({})").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    )
    found = connection.execute(
        sql.SQL(
            "select count(*), coalesce(sum(('x' || left(md5({}::text), 16))::bit(64)::bigint), 0)::text from {} as one"
        ).format(row, table)
    ).fetchone()
    assert found is not None
    return list(found)


def _name(connection: psycopg.Connection[Any], relation: Relation) -> str:
    return relation if isinstance(relation, str) else relation.as_string(connection)
