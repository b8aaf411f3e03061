"""What is measured of the rows of a load: one select a measure, over pg_temp.profiled, each of (day, name, subject, n, x, xx)."""

from dataclasses import dataclass
from datetime import date, timedelta

from psycopg import sql

from retain.entities import NAMING_SOMEBODY, Entity
from retain.records import DAY_FIELDS

# Fields with few values, whose shares say something.
KINDS = {
    "orders": ("status", "currency", "channel", "store", "region", "is_test"),
    "customers": ("country", "region", "channel", "tier", "accepts_marketing", "is_closed"),
    "products": ("category", "currency", "is_gift_card"),
    "returns": ("reason",),
    "tickets": ("status", "channel", "topic", "priority"),
    "feedback": ("kind", "survey", "score", "channel"),
    "loyalty_entries": ("kind", "status"),
    "payments": ("kind", "status", "currency", "method"),
    "sends": ("channel", "campaign"),
    "visits": ("channel", "device", "region"),
    "traffic": ("channel", "currency"),
}
IDENTITIES = {
    "orders": ("customer_id", "email", "phone"),
    "customers": ("email", "phone"),
    "order_items": ("product_id",),
    # of visits few say whose they are
    **dict.fromkeys((name for name in NAMING_SOMEBODY if name != "visits"), ("customer_id", "email", "phone")),
}
LONGEST_VALUE = 40


@dataclass(frozen=True)
class Measure:
    """Of `n` rows of a day: of how many something is true, or the sum of something, and the sum of its squares."""

    day: date
    name: str
    subject: str
    n: int
    x: float
    xx: float = 0.0


@dataclass(frozen=True)
class Measured:
    """The load that is measured: what its source maps, in which zone its days are cut, and the business day of the load.

    `since`: the first day that is measured. `is_whole`: the load brings every record anew (the first one, or one after
    the mapping changed), so that records which raw knows are measured too.
    """

    load_id: int
    source: str
    entity: Entity
    fields: frozenset[str]
    timezone: str
    today: date
    days: int
    rows: int
    is_whole: bool

    @property
    def moment(self) -> str | None:
        """The field by whose day the records count; None for the day of the load."""
        field = DAY_FIELDS.get(self.entity.name)
        return field if field in self.fields.intersection(self.entity.of_type("timestamp")) else None


def selects(load: Measured) -> list[sql.Composable]:
    return [
        _empty(load),
        *_amounts(load),
        *map(_kind, _mapped(load, KINDS)),
        _shape(load.entity.key[0]),
        *map(_top, _mapped(load, IDENTITIES)),
        *_hours(load),
    ]


def midnight(load: Measured, day: date) -> sql.Composed:
    return sql.SQL("({}::timestamp at time zone {})").format(sql.Literal(day.isoformat()), sql.Literal(load.timezone))


def _mapped(load: Measured, fields: dict[str, tuple[str, ...]]) -> list[str]:
    return [name for name in fields.get(load.entity.name, ()) if name in load.fields]


def _empty(load: Measured) -> sql.Composed:
    fields = [name for name, field in load.entity.fields.items() if name in load.fields and not field.required]
    if not fields:
        return sql.SQL("select null::date, '', '', 0, 0, 0 where false").format()
    counts = sql.SQL(", ").join(
        sql.SQL("count({}) as {}").format(sql.Identifier(name), sql.Identifier(name)) for name in fields
    )
    values = sql.SQL(", ").join(
        sql.SQL("({}, n - {})").format(sql.Literal(name), sql.Identifier(name)) for name in fields
    )
    return sql.SQL(
        "select day, 'empty', subject, n, x, 0 from (select day, count(*) as n, {} from profiled where is_new group by day) as counted, "
        "lateral (values {}) as v (subject, x)"
    ).format(counts, values)


def _amounts(load: Measured) -> list[sql.Composed]:
    """How large amounts are together, by the mean of their logarithm, per currency; how many are 0; how many have decimals."""
    fields = [name for name in load.entity.of_type("money", "numeric") if name in load.fields]
    if not fields:
        return []
    by_currency = "currency" in load.fields and "currency" in load.entity.fields
    currency = sql.SQL("coalesce(currency, '')" if by_currency else "''")
    selects = []
    for name in fields:
        value, subject = sql.Identifier(name), sql.SQL("btrim({} || ' ' || currency)").format(sql.Literal(name))
        selects.append(
            sql.SQL(
                "select day, name, {subject}, n, x, xx from (select day, {currency} as currency, count(*) filter (where {v} > 0) as above, "
                "sum(ln({v}::float8)) filter (where {v} > 0) as s, sum(ln({v}::float8) ^ 2) filter (where {v} > 0) as ss, "
                "count({v}) as there, count(*) filter (where {v} = 0) as zero, count(*) filter (where {v} <> trunc({v})) as broken "
                "from profiled where is_new group by 1, 2) as summed, lateral (values ('amount', above, s, ss), "
                "('zero', there, zero, 0), ('decimals', there, broken, 0)) as v (name, n, x, xx)"
            ).format(subject=subject, currency=currency, v=value)
        )
    return selects


def _hours(load: Measured) -> list[sql.Composed]:
    """When things happened and were changed, by the shop's clock: the mean hour, and how much of it in the night; and of
    records without a moment of their own, how many changed of late."""
    selects = []
    for field in filter(None, (load.moment, "changed_at" if "changed_at" in load.fields else None)):
        selects.append(
            sql.SQL(
                "select day, 'hour', {name}, count(*), sum(hour), sum(hour * hour) from (select day, "
                "extract(epoch from ({field} at time zone {zone})::time)::float8 / 3600 as hour from profiled "
                "where is_new and {field} is not null) as timed group by day"
            ).format(name=sql.Literal(field), field=sql.Identifier(field), zone=sql.Literal(load.timezone))
        )
    if load.moment:
        selects.append(
            sql.SQL(
                "select day, 'share', 'the time of day=' || case when extract(hour from {field} at time zone {zone}) < 6 "
                "then 'night' else 'day' end, count(*), count(*), 0 from profiled where is_new group by 1, 3"
            ).format(field=sql.Identifier(load.moment), zone=sql.Literal(load.timezone))
        )
    elif "changed_at" in load.fields:
        selects.append(
            sql.SQL(
                "select day, 'touched', '', count(*), count(*) filter (where changed_at >= {since}), 0 from profiled group by day"
            ).format(since=midnight(load, load.today - timedelta(days=2)))
        )
    return selects


def _kind(field: str) -> sql.Composed:
    return sql.SQL(
        "select day, 'share', {name} || '=' || left({field}::text, {longest}), count(*), count(*), 0 "
        "from profiled where is_new and {field} is not null group by day, 3"
    ).format(name=sql.Literal(field), field=sql.Identifier(field), longest=sql.Literal(LONGEST_VALUE))


def _shape(key: str) -> sql.Composed:
    """Keys without their digits: what is before and between the numbers. Never more than a few letters of it."""
    return sql.SQL(
        "select day, 'share', {name} || '=' || left(translate({key}::text, '0123456789', ''), 4), count(*), count(*), 0 "
        "from profiled where is_new and {key} is not null group by day, 3"
    ).format(name=sql.Literal(f"the letters of {key}"), key=sql.Identifier(key))


def _top(field: str) -> sql.Composed:
    return sql.SQL(
        "select day, 'top', {name}, sum(n), max(n), 0 from (select day, count(*) as n from profiled "
        "where is_new and {field} is not null group by day, {field}) as counted group by day"
    ).format(name=sql.Literal(field), field=sql.Identifier(field))
