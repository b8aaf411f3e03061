"""Expressions of retain.yml that raise on some row: evaluated row by row, where the message takes the place of the value."""

from typing import Any

import psycopg
from psycopg import sql

from retain.mapping import DELETED, Mapping, expression_of, grouping, rows_that_count, source_rows

FAILED = "\x01"  # a control character that no text of a source holds: marks an expression that raised, with its message
WHERE = "where"


def guarded_value(
    connection: psycopg.Connection[Any], mapping: Mapping, columns: list[str], field: str
) -> sql.Composable:
    """A function that evaluates a field's expression for a row, or a group of rows, and answers with a marked message if it raises."""
    function = sql.Identifier("pg_temp", f"field_{[*mapping.entity.fields, DELETED].index(field)}")
    group = sql.SQL(" group by {}").format(grouping(mapping, columns)) if mapping.group_by else sql.SQL("")
    _make(connection, mapping, columns, function, expression_of(mapping, field, columns), group)
    row = sql.SQL(
        "array_agg(row(landed.*)::landed_shape)" if mapping.group_by else "array[row(landed.*)::landed_shape]"
    )
    return sql.SQL("{}({})").format(function, row)


def guarded_condition(
    connection: psycopg.Connection[Any], mapping: Mapping, columns: list[str], alias: str
) -> sql.Composable:
    """What `where` says of a row, as text: true, false, null, or a marked message if it raises."""
    where = rows_that_count(mapping, columns)
    assert where is not None
    function = sql.Identifier("pg_temp", "row_counts")
    _make(connection, mapping, columns, function, sql.SQL("({})::text").format(where), sql.SQL(""))
    return sql.SQL("{}(array[row({}.*)::landed_shape])").format(function, sql.Identifier(alias))


def counts(verdict: sql.Composable) -> sql.Composed:
    """Whether a row is looked at: where nobody can tell, it is, and held."""
    return sql.SQL("({0} = 'true' or {0} like {1})").format(verdict, sql.Literal(FAILED + "%"))


def rows_with_verdict(
    connection: psycopg.Connection[Any], mapping: Mapping, columns: list[str], selected: sql.Composable
) -> sql.Composed:
    """The landed rows that `where` lets pass, and with a problem those on which it raises."""
    verdict = guarded_condition(connection, mapping, columns, "all_landed")
    names = connection.execute(
        "select attname from pg_attribute where attrelid = 'pg_temp.landed_shape'::regclass and attnum > 0 order by attnum"
    ).fetchall()
    said = sql.Identifier("asked", "_verdict")
    kept = [
        sql.SQL("nullif(concat_ws('; ', _problem, {}), '') as _problem").format(_message(said, WHERE))
        if name == "_problem"
        else sql.Identifier(name)
        for (name,) in names
    ]
    return sql.SQL(
        "select {} from (select all_landed.*, {} as _verdict from ({}) as all_landed where {} offset 0) as asked where {}"
    ).format(sql.SQL(", ").join(kept), verdict, source_rows(mapping, columns), selected, counts(said))


def _make(
    connection: psycopg.Connection[Any],
    mapping: Mapping,
    columns: list[str],
    function: sql.Composable,
    asked: sql.Composable,
    group: sql.Composable,
) -> None:
    """The function that works `asked` out for rows in the shape of landed ones; if it raises the answer is its marked message."""
    connection.execute(
        sql.SQL("create or replace temporary view landed_shape as {} limit 0").format(source_rows(mapping, columns))
    )
    body = sql.SQL(
        "begin return (select {} from unnest(given) as landed{}); exception when data_exception then "
        "return {} || sqlerrm; end"
    ).format(asked, group, sql.Literal(FAILED))
    connection.execute(
        sql.SQL("create or replace function {}(given landed_shape[]) returns text language plpgsql as {}").format(
            function, sql.Literal(body.as_string(connection))
        )
    )


def _message(value: sql.Composable, place: str) -> sql.Composed:
    return sql.SQL("case when {0} like {1} then {2} || substr({0}, 2) end").format(
        value, sql.Literal(FAILED + "%"), sql.Literal(f"{place}: ")
    )


def problem(fields: list[str]) -> sql.Composable:
    """What the line itself had wrong, and what each expression that raised had to say."""
    said = [_message(sql.Identifier(field), field) for field in fields]
    return sql.SQL("nullif(concat_ws('; ', _problem, {}), '')").format(sql.SQL(", ").join(said))
