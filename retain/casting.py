"""The columns of a field in the gate: its text, or its value, beside the text wherever the value does not say all of it."""

from psycopg import sql

from retain.entities import Field
from retain.records import sent_name

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
BOOLEAN = ("{sent} in ('t', 'f', 'true', 'false', '1', '0')", "true")
SHAPES = {"boolean": BOOLEAN, "timestamp": MOMENT, "date": MOMENT}

# As nullif(btrim(x), ''), at a third of its price where there is nothing to trim: what begins with a space or is empty comes
# before '!' by its bytes.
TRIMMED = """case when {0} collate "C" < '!' or {0} like '% ' then nullif(btrim({0}), '') else {0} end"""


def typed_column(name: str, field: Field, is_mapped: bool, trusting: bool) -> sql.Composable:
    """A text field trimmed, empty as null; any other as its value, beside `<name>_sent`.

    `<name>_sent` is the text that came where it is more than the value: it did not cast, has more decimals than are kept, or
    is written in an unusual way. Beside all others it is null, because writing every amount twice is a third of a gate's time.
    `trusting`: what looks right is cast without asking first, and may raise.
    """
    column, target = sql.Identifier(name), sql.SQL(field.sql_type)
    if not is_mapped:
        empty = sql.SQL("null::{} as {}").format(target, column)
        return (
            empty
            if field.type == "text"
            else sql.SQL("{}, null::text as {}").format(empty, sql.Identifier(sent_name(name)))
        )
    text, kept = sql.SQL("nullif(btrim({}), '')").format(column), sql.SQL(TRIMMED).format(column)
    if field.type == "text":
        return sql.SQL("{} as {}").format(kept, column)
    usual, else_meant = SHAPES.get(field.type, NUMBER)
    looks_right = sql.SQL(usual).format(sent=column)
    if not trusting:
        looks_right = sql.SQL("pg_input_is_valid({}, {}) and {}").format(
            column, sql.Literal(field.sql_type), looks_right
        )
    says_all = looks_right
    if field.scale is not None:
        says_all += sql.SQL(" and {} not like {}").format(column, sql.Literal("%." + "_" * (field.scale + 1) + "%"))
    return sql.SQL(
        "case when {looks_right} then {sent}::{target} "
        "when pg_input_is_valid({text}, {type}) and {else_meant} then {text}::{target} end as {sent}, "
        "case when {says_all} then null else {kept} end as {kept_in}"
    ).format(
        looks_right=looks_right,
        sent=column,
        target=target,
        text=text,
        type=sql.Literal(field.sql_type),
        else_meant=sql.SQL(else_meant).format(text=text),
        says_all=says_all,
        kept=kept,
        kept_in=sql.Identifier(sent_name(name)),
    )
