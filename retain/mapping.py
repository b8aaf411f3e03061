"""How one entity of one source becomes Retain's fields: what retain.yml says, as SQL over the landed text columns."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from retain import grouped
from retain.config import FilesEntity, RestEntity, Settings, SqlEntity
from retain.entities import ENTITIES, Entity
from retain.errors import UserError
from retain.landing import landing_table
from retain.relations import columns_of
from retain.sources.json_paths import paths_of
from retain.sources.mentions import column_of, mentioned

# A number as a spreadsheet shows it, and saves it: 123456.78 as 1.2E+05. No expression may make 120000 of it: it is passed on as
# it came, and does not cast.
CUT_OFF = r"^\s*[+-]?[0-9](\.[0-9]{1,2})?[eE]\+[0-9]+\s*$"
# Of a row of somebody who was erased, landing keeps what Retain reads of it and does not identify them: as a JSON object of
# fields, in this column. Every other column of the row is empty.
KEPT = "_kept"
DELETED = "is_deleted"  # beside the fields of an entity: whether a record says that it was deleted at the source
PSEUDO_COLUMNS = ("_file", "_line", "_problem", KEPT)


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
    paths: tuple[str, ...] = ()  # of records that land whole, as JSON: where in them the expressions look
    exact: frozenset[str] = frozenset()  # fields that can hold only digits, with no more decimals than are kept, or NaN

    @property
    def mapped(self) -> frozenset[str]:
        """The fields that can have a value."""
        return frozenset(self.expressions) | frozenset(self.literals)

    @property
    def read(self) -> list[str]:
        """What is read of a landed record: the entity's fields, and whether it was deleted where the record says so."""
        return [*self.entity.fields, *({DELETED} & set(self.expressions))]


def mapping_of(settings: Settings, source: str, entity: str) -> Mapping:
    """The mapping that retain.yml gives; a `sql` source has mapped its rows already, in its own select."""
    configured = settings.source(source)
    shape = configured.entities[entity]
    known, fields, defaults = ENTITIES[entity], dict(shape.fields), dict(shape.defaults)
    if isinstance(shape, SqlEntity):
        return Mapping(source, known, {name: name for name in fields}, defaults, fields)
    if isinstance(shape, FilesEntity):
        return Mapping(source, known, fields, defaults, fields, shape.where, tuple(shape.group_by or ()))
    deleted = shape.deleted if isinstance(shape, RestEntity) else None
    expressions = {**fields, **({DELETED: deleted} if deleted else {})}
    paths = paths_of([*expressions.values(), *filter(None, [shape.where])])
    return Mapping(source, known, expressions, defaults, fields, shape.where, paths=tuple(paths))


def set_source_clock(connection: psycopg.Connection[Any], settings: Settings, source: str) -> None:
    """Read moments without an offset, and days like 03/04/2025, the way this source means them; until the transaction ends."""
    configured = settings.source(source)
    zone = configured.timezone or settings.business.timezone
    order = getattr(configured, "date_order", "YMD")
    connection.execute("select set_config('timezone', %s, true)", [zone])
    connection.execute("select set_config('datestyle', %s, true)", [f"ISO, {order}"])


def landed_columns(connection: psycopg.Connection[Any], mapping: Mapping) -> list[str]:
    landed = columns_of(connection, landing_table(mapping.source, mapping.entity.name))
    return [*(name for name in landed if name not in ("_load_id", "_row")), *mapping.paths]


def source_rows(mapping: Mapping, columns: list[str]) -> sql.Composed:
    """The landed columns under their own names, and in lower case where SQL would fold an unquoted name.

    A column to group by is without blanks at its ends, as every value of a field is: else the rows of one key were several groups.
    """
    names: list[sql.Composable] = [sql.SQL("_load_id"), sql.SQL("_row")]
    for column in columns:
        folded = column.lower()
        for name in (column, *([folded] if folded not in columns and folded not in ("_load_id", "_row") else [])):
            if column in mapping.paths:
                names.append(_value_in_record(column, mapping.paths, name))
            elif column in mapping.group_by:
                names.append(sql.SQL("btrim({}) as {}").format(sql.Identifier(column), sql.Identifier(name)))
            else:
                names.append(sql.SQL("{} as {}").format(sql.Identifier(column), sql.Identifier(name)))
    for pseudo in PSEUDO_COLUMNS:
        if pseudo not in columns:
            names.append(sql.SQL("null::text as {}").format(sql.Identifier(pseudo)))
    return sql.SQL("select {} from {}{}").format(
        sql.SQL(", ").join(names), landing_table(mapping.source, mapping.entity.name), _taken_apart(mapping.paths)
    )


def _taken_apart(paths: tuple[str, ...]) -> sql.Composable:
    """The top of each record as columns, in one reading of it. As json, not jsonb: numbers keep the text that was sent."""
    if not paths:
        return sql.SQL("")
    nested = {path.split(".")[0] for path in paths if "." in path}
    tops = [
        sql.SQL("{} {}").format(sql.Identifier(top), sql.SQL("json" if top in nested else "text"))
        for top in dict.fromkeys(path.split(".")[0] for path in paths)
    ]
    return sql.SQL(" cross join lateral json_to_record(coalesce(_record, '{{}}')::json) as taken_apart({})").format(
        sql.SQL(", ").join(tops)
    )


def _value_in_record(path: str, paths: tuple[str, ...], name: str) -> sql.Composable:
    """The text of what stands at a path, under a name."""
    top, *steps = path.split(".")
    value: sql.Composable = sql.Identifier("taken_apart", top)
    if any(other.startswith(f"{top}.") for other in paths):
        value = sql.SQL("({} #>> {}::text[])").format(value, sql.Literal(steps))
    return sql.SQL("{} as {}").format(value, sql.Identifier(name))


def expression_of(mapping: Mapping, field: str, columns: list[str]) -> sql.Composable:
    """What a landed row, or a group of them, says in a field, as text."""
    written = _written(mapping, field, columns)
    if KEPT not in columns:
        return written
    return sql.SQL("case when {kept} is null then {written} else {kept}::jsonb ->> {field} end").format(
        kept=sql.SQL(f"min({KEPT})" if mapping.group_by else KEPT), written=written, field=sql.Literal(field)
    )


def rows_that_count(mapping: Mapping, columns: list[str]) -> sql.Composable | None:
    """The condition of retain.yml on landed rows; None when all of them count."""
    if mapping.where is None:
        return None
    where = sql.SQL("(" + mapping.where + ")")
    if KEPT not in columns:
        return where
    return sql.SQL("case when {kept} is null then {where} else {kept} <> '{{}}' end").format(
        kept=sql.Identifier(KEPT), where=where
    )


def _written(mapping: Mapping, field: str, columns: list[str]) -> sql.Composable:
    text = mapping.expressions.get(field)
    if text is None:
        literal = mapping.literals.get(field)
        if literal is None:
            return sql.SQL("null::text")
        return sql.SQL("{}::text").format(sql.Literal(_literal_text(literal)))
    if mapping.group_by and text not in columns and (name := column_of(text)):  # written as SQL would take it
        folded = [column for column in columns if column.lower() == name.lower()]
        text = folded[0] if len(folded) == 1 else text
    if text in columns:
        bare: sql.Composable = sql.Identifier(text)
        return (
            grouped.value(mapping.entity, field, text)
            if _must_aggregate(mapping, text)
            else sql.SQL("{}::text").format(bare)
        )
    evaluated = sql.SQL("(") + sql.SQL(text) + sql.SQL(")::text")
    if field == DELETED or mapping.entity.fields[field].scale is None or mapping.group_by:
        return evaluated
    cut_off = [
        sql.SQL("when {0} ~ {1} then {0}").format(sql.Identifier(column), sql.Literal(CUT_OFF))
        for column in sorted(mentioned(text, set(columns) - set(PSEUDO_COLUMNS)))
    ]
    return sql.SQL("case {} else {} end").format(sql.SQL(" ").join(cut_off), evaluated) if cut_off else evaluated


def _literal_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _must_aggregate(mapping: Mapping, column: str) -> bool:
    """A bare column beside group_by that is not grouped by."""
    return bool(mapping.group_by) and column not in mapping.group_by


def problem_of_row(mapping: Mapping, columns: list[str]) -> sql.Composable:
    """What is wrong with a landed row as a whole, or with a group of them; null when nothing is."""
    if not mapping.group_by:
        return sql.SQL("_problem")
    told = grouped.disagreements(
        mapping.entity, mapping.expressions, lambda text: text in columns and _must_aggregate(mapping, text)
    )
    return sql.SQL("nullif(concat_ws('; ', {}), '')").format(sql.SQL(", ").join([sql.SQL("min(_problem)"), *told]))


def grouping(mapping: Mapping, columns: list[str]) -> sql.Composable:
    keys: list[sql.Composable] = []
    for key in mapping.group_by:
        keys.append(sql.Identifier(key) if key in columns else sql.SQL("(" + key + ")"))
        if key in columns and key.lower() not in columns:  # as an expression may write it without quotes
            keys.append(sql.Identifier(key.lower()))
    of_each = [*keys, sql.SQL("_load_id"), sql.SQL("_file"), *([sql.Identifier(KEPT)] if KEPT in columns else [])]
    return sql.SQL(", ").join(of_each)


def check_expressions(connection: psycopg.Connection[Any], mapping: Mapping, columns: list[str]) -> None:
    """Let PostgreSQL read every expression once, over no rows, so that the one at fault can be named."""
    where = mapping.where
    checks = [(_place(field), expression_of(mapping, field, columns)) for field in mapping.expressions]
    if where is not None:
        checks.append(("where", sql.SQL("true")))
    for place, expression in checks:
        query = sql.SQL("select {} from ({}) as landed where {} ").format(
            expression,
            source_rows(mapping, columns),
            sql.SQL("(" + where + ")" if place == "where" and where else "true"),
        )
        if mapping.group_by:
            query += sql.SQL("group by {} ").format(grouping(mapping, columns))
        try:
            with connection.transaction():
                connection.execute(query + sql.SQL("limit 0"))
        except psycopg.DataError:
            continue  # a constant that will not cast: shown row by row at the gate
        except (psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
            places = {_place(field): text for field, text in mapping.expressions.items()}
            written = where if place == "where" else places[place]
            offered = ", ".join(column for column in columns if column not in PSEUDO_COLUMNS)
            hint = (
                'Quote names that are not plain lower case ("Unit Price"), and cast before counting (price::numeric).'
            )
            if isinstance(error, psycopg.errors.GroupingError):
                hint = (
                    "Beside group_by an expression makes one value of several rows: sum(price::numeric), min(state). "
                    f"Only what is grouped by stands as it is, written as there: {', '.join(mapping.group_by)}."
                )
            raise UserError(
                f"retain.yml, source {mapping.source}, {mapping.entity.name}.{place}: the expression {written!r} cannot be "
                f"evaluated: {str(error).splitlines()[0]}. The file's columns are: {offered} (all of them text).",
                hint=hint,
            ) from None


def _place(field: str) -> str:
    """Where retain.yml says a field."""
    return "deleted" if field == DELETED else f"fields.{field}"


def computes(mapping: Mapping, columns: list[str]) -> bool:
    """Whether an expression is more than a column: then it is evaluated once, and not each time that its value is looked at."""
    return (
        bool(mapping.group_by) or KEPT in columns or any(text not in columns for text in mapping.expressions.values())
    )
