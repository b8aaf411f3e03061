"""The columns of a field in the gate: its text, or its value, beside the text wherever the value does not say all of it."""

from psycopg import sql

from retain.entities import Field
from retain.records import sent_name

# What a text must look like, beyond casting. PostgreSQL also takes 'now', 'infinity', NaN, 0x1F and 1_000, which no shop means;
# 21.11.25 as a day of 2021; seconds since 1970 as some other day; and 1.3E+02, of which a spreadsheet has cut off the rest.
# First what almost every text looks like, which is tested at a tenth of the price of a whole pattern, then what else is meant.
NUMBER = (
    r"{sent} ~ '^[0-9.]+$'",
    r"{text} ~ '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE]-[0-9]{{1,2}})?$'",
)
DIGITS = """{sent} collate "C" < 'A'"""  # a third of that, and enough where the source's own type says the rest
MOMENT = (
    r"{sent} like '____-__-__%'",
    r"{text} ~ '^[0-9]' and ({text} ~ '(^|[^0-9])[0-9]{{4}}([^0-9]|$)' or {text} ~ '^([0-9]{{8}}|[0-9]{{14}})([^0-9]|$)')",
)
BOOLEAN = ("{sent} in ('t', 'f', 'true', 'false', '1', '0')", "true")
SHAPES = {"boolean": BOOLEAN, "timestamp": MOMENT, "date": MOMENT}

# As nullif(btrim(x), ''), at a third of its price where there is nothing to trim: what begins with a space or is empty comes
# before '!' by its bytes.
TRIMMED = """case when {0} collate "C" < '!' or {0} like '% ' then nullif(btrim({0}), '') else {0} end"""


def cast_columns(name: str, field: Field, trusting: bool, is_exact: bool) -> sql.Composable:
    """Of a text, a text field trimmed, empty as null; any other as its value, null where it is none, beside `<name>_sent`.

    `trusting`: what looks right is cast without asking first, and may raise. `is_exact`: the source can only send plain
    digits, or NaN.
    """
    column, target = sql.Identifier(name), sql.SQL(field.sql_type)
    if field.type == "text":
        return sql.SQL("{} as {}").format(sql.SQL(TRIMMED).format(column), column)
    usual, else_meant = SHAPES.get(field.type, NUMBER)
    usual = DIGITS if is_exact else usual
    text = sql.SQL("nullif(btrim({}), '')").format(column)
    return sql.SQL(
        "case when {valid}{usual} then {sent}::{target} "
        "when pg_input_is_valid({text}, {type}) and {else_meant} then {text}::{target} end as {sent}, {sent} as {kept_in}"
    ).format(
        valid=sql.SQL("" if trusting else "pg_input_is_valid({}, {}) and ").format(column, sql.Literal(field.sql_type)),
        usual=sql.SQL(usual).format(sent=column),
        sent=column,
        target=target,
        text=text,
        type=sql.Literal(field.sql_type),
        else_meant=sql.SQL(else_meant).format(text=text),
        kept_in=sql.Identifier(sent_name(name)),
    )


def kept_columns(name: str, field: Field, is_exact: bool) -> sql.Composable:
    """The columns that the gate keeps of what `cast_columns` made.

    A text that came is kept where its value does not say all of it: it is no value, or has an exponent or more decimals
    than are kept. Beside all others it is null, because to write every amount twice is a third of a gate's time.
    """
    column, sent = sql.Identifier(name), sql.Identifier(sent_name(name))
    if field.type == "text":
        return column
    says_all = sql.SQL("{} is not null").format(column)
    if field.scale is not None and not is_exact:
        says_all += sql.SQL(  # what has an exponent has a minus before it
            " and {0} not like {1} and ({0} not like '%_-%' or {0} not like '%e%' and {0} not like '%E%')"
        ).format(sent, sql.Literal("%." + "_" * (field.scale + 1) + "%"))
    return sql.SQL("{}, case when {} then null else {} end as {}").format(
        column, says_all, sql.SQL(TRIMMED).format(sent), sent
    )
