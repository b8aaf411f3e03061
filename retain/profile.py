"""What a load looks like: counts and sums by business day, kept in `ops.profiles`, from which later loads learn what is usual.

Everything that is kept can be added up: the loads of a day give the day. An entity with a moment of its own (orders, returns,
customers) is profiled by that day, on the records that are new in it, so that a first load of two years is two years of
history; products, rates and lines are profiled by the day on which they came. Of a large load a sample is measured.
"""

from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql

from retain.landing import gate_table
from retain.measures import Measure, Measured, midnight, selects

MOST_VALUES = 30  # a field with more values than this says nothing by their shares
SAMPLE_ROWS = 100_000
OLD_DAYS = 30
KEPT_DAYS = 430  # somewhat more than `gate.history_days` may be


def measure(connection: psycopg.Connection[Any], load: Measured) -> list[Measure]:
    """Measure the load in the gate. Its temporary tables end with the transaction."""
    since = _since(connection, load)
    if since is None:
        return []
    _sample(connection, load, since)
    query = sql.SQL(
        "select day, name, subject, n::bigint, x::float8, xx::float8 from ({}) as measured (day, name, subject, n, x, xx)"
    )
    found = connection.execute(query.format(sql.SQL(" union all ").join(selects(load)))).fetchall()
    measures = [Measure(*row) for row in found if row[3]] + _volumes(connection, load, since)
    connection.execute("drop table profiled")
    if load.entity.name == "order_items":
        measures += _bare_orders(connection, load)
    if load.entity.name == "returns":
        measures += _unmarked_orders(connection, load)
    return _without_many_values(measures)


def keep(connection: psycopg.Connection[Any], load: Measured, measures: list[Measure]) -> None:
    """Put the measures beside the load, in the place of earlier ones; forget what is too old to be compared with."""
    connection.execute("delete from ops.profiles where load_id = %s", [load.load_id])
    with connection.cursor().copy("copy ops.profiles (load_id, day, measure, subject, n, x, xx) from stdin") as copy:
        for one in measures:
            copy.write_row((load.load_id, one.day, one.name, one.subject, one.n, one.x, one.xx))
    connection.execute(
        "delete from ops.profiles using ops.loads where loads.load_id = profiles.load_id and loads.source = %s "
        "and loads.entity = %s and profiles.day < %s",
        [load.source, load.entity.name, load.today - timedelta(days=KEPT_DAYS)],
    )


def _since(connection: psycopg.Connection[Any], load: Measured) -> date | None:
    """The first day to measure: so many before the newest moment that is not in the future; None when there is none."""
    if load.moment is None:
        return load.today
    row = connection.execute(
        sql.SQL("select (max({moment}) at time zone {zone})::date from {gate} where {moment} < {end}").format(
            moment=sql.Identifier(load.moment),
            zone=sql.Literal(load.timezone),
            gate=gate_table(load.load_id),
            end=midnight(load, load.today + timedelta(days=1)),
        )
    ).fetchone()
    assert row is not None
    return None if row[0] is None else row[0] - timedelta(days=load.days)


def _is_new(load: Measured) -> sql.Composed:
    if load.is_whole:
        return sql.SQL("true").format()
    same = sql.SQL(" and ").join(
        sql.SQL("known.{0} = incoming.{0}").format(sql.Identifier(name)) for name in load.entity.key
    )
    return sql.SQL("not exists (select 1 from {} as known where known.source = {} and {})").format(
        sql.Identifier("raw", load.entity.name), sql.Literal(load.source), same
    )


def _within(load: Measured, since: date) -> sql.Composed:
    if load.moment is None:
        return sql.SQL("true").format()
    return sql.SQL("incoming.{0} >= {1} and incoming.{0} < {2}").format(
        sql.Identifier(load.moment), midnight(load, since), midnight(load, load.today + timedelta(days=1))
    )


def _day(load: Measured) -> sql.Composed:
    if load.moment is None:
        return sql.SQL("{}::date").format(sql.Literal(load.today.isoformat()))
    return sql.SQL("(incoming.{} at time zone {})::date").format(
        sql.Identifier(load.moment), sql.Literal(load.timezone)
    )


def _sample(connection: psycopg.Connection[Any], load: Measured, since: date) -> None:
    """The rows that are measured, as pg_temp.profiled: with their day, and whether raw does not know them."""
    names = [name for name in load.entity.fields if name in load.fields]
    connection.execute(
        sql.SQL(
            "create temporary table profiled on commit drop as select {names}, {day} as day, {is_new} as is_new "
            "from {gate} as incoming where row_number % {step} = 0 and {within}"
        ).format(
            names=sql.SQL(", ").join(sql.SQL("incoming.{}").format(sql.Identifier(name)) for name in names),
            day=_day(load),
            # A list that comes whole every night is measured whole.
            is_new=_is_new(load) if load.moment else sql.SQL("true"),
            gate=gate_table(load.load_id),
            step=sql.Literal(max(1, load.rows // SAMPLE_ROWS)),
            within=_within(load, since),
        )
    )


def _volumes(connection: psycopg.Connection[Any], load: Measured, since: date) -> list[Measure]:
    """Records by day, counted and not sampled; how many of the load's records raw knew, and how many are of long ago."""
    found: list[Measure] = []
    if load.moment:
        rows = connection.execute(
            sql.SQL("select {day}, count(*) from {gate} as incoming where {within} and {is_new} group by 1").format(
                day=_day(load), gate=gate_table(load.load_id), within=_within(load, since), is_new=_is_new(load)
            )
        )
        found += [Measure(day, "rows", "", count, count) for day, count in rows]
    if load.is_whole:
        return found
    old: sql.Composable = sql.SQL("false")
    if load.moment:
        old = sql.SQL("incoming.{} < {}").format(
            sql.Identifier(load.moment), midnight(load, load.today - timedelta(days=OLD_DAYS))
        )
    row = connection.execute(
        sql.SQL(
            "select count(*), count(*) filter (where not is_new), count(*) filter (where is_new and is_old) from "
            "(select {is_new} as is_new, {old} as is_old from {gate} as incoming where row_number % {step} = 0) as counted"
        ).format(
            is_new=_is_new(load),
            old=old,
            gate=gate_table(load.load_id),
            step=sql.Literal(max(1, load.rows // SAMPLE_ROWS)),
        )
    ).fetchone()
    assert row is not None
    rows_counted, known, old_rows = row
    found.append(Measure(load.today, "known", "", rows_counted, known))
    if load.moment and rows_counted > known:
        found.append(Measure(load.today, "old", "", rows_counted - known, old_rows))
    return found


def _bare_orders(connection: psycopg.Connection[Any], load: Measured) -> list[Measure]:
    """Of the orders that the last load of orders brought, those without a line, this load's lines counted."""
    row = connection.execute(
        sql.SQL(
            "with known as (select source, order_id from raw.orders where source = {source} and not is_deleted "
            "and _load_id = (select max(load_id) from ops.loads where source = {source} and entity = 'orders' "
            "and status = 'published' and kind in ('incremental', 'full') and rows_changed > 0)) "
            "select (select count(*) from known), (select count(*) from known where not exists (select 1 from raw.order_items as line "
            "where line.source = known.source and line.order_id = known.order_id) "
            "and not exists (select 1 from {gate} as line where line.order_id = known.order_id))"
        ).format(gate=gate_table(load.load_id), source=sql.Literal(load.source))
    ).fetchone()
    assert row is not None
    return [Measure(load.today, "bare", "", *row)] if row[0] else []


def _unmarked_orders(connection: psycopg.Connection[Any], load: Measured) -> list[Measure]:
    """Of the returns of a load, those whose order is not marked as refunded, wholly or in part."""
    row = connection.execute(
        sql.SQL(
            "select count(*), count(*) filter (where status not in ('refunded', 'partially_refunded')) from {gate} as incoming "
            "join raw.orders as known on known.source = {source} and known.order_id = incoming.order_id"
        ).format(gate=gate_table(load.load_id), source=sql.Literal(load.source))
    ).fetchone()
    assert row is not None
    return [Measure(load.today, "unmarked", "", *row)] if row[0] else []


def _without_many_values(measures: list[Measure]) -> list[Measure]:
    """Shares of fields with few values only: of a free text or a key of random letters nothing is usual."""
    values: dict[str, set[str]] = {}
    for one in measures:
        if one.name == "share":
            field, _, value = one.subject.partition("=")
            values.setdefault(field, set()).add(value)
    return [one for one in measures if one.name != "share" or len(values[one.subject.partition("=")[0]]) <= MOST_VALUES]
