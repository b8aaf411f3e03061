"""From what a source sent to Retain's fields: one unlogged table a load in schema gate, text beside typed values.

A value that will not cast never fails a load: it becomes null beside its text, and the gate says which row and why. The same holds for an
expression of retain.yml that raises on some row: the set-based query is tried first, and only when it raises are rows mapped one by one.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings, SqlEntity
from retain.entities import ENTITIES, Entity, Field
from retain.errors import UserError
from retain.landing import drop_gate_tables, failures_table, gate_table, landing_table

FAILED = "\x01"  # a control character that no text of a source holds: marks an expression that raised, with its message
# By which columns rules and publishing look up other tables: the planner must know these, and analyzing is not free.
REFERENCES = {
    "exchange_rates": ("source", "currency", "rate_on"),
    "customers": ("source", "customer_id"),
    "products": ("source", "product_id"),
    "orders": ("source", "order_id", "customer_id", "currency"),
    "order_items": ("source", "order_id", "line_id", "product_id"),
    "returns": ("source", "return_id", "order_id", "line_id"),
}
PSEUDO_COLUMNS = ("_file", "_line", "_problem")


@dataclass(frozen=True)
class Selection:
    """Which landed rows to map: those of one load, or single rows of it (by `_row`, as quarantine remembers them)."""

    load_id: int
    rows: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Mapping:
    """How one entity of one source becomes Retain's fields; expressions are PostgreSQL SQL over the landed text columns.

    `written` is what retain.yml says: for a `sql` source, in the source's own SQL.
    """

    source: str
    entity: Entity
    expressions: dict[str, str]
    literals: dict[str, Any]
    written: dict[str, str]
    where: str | None = None
    group_by: tuple[str, ...] = ()

    @property
    def mapped(self) -> frozenset[str]:
        """The fields that can have a value."""
        return frozenset(self.expressions) | frozenset(self.literals)


def mapping_of(settings: Settings, source: str, entity: str) -> Mapping:
    """The mapping that retain.yml gives; a `sql` source has mapped its rows already, in its own select."""
    configured = settings.source(source)
    shape = configured.entities[entity]
    if isinstance(shape, SqlEntity):
        expressions = {name: name for name in shape.fields}
        return Mapping(source, ENTITIES[entity], expressions, dict(shape.defaults), dict(shape.fields))
    fields, grouping = dict(shape.fields), tuple(shape.group_by or ())
    return Mapping(source, ENTITIES[entity], fields, dict(shape.defaults), fields, shape.where, grouping)


def set_source_clock(connection: psycopg.Connection[Any], settings: Settings, source: str) -> None:
    """Read moments without an offset, and days like 03/04/2025, the way this source means them; until the transaction ends."""
    configured = settings.source(source)
    zone = configured.timezone or settings.business.timezone
    order = getattr(configured, "date_order", "YMD")
    connection.execute("select set_config('timezone', %s, true)", [zone])
    connection.execute("select set_config('datestyle', %s, true)", [f"ISO, {order}"])


def write_gate_table(
    connection: psycopg.Connection[Any], settings: Settings, mapping: Mapping, load_id: int, selections: list[Selection]
) -> int:
    """Make gate.load_<load_id> from landed rows; returns its number of rows.

    Raises UserError for an expression that PostgreSQL cannot read at all, naming entity, field and expression.
    """
    columns = _landed_columns(connection, mapping)
    _check_expressions(connection, mapping, columns)
    drop_gate_tables(connection, load_id)
    set_source_clock(connection, settings, mapping.source)
    rows = _made(connection, mapping, columns, load_id, selections, trusting=True)
    if rows is None:  # some value looks right and is not, such as the 30th of February
        rows = _made(connection, mapping, columns, load_id, selections, trusting=False)
    if rows is None:
        raising = _raising_fields(connection, mapping, columns, selections)
        rows = _create(connection, mapping, columns, load_id, selections, guarded=raising, trusting=False)
    connection.execute(
        sql.SQL("create unlogged table {} (row_number bigint, rule text, reason text, waits boolean)").format(
            failures_table(load_id)
        )
    )
    looked_up = ["row_number", *REFERENCES[mapping.entity.name]]
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


def _landed_columns(connection: psycopg.Connection[Any], mapping: Mapping) -> list[str]:
    table = landing_table(mapping.source, mapping.entity.name).as_string(connection)
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum",
        [table],
    )
    return [row[0] for row in rows if row[0] not in ("_load_id", "_row")]


def _source_rows(mapping: Mapping, columns: list[str]) -> sql.Composed:
    """The landed columns under their own names, and in lower case where SQL would fold an unquoted name."""
    names: list[sql.Composable] = [sql.SQL("_load_id"), sql.SQL("_row")]
    for column in columns:
        names.append(sql.Identifier(column))
        folded = column.lower()
        if folded not in columns and folded not in ("_load_id", "_row"):
            names.append(sql.SQL("{} as {}").format(sql.Identifier(column), sql.Identifier(folded)))
    for pseudo in PSEUDO_COLUMNS:
        if pseudo not in columns:
            names.append(sql.SQL("null::text as {}").format(sql.Identifier(pseudo)))
    return sql.SQL("select {} from {}").format(
        sql.SQL(", ").join(names), landing_table(mapping.source, mapping.entity.name)
    )


def _expression(mapping: Mapping, field: str, columns: list[str]) -> sql.Composable:
    text = mapping.expressions.get(field)
    if text is None:
        literal = mapping.literals.get(field)
        if literal is None:
            return sql.SQL("null::text")
        return sql.SQL("{}::text").format(sql.Literal(_literal_text(literal)))
    if text in columns:
        bare: sql.Composable = sql.Identifier(text)
        return (
            sql.SQL("min({})::text").format(bare)
            if _must_aggregate(mapping, text)
            else sql.SQL("{}::text").format(bare)
        )
    return sql.SQL("(") + sql.SQL(text) + sql.SQL(")::text")


def _literal_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _must_aggregate(mapping: Mapping, column: str) -> bool:
    """A bare column beside group_by that is not grouped by: any of its values, the smallest for the same answer every time."""
    return bool(mapping.group_by) and column not in mapping.group_by


def _grouping(mapping: Mapping, columns: list[str]) -> sql.Composable:
    keys = [sql.Identifier(key) if key in columns else sql.SQL("(" + key + ")") for key in mapping.group_by]
    return sql.SQL(", ").join([*keys, sql.SQL("_load_id"), sql.SQL("_file")])


def _check_expressions(connection: psycopg.Connection[Any], mapping: Mapping, columns: list[str]) -> None:
    """Let PostgreSQL read every expression once, over no rows, so that the one at fault can be named."""
    where = mapping.where
    checks = [(f"fields.{field}", _expression(mapping, field, columns)) for field in mapping.expressions]
    if where is not None:
        checks.append(("where", sql.SQL("true")))
    for place, expression in checks:
        query = sql.SQL("select {} from ({}) as landed where {} ").format(
            expression,
            _source_rows(mapping, columns),
            sql.SQL("(" + where + ")" if place == "where" and where else "true"),
        )
        if mapping.group_by:
            query += sql.SQL("group by {} ").format(_grouping(mapping, columns))
        try:
            with connection.transaction():
                connection.execute(query + sql.SQL("limit 0"))
        except psycopg.DataError:
            continue  # a constant that will not cast: shown row by row at the gate
        except (psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
            written = where if place == "where" else mapping.expressions[place.removeprefix("fields.")]
            offered = ", ".join(column for column in columns if column not in PSEUDO_COLUMNS)
            raise UserError(
                f"retain.yml, source {mapping.source}, {mapping.entity.name}.{place}: the expression {written!r} cannot be "
                f"evaluated: {str(error).splitlines()[0]}. The file's columns are: {offered} (all of them text).",
                hint='Quote names that are not plain lower case ("Unit Price"), and cast before counting (price::numeric).',
            ) from None


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
    """Make the table; returns its number of rows. `trusting`: what looks right is cast without asking first, and may raise."""
    landed = _landed(mapping, columns, selections)
    fields = list(mapping.entity.fields)
    values = [
        _guarded_value(connection, mapping, columns, field)
        if field in guarded
        else _expression(mapping, field, columns)
        for field in fields
    ]
    mapped = sql.SQL(
        "select {row} as row_number, {file} as _file, {problem} as _problem, {fields} from ({landed}) as landed"
    ).format(
        landed=landed,
        row=sql.SQL("min(_row)" if mapping.group_by else "_row"),
        file=sql.SQL("_file"),
        problem=sql.SQL("min(_problem)" if mapping.group_by else "_problem"),
        fields=sql.SQL(", ").join(
            sql.SQL("{} as {}").format(value, sql.Identifier(field))
            for field, value in zip(fields, values, strict=True)
        ),
    )
    if mapping.group_by:
        mapped += sql.SQL(" group by ") + _grouping(mapping, columns)
    wanted = [row for selection in selections if selection.rows is not None for row in selection.rows]
    chosen = sql.SQL("where row_number = any({})").format(sql.Literal(wanted)) if wanted else sql.SQL("")
    cursor = connection.execute(
        sql.SQL(
            "create unlogged table {gate} with (autovacuum_enabled = false) as "  # whose worker would hold up its end
            "select row_number, {source}::text as source, _file, {problem} as _problem, {columns} from ({mapped}{fence}) as mapped {chosen}"
        ).format(
            gate=gate_table(load_id),
            mapped=mapped,
            fence=sql.SQL(" offset 0" if _computes(mapping, columns) else ""),
            source=sql.Literal(mapping.source),
            problem=_problem(sorted(guarded)) if guarded else sql.SQL("_problem"),
            columns=sql.SQL(", ").join(
                _typed(name, field, name in mapping.mapped, trusting) for name, field in mapping.entity.fields.items()
            ),
            chosen=chosen,
        )
    )
    return cursor.rowcount


def _computes(mapping: Mapping, columns: list[str]) -> bool:
    """Whether an expression is more than a column: then it is evaluated once, and not each time that its value is looked at."""
    return bool(mapping.group_by) or any(text not in columns for text in mapping.expressions.values())


def _landed(mapping: Mapping, columns: list[str], selections: list[Selection]) -> sql.Composed:
    landed = sql.SQL("select * from ({}) as all_landed where {}").format(
        _source_rows(mapping, columns), _selected(mapping, selections)
    )
    if mapping.where:
        landed += sql.SQL(" and (") + sql.SQL(mapping.where) + sql.SQL(")")
    return landed


def _raising_fields(
    connection: psycopg.Connection[Any], mapping: Mapping, columns: list[str], selections: list[Selection]
) -> set[str]:
    """The fields whose expressions raise somewhere in these rows: only those are worth evaluating row by row."""
    raising = set()
    for field in mapping.expressions:
        query = sql.SQL("select count(value) from (select {} as value from ({}) as landed {}) as evaluated").format(
            _expression(mapping, field, columns),
            _landed(mapping, columns, selections),
            sql.SQL("group by {}").format(_grouping(mapping, columns)) if mapping.group_by else sql.SQL(""),
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
        if selection.rows is not None:
            rows = sql.Literal(list(selection.rows))
            if mapping.group_by:
                table = landing_table(mapping.source, mapping.entity.name)
                part += sql.SQL(" and _file in (select _file from {} where _row = any({}))").format(table, rows)
            else:
                part += sql.SQL(" and _row = any({})").format(rows)
        parts.append(sql.SQL("({})").format(part))
    return sql.SQL("({})").format(sql.SQL(" or ").join(parts))


# What a text must look like, beyond casting. PostgreSQL also takes 'now', 'infinity', NaN, 0x1F and 1_000, which no shop means;
# 21.11.25 as a day of 2021; seconds since 1970 as some other day; and 1.3E+02, of which a spreadsheet has cut off the rest.
# First what almost every text looks like, which is tested at a tenth of the price of a whole pattern, then what else is meant.
NUMBER = (
    r"{sent} <> '' and ltrim({sent}, '0123456789.') = ''",
    r"{text} ~ '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE]-[0-9]{{1,2}})?$'",
)
MOMENT = (
    r"{sent} like '____-__-__%'",
    r"{text} ~ '^[0-9]' and ({text} ~ '(^|[^0-9])[0-9]{{4}}([^0-9]|$)' or {text} ~ '^([0-9]{{8}}|[0-9]{{14}})([^0-9]|$)')",
)
SHAPES = {"boolean": ("true", "false"), "timestamp": MOMENT, "date": MOMENT}


# As nullif(btrim(x), ''), at a third of its price where there is nothing to trim: what begins with a space or is empty comes
# before '!' by its bytes.
TRIMMED = """case when {0} collate "C" < '!' or {0} like '% ' then nullif(btrim({0}), '') else {0} end"""


def _typed(name: str, field: Field, is_mapped: bool, trusting: bool) -> sql.Composable:
    """A text field trimmed, empty as null; any other as its value beside `<name>_sent`."""
    column, target = sql.Identifier(name), sql.SQL(field.sql_type)
    text = sql.SQL("nullif(btrim({}), '')" if is_mapped else "null::text").format(column)
    kept = sql.SQL(TRIMMED if is_mapped else "null::text").format(column)
    if field.type == "text":
        return sql.SQL("{} as {}").format(kept, column)
    usual, else_meant = SHAPES.get(field.type, NUMBER)
    valid = sql.SQL("" if trusting and usual != "true" else "pg_input_is_valid({}, {}) and ").format(
        column, sql.Literal(field.sql_type)
    )
    value = sql.SQL(
        "case when {valid}{usual} then {sent}::{target} "
        "when pg_input_is_valid({text}, {type}) and {else_meant} then {text}::{target} end"
    ).format(
        valid=valid,
        sent=column,
        text=text,
        type=sql.Literal(field.sql_type),
        target=target,
        usual=sql.SQL(usual).format(sent=column),
        else_meant=sql.SQL(else_meant).format(text=text),
    )
    return sql.SQL("{} as {}, {} as {}").format(
        value if is_mapped else sql.SQL("null::{}").format(target), column, kept, sql.Identifier(f"{name}_sent")
    )


def _guarded_value(
    connection: psycopg.Connection[Any], mapping: Mapping, columns: list[str], field: str
) -> sql.Composable:
    """A function that evaluates a field's expression for a row, or a group of rows, and answers with a marked message if it raises."""
    connection.execute(
        sql.SQL("create or replace temporary view landed_shape as {} limit 0").format(_source_rows(mapping, columns))
    )
    function = sql.Identifier("pg_temp", f"field_{list(mapping.entity.fields).index(field)}")
    body = sql.SQL(
        "begin return (select {} from unnest(given) as landed {}); exception when data_exception then "
        "return {} || sqlerrm; end"
    ).format(
        _expression(mapping, field, columns),
        sql.SQL("group by {}").format(_grouping(mapping, columns)) if mapping.group_by else sql.SQL(""),
        sql.Literal(FAILED),
    )
    connection.execute(
        sql.SQL("create or replace function {}(given landed_shape[]) returns text language plpgsql as {}").format(
            function, sql.Literal(body.as_string(connection))
        )
    )
    row = sql.SQL(
        "array_agg(row(landed.*)::landed_shape)" if mapping.group_by else "array[row(landed.*)::landed_shape]"
    )
    return sql.SQL("{}({})").format(function, row)


def _problem(fields: list[str]) -> sql.Composable:
    """What the line itself had wrong, and what each expression that raised had to say."""
    said = [
        sql.SQL("case when {0} like {1} then {2} || substr({0}, 2) end").format(
            sql.Identifier(field), sql.Literal(FAILED + "%"), sql.Literal(f"{field}: ")
        )
        for field in fields
    ]
    return sql.SQL("nullif(concat_ws('; ', _problem, {}), '')").format(sql.SQL(", ").join(said))
