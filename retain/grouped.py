"""What a group of rows says in a field that is no more than one of its columns: the rows agree, or which of them counts is told."""

from collections.abc import Callable, Mapping

from psycopg import sql

from retain.casting import TRIMMED
from retain.entities import Entity

# Whose an order is, whether it counts and in which money is no matter of which of its rows comes first in the alphabet.
AGREED = {"orders": ("customer_id", "email", "phone", "loyalty_card", "status", "currency")}
# As ISO 8601 moments sort by their texts, which others do not: 12/31/2010 is no later than 1/1/2011. What is no moment with a
# year of four digits stays as it came, before all others, so that the gate finds it.
SORTED = (
    "case when {0} like '____-__-__%' then {0} "
    "when {0} ~ '(^|[^0-9])[0-9]{{4}}([^0-9]|$)' and pg_input_is_valid({0}, 'timestamptz') "
    "then to_char(({0})::timestamptz, 'YYYY-MM-DD HH24:MI:SS.USTZH:TZM') else ' ' || {0} end"
)


def value(entity: Entity, field: str, column: str) -> sql.Composed:
    """The smallest of what the rows have that have something: of moments the earliest, the same in every order of the rows."""
    filled = _filled(column)
    kind = entity.fields[field].type if field in entity.fields else "text"
    return sql.SQL("min({})").format(sql.SQL(SORTED).format(filled) if kind in ("timestamp", "date") else filled)


def disagreements(
    entity: Entity, expressions: Mapping[str, str], is_summed_up: Callable[[str], bool]
) -> list[sql.Composable]:
    """A sentence, or null, for each field of a group that must be the same in all rows that have it. None is about a value: it
    may be a person's."""
    return [
        sql.SQL("case when min({0}) <> max({0}) then {1} end").format(
            _filled(expressions[field]),
            sql.Literal(
                f"{field}: the rows that group_by puts together have different values; group by it too, or say which counts, "
                f'as in min("{expressions[field]}")'
            ),
        )
        for field in AGREED.get(entity.name, ())
        if field in expressions and is_summed_up(expressions[field])
    ]


def _filled(column: str) -> sql.Composed:
    return sql.SQL("(" + TRIMMED + ")").format(sql.Identifier(column))
