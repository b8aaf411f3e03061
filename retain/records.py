"""How a record is recognised, in SQL: its key, the day it belongs to, and the version of it that was sent."""

from psycopg import sql

from retain.entities import ENTITIES, NAMING_SOMEBODY, Entity, Field, FieldType

# The field that says on which business day a record happened. Products and order lines have no moment of their own.
DAY_FIELDS = {
    "exchange_rates": "rate_on",
    "customers": "registered_at",
    "orders": "ordered_at",
    "returns": "returned_at",
    "tickets": "opened_at",
    "feedback": "answered_at",
    "loyalty_entries": "entered_at",
    "payments": "happened_at",
    "sends": "happened_at",
    "visits": "happened_at",
    "traffic": "day_on",
}

# By which columns rules and publishing look up other tables: the planner must know these, and analyzing is not free.
LOOKED_UP = {
    "exchange_rates": ("source", "currency", "rate_on"),
    "customers": ("source", "customer_id"),
    "products": ("source", "product_id"),
    "orders": ("source", "order_id", "customer_id", "currency"),
    "order_items": ("source", "order_id", "line_id", "product_id"),
    "returns": ("source", "return_id", "order_id", "line_id"),
    "acquisition_costs": ("source", "channel", "month_on", "currency"),
    "business_changes": ("source", "change_id", "touched_value"),
    "experiment_assignments": ("source", "experiment_id", "customer_id"),
    "traffic": ("source", "day_on", "channel", "origin"),
    **{name: ("source", *ENTITIES[name].key, "customer_source") for name in NAMING_SOMEBODY},
    "phone_numbers": ("phone",),
}

WORDS: dict[FieldType, str] = {
    "money": "an amount of money",
    "numeric": "a number",
    "rate": "an exchange rate",
    "timestamp": "a moment",
    "date": "a day",
    "boolean": "yes or no",
}


def column(alias: str, name: str) -> sql.Composed:
    return sql.SQL("{}.{}").format(sql.SQL(alias), sql.Identifier(name))


def keys_of(entity: Entity, alias: str) -> sql.Composed:
    """The columns of the key, separated by commas."""
    return sql.SQL(", ").join(column(alias, name) for name in entity.key)


def same_key(entity: Entity, one: str, other: str) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(column(one, name), column(other, name)) for name in entity.key
    )


def key_values(entity: Entity, alias: str) -> sql.Composed:
    """The key as text[], null when a part of it is missing or could not be read: such a row is no version of any record."""
    return sql.SQL("case when {} then array[{}] end").format(
        sql.SQL(" and ").join(sql.SQL("{} is not null").format(column(alias, name)) for name in entity.key),
        sql.SQL(", ").join(sql.SQL("{}::text").format(column(alias, name)) for name in entity.key),
    )


def key_text(entity: Entity, alias: str) -> sql.Composed:
    """The key as a person reads it, as much of it as there is."""
    return sql.SQL("concat_ws('/', {})").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(column(alias, name)) for name in entity.key)
    )


def day_of(entity: Entity, alias: str, timezone: str) -> sql.Composed:
    """The business day of a record; null for an entity that has none."""
    name = DAY_FIELDS.get(entity.name)
    if name is None:
        return sql.SQL("null::date").format()
    if entity.fields[name].type == "date":
        return column(alias, name)
    return sql.SQL("({} at time zone {})::date").format(column(alias, name), sql.Literal(timezone))


def version_of(entity: Entity, alias: str) -> sql.Composed:
    """A fingerprint of what was sent of a row of the gate: the same record gives the same, in any load and any session.

    A line that could not be read has no fields to tell it by, so its file is part of it.
    """
    sent = [
        sql.SQL("{}, {}").format(sql.Literal(name), said(name, field, alias)) for name, field in entity.fields.items()
    ]
    return sql.SQL(
        "md5(jsonb_strip_nulls(jsonb_build_object({sent}, '_problem', {alias}._problem, "
        "'_file', case when {alias}._problem is not null then {alias}._file end))::text)"
    ).format(sent=sql.SQL(", ").join(sent), alias=sql.SQL(alias))


def said(name: str, field: Field, alias: str) -> sql.Composed:
    """What the source said in a field, as text: the text that came where it is kept, else the value in one way of writing."""
    value = column(alias, name)
    if field.type == "text":
        return value
    if field.type == "timestamp":
        value = sql.SQL("({} at time zone 'UTC')").format(value)
    elif field.scale is not None:
        value = sql.SQL("trim_scale({})").format(value)
    return sql.SQL("coalesce({}, {}::text)").format(column(alias, sent_name(name)), value)


def unfit_values(entity: Entity, alias: str) -> sql.Composed:
    """What no rule may waive, as a text[] of sentences: values that do not cast, and fields that raw must have."""
    found = [
        sql.SQL("case when {0}._problem is not null then 'the record could not be read' end").format(sql.SQL(alias))
    ]
    for name, field in entity.fields.items():
        if field.type != "text":
            found.append(
                sql.SQL("case when {} is not null and {} is null then {} end").format(
                    column(alias, sent_name(name)),
                    column(alias, name),
                    sql.Literal(f"{name} cannot be read as {WORDS[field.type]}"),
                )
            )
        if field.required:
            found.append(
                sql.SQL("case when {} is null then {} end").format(
                    said(name, field, alias), sql.Literal(f"{name} is missing")
                )
            )
    return sql.SQL("array_remove(array[{}]::text[], null)").format(sql.SQL(", ").join(found))


def sent_name(field: str) -> str:
    """The column of the gate that holds a typed field as the text that came, where its value does not say all of it."""
    return f"{field}_sent"
