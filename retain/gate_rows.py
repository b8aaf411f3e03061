"""What a load's suite judges: one unlogged table a load in schema gate, with its rows as Retain's fields.

A value that will not cast never fails a load: it becomes null beside its text, and the gate says which row and why. The same holds for an
expression of retain.yml that raises on some row: the set-based query is tried first, and only when it raises are rows mapped one by one.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from retain.beside import Beside
from retain.casting import cast_columns, kept_columns
from retain.config import Settings
from retain.errors import UserError
from retain.guarded import WHERE, guarded_value, problem, rows_with_verdict
from retain.landing import drop_gate_tables, failures_table, gate_table, landing_table
from retain.mapping import (
    DELETED,
    Mapping,
    check_expressions,
    computes,
    expression_of,
    grouping,
    landed_columns,
    problem_of_row,
    rows_that_count,
    set_source_clock,
    source_rows,
)
from retain.records import LOOKED_UP


@dataclass(frozen=True)
class Selection:
    """Which landed rows to map: those of one load, every second of them (`half` is 0 or 1), single rows of it (by `_row`, as
    quarantine remembers them), or those of some of its files."""

    load_id: int
    rows: tuple[int, ...] | None = None
    half: int | None = None
    files: tuple[str, ...] | None = None


def write_gate_table(
    connection: psycopg.Connection[Any],
    settings: Settings,
    mapping: Mapping,
    load_id: int,
    selections: list[Selection],
    beside: Beside | None = None,
) -> int:
    """Make gate.load_<load_id> from landed rows; returns its number of rows.

    With a session `beside` this one, each writes half of the table, which is committed then: the selection is one whole load.
    Raises UserError for an expression that PostgreSQL cannot read at all, naming entity, field and expression.
    """
    columns = landed_columns(connection, mapping)
    check_expressions(connection, mapping, columns)
    drop_gate_tables(connection, load_id)
    set_source_clock(connection, settings, mapping.source)
    if beside is None or computes(mapping, columns):  # an expression may look at more than its row: a group, a window
        rows = _made(connection, mapping, columns, load_id, selections, trusting=True)
    else:
        rows = _made_by_two(connection, settings, mapping, columns, load_id, beside)
    if rows is None:  # some value looks right and is not, such as the 30th of February
        rows = _made(connection, mapping, columns, load_id, selections, trusting=False)
    if rows is None:
        rows = _made_one_by_one(connection, mapping, columns, load_id, selections)
    connection.execute(
        sql.SQL("create unlogged table {} (row_number bigint, rule text, reason text, waits boolean)").format(
            failures_table(load_id)
        )
    )
    looked_up = ["row_number", *LOOKED_UP[mapping.entity.name]]
    connection.execute("select set_config('default_statistics_target', '10', true)")  # enough to choose a join by
    connection.execute(
        sql.SQL("analyze {} ({})").format(gate_table(load_id), sql.SQL(", ").join(map(sql.Identifier, looked_up)))
    )
    return rows


def _made(
    connection: psycopg.Connection[Any],
    mapping: Mapping,
    columns: list[str],
    load_id: int,
    selections: list[Selection],
    *,
    trusting: bool,
) -> int | None:
    """The number of rows of the table, or None, with nothing made, when a value or an expression raised."""
    try:
        with connection.transaction():
            return _create(connection, mapping, columns, load_id, selections, guarded=set(), trusting=trusting)
    except psycopg.DataError:
        return None


def _made_one_by_one(
    connection: psycopg.Connection[Any],
    mapping: Mapping,
    columns: list[str],
    load_id: int,
    selections: list[Selection],
) -> int:
    """As `_made`, where an expression raises: it is evaluated row by row. Only what rows are grouped by cannot be."""
    raising = _raising_expressions(connection, mapping, columns, selections)
    try:
        return _create(connection, mapping, columns, load_id, selections, guarded=raising, trusting=False)
    except psycopg.DataError:  # whose own sentence may quote a value of somebody's
        raise UserError(
            f"retain.yml, source {mapping.source}, {mapping.entity.name}.group_by: {', '.join(mapping.group_by)} cannot be "
            "evaluated for some row.",
            hint="Group by a column, or by an expression that has an answer for every row.",
        ) from None


def _made_by_two(
    connection: psycopg.Connection[Any],
    settings: Settings,
    mapping: Mapping,
    columns: list[str],
    load_id: int,
    beside: Beside,
) -> int | None:
    """As `_made`, trusting, by two sessions. Of one statement the server's processes share the casts only: its rows all go through
    one of them, which alone writes."""

    def write(by: psycopg.Connection[Any], half: int) -> int:
        set_source_clock(by, settings, mapping.source)
        by.execute("select set_config('max_parallel_workers_per_gather', '0', true)")
        half_of_it = [Selection(load_id, half=half)]
        rows = _mapped(by, mapping, columns, half_of_it, guarded=set(), trusting=True)
        return by.execute(sql.SQL("insert into {} {}").format(gate_table(load_id), rows)).rowcount

    whole = [Selection(load_id)]
    nothing = _mapped(connection, mapping, columns, whole, guarded=set(), trusting=True)
    connection.execute(_table(load_id, nothing) + sql.SQL(" with no data"))
    connection.commit()  # the other session must see the table
    try:
        other = beside.run(lambda by: write(by, 1))
        rows = write(connection, 0)
        connection.commit()
        return rows + other.result()
    except psycopg.DataError:
        other.exception()  # it may be writing still
        connection.rollback()
        drop_gate_tables(connection, load_id)
        set_source_clock(connection, settings, mapping.source)
        return None


def _create(
    connection: psycopg.Connection[Any],
    mapping: Mapping,
    columns: list[str],
    load_id: int,
    selections: list[Selection],
    *,
    guarded: set[str],
    trusting: bool,
) -> int:
    """Make the table; returns its number of rows."""
    rows = _mapped(connection, mapping, columns, selections, guarded=guarded, trusting=trusting)
    return connection.execute(_table(load_id, rows)).rowcount


def _table(load_id: int, rows: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "create unlogged table {} with (autovacuum_enabled = false) as {}"
    ).format(  # its worker would hold up its end
        gate_table(load_id), rows
    )


def _mapped(
    connection: psycopg.Connection[Any],
    mapping: Mapping,
    columns: list[str],
    selections: list[Selection],
    *,
    guarded: set[str],
    trusting: bool,
) -> sql.Composed:
    """The rows of the table. `trusting`: what looks right is cast without asking first, and may raise."""
    landed = _landed(connection, mapping, columns, selections, guarded)
    fields = mapping.read
    exact = mapping.exact if trusting else frozenset()
    values = [
        guarded_value(connection, mapping, columns, field)
        if field in guarded
        else expression_of(mapping, field, columns)
        for field in fields
    ]
    mapped = sql.SQL(
        "select {row} as row_number, {file} as _file, {problem} as _problem, {fields} from ({landed}) as landed"
    ).format(
        landed=landed,
        row=sql.SQL("min(_row)" if mapping.group_by else "_row"),
        file=sql.SQL("_file"),
        problem=problem_of_row(mapping, columns),
        fields=sql.SQL(", ").join(
            sql.SQL("{} as {}").format(value, sql.Identifier(field))
            for field, value in zip(fields, values, strict=True)
        ),
    )
    if mapping.group_by:
        mapped += sql.SQL(" group by ") + grouping(mapping, columns)
    wanted = [row for selection in selections if selection.rows is not None for row in selection.rows]
    chosen = sql.SQL("where row_number = any({})").format(sql.Literal(wanted)) if wanted else sql.SQL("")
    return sql.SQL(
        "select row_number, {source}::text as source, _file, _problem, {deleted} as is_deleted, {kept} from ("
        "select row_number, _file, {problem} as _problem, {said_deleted}{cast} from ({mapped}{fence}) as mapped {chosen} offset 0) as typed"
    ).format(
        mapped=mapped,
        fence=sql.SQL(" offset 0" if computes(mapping, columns) else ""),
        source=sql.Literal(mapping.source),
        problem=problem(sorted(guarded - {WHERE})) if guarded - {WHERE} else sql.SQL("_problem"),
        deleted=sql.SQL(
            "coalesce(case when pg_input_is_valid(is_deleted, 'boolean') then is_deleted::boolean end, false)"
        )
        if DELETED in fields
        else sql.SQL("false"),
        said_deleted=sql.SQL("is_deleted, " if DELETED in fields else ""),
        kept=sql.SQL(", ").join(
            kept_columns(name, field, name in exact) for name, field in mapping.entity.fields.items()
        ),
        cast=sql.SQL(", ").join(
            cast_columns(name, field, trusting, name in exact) for name, field in mapping.entity.fields.items()
        ),
        chosen=chosen,
    )


def _landed(
    connection: psycopg.Connection[Any],
    mapping: Mapping,
    columns: list[str],
    selections: list[Selection],
    guarded: set[str],
) -> sql.Composed:
    if WHERE in guarded:
        return rows_with_verdict(connection, mapping, columns, _selected(mapping, selections))
    landed = sql.SQL("select * from ({}) as all_landed where {}").format(
        source_rows(mapping, columns), _selected(mapping, selections)
    )
    where = rows_that_count(mapping, columns)
    return landed if where is None else landed + sql.SQL(" and ") + where


def _raising_expressions(
    connection: psycopg.Connection[Any], mapping: Mapping, columns: list[str], selections: list[Selection]
) -> set[str]:
    """The fields whose expressions raise somewhere in these rows, and `where`: only those are worth evaluating row by row."""
    raising: set[str] = set()
    if mapping.where is not None:
        rows = _landed(connection, mapping, columns, selections, raising)
        try:
            with connection.transaction():
                connection.execute(sql.SQL("select count(*) from ({}) as landed").format(rows))
        except psycopg.DataError:
            raising.add(WHERE)
    for field in mapping.expressions:
        query = sql.SQL("select count(value) from (select {} as value from ({}) as landed {}) as evaluated").format(
            expression_of(mapping, field, columns),
            _landed(connection, mapping, columns, selections, raising & {WHERE}),
            sql.SQL("group by {}").format(grouping(mapping, columns)) if mapping.group_by else sql.SQL(""),
        )
        try:
            with connection.transaction():
                connection.execute(query)
        except psycopg.DataError:
            raising.add(field)
    return raising


def _selected(mapping: Mapping, selections: list[Selection]) -> sql.Composable:
    """Rows of the given loads; single rows where asked, with the whole file around them where rows are grouped."""
    parts: list[sql.Composable] = []
    for selection in selections:
        part: sql.Composable = sql.SQL("_load_id = {}").format(sql.Literal(selection.load_id))
        if selection.half is not None:
            part += sql.SQL(" and _row % 2 = {}").format(sql.Literal(selection.half))
        if selection.files is not None:
            part += sql.SQL(" and _file = any({})").format(sql.Literal(list(selection.files)))
        if selection.rows is not None:
            rows = sql.Literal(list(selection.rows))
            if mapping.group_by:
                table = landing_table(mapping.source, mapping.entity.name)
                part += sql.SQL(" and _file in (select _file from {} where _row = any({}))").format(table, rows)
            else:
                part += sql.SQL(" and _row = any({})").format(rows)
        parts.append(sql.SQL("({})").format(part))
    return sql.SQL("({})").format(sql.SQL(" or ").join(parts))
