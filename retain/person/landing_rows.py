"""The rows of landing that are somebody's: found by what they say when they are mapped, and left with what identifies nobody.

A row of an erased person keeps its place, its number and what Retain reads of it (amounts, days, channels), with pseudonyms;
everything else that was sent is emptied. So a load adds up, a replay gives the same bytes, and nothing of the person is there.
"""

from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import NAMING_SOMEBODY
from retain.guarded import FAILED, counts, guarded_condition, guarded_value
from retain.landing import landing_table
from retain.mapping import (
    KEPT,
    Mapping,
    check_expressions,
    expression_of,
    grouping,
    landed_columns,
    rows_that_count,
    set_source_clock,
    source_rows,
)
from retain.person.identifiers import (
    CONTACTS,
    CUSTOMER_ID,
    ORDER_ID,
    digest,
    make_spelled,
    normal,
    replaced,
    spell,
)
from retain.person.merged import MERGED, digests_of, renamed
from retain.records import DAY_FIELDS

ACCOUNT_SOURCE: LiteralString = "customer_source"  # the field that names the source of the account, where it is another
ORDER_SOURCE: LiteralString = "order_source"  # likewise of the order
OF_A_PERSON = {  # entity: the fields by which its rows are somebody's, and the one that says since when
    "customers": ((CUSTOMER_ID, *CONTACTS), "registered_at"),
    "orders": ((CUSTOMER_ID, *CONTACTS), "ordered_at"),
    "order_items": ((ORDER_ID,), None),
    "returns": ((ORDER_ID,), None),
    "business_changes": (("touched_value",), None),
    "experiment_assignments": ((CUSTOMER_ID,), None),
    **{name: ((CUSTOMER_ID, *CONTACTS), DAY_FIELDS[name]) for name in NAMING_SOMEBODY},
    "payments": ((CUSTOMER_ID, *CONTACTS, ORDER_ID), DAY_FIELDS["payments"]),
}
ALSO_SAID = {
    "customers": MERGED,
    "orders": (ORDER_ID,),
    "business_changes": ("touched",),
    **dict.fromkeys(NAMING_SOMEBODY, (ACCOUNT_SOURCE,)),
    "payments": (ACCOUNT_SOURCE, ORDER_SOURCE),
}
EMPTIED = ("full_name", "city", "reason")  # names, places and free text, which no mart adds up
OWN_COLUMNS = ("_file", "_line", "_problem", KEPT)


@dataclass(frozen=True)
class Known:
    """The tables of whom to look for: `identifiers` as ops.erased_identifiers, `orders` as ops.erased_orders."""

    identifiers: sql.Identifier
    orders: sql.Identifier


def find_rows(
    connection: psycopg.Connection[Any], settings: Settings, mapping: Mapping, known: Known, load_id: int | None = None
) -> int:
    """Make pg_temp.theirs: the rows of landing (of one load, or of all) that are of the people in `known`, and what they say.

    An account is known by its number. By an e-mail, phone or card alone a row is somebody's if it is not younger than the
    erasure: who comes back afterwards is a new customer.
    """
    fields, since = OF_A_PERSON[mapping.entity.name]
    said = [*fields, *([since] if since else []), *ALSO_SAID.get(mapping.entity.name, ())]
    map_landed(connection, settings, mapping, said, load_id)
    matches = {}
    for field in fields:
        kind = CUSTOMER_ID if field == "touched_value" else field
        value = sql.SQL("said.{}").format(sql.Identifier(field))
        of = _of(mapping, ORDER_SOURCE) if kind == ORDER_ID else _of(mapping, ACCOUNT_SOURCE)
        matches[field] = sql.SQL("{} in (select digest from {} where kind = {} and recognises)").format(
            digest(kind, normal(kind, value, settings, of)), known.identifiers, sql.Literal(kind)
        )
    if "touched_value" in matches:
        matches["touched_value"] += sql.SQL(" and said.touched = 'customer'")
    if ORDER_ID in matches:
        matches["an order"] = sql.SQL("({}, said.order_id) in (select source, order_id from {})").format(
            _of(mapping, ORDER_SOURCE), known.orders
        )
    conditions = [condition for field, condition in matches.items() if field not in CONTACTS]
    conditions += [
        sql.SQL("{} and {} and {}").format(
            condition, _is_nobody_elses(mapping), _is_as_old(settings, mapping, field, since, known)
        )
        for field, condition in matches.items()
        if field in CONTACTS and since is not None
    ]
    if mapping.entity.name == "customers":  # one that theirs was merged into, or the other way round
        conditions.append(
            sql.SQL(
                "exists (select 1 from {} as one where kind = {} and recognises and digest = any({})) and {}"
            ).format(
                known.identifiers,
                sql.Literal(CUSTOMER_ID),
                digests_of("said", settings, sql.Literal(mapping.source)),
                _is_nobody_elses(mapping),
            )
        )
    connection.execute("drop table if exists pg_temp.theirs")
    return connection.execute(
        sql.SQL("create temporary table theirs on commit drop as select * from pg_temp.said where {}").format(
            sql.SQL(" or ").join(sql.SQL("({})").format(condition) for condition in conditions)
        )
    ).rowcount


def map_landed(
    connection: psycopg.Connection[Any],
    settings: Settings,
    mapping: Mapping,
    fields: list[str],
    load_id: int | None = None,
) -> None:
    """Make pg_temp.said: what the rows of landing (of one load, or of all) say in some fields, but those of who was erased."""
    columns = landed_columns(connection, mapping)
    check_expressions(connection, mapping, columns)
    set_source_clock(connection, settings, mapping.source)
    selection = sql.SQL("true") if load_id is None else sql.SQL("_load_id = {}").format(sql.Literal(load_id))
    if KEPT in columns:
        selection += sql.SQL(" and {} is null").format(sql.Identifier(KEPT))
    _map(connection, mapping, columns, fields, selection, "said")
    make_spelled(connection)
    if "phone" in fields:
        spell(connection, settings, sql.SQL("select phone from pg_temp.said"))


def _is_nobody_elses(mapping: Mapping) -> sql.Composed:
    """That a row which names somebody's e-mail, phone or card is not of an account that is another's."""
    if mapping.entity.name == "orders":
        return sql.SQL("nullif(btrim(said.customer_id), '') is null").format()
    return sql.SQL(
        "not exists (select 1 from raw.customers as known where known.source = {} and known.customer_id = said.customer_id)"
    ).format(_of(mapping, ACCOUNT_SOURCE))


def account_source(mapping: Mapping) -> sql.Composable:
    """The source whose account a row of pg_temp.said names."""
    return _of(mapping, ACCOUNT_SOURCE)


def _of(mapping: Mapping, source_field: str) -> sql.Composable:
    """The source whose account, or whose order, a row names: the one said in `source_field`, or its own."""
    own = sql.Literal(mapping.source)
    if source_field not in mapping.entity.fields:
        return own
    said = sql.Identifier("said", source_field)
    return sql.SQL("coalesce(nullif(btrim({}), ''), {}::text)").format(said, own)


def _is_as_old(settings: Settings, mapping: Mapping, field: str, since: str, known: Known) -> sql.Composed:
    moment = sql.SQL("said.{}").format(sql.Identifier(since))
    value = sql.SQL("said.{}").format(sql.Identifier(field))
    return sql.SQL(
        "(case when pg_input_is_valid({moment}, 'timestamptz') then ({moment})::timestamptz < (select max(sought.erased_at) "
        "from {known} as sought where sought.kind = {kind} and sought.digest = {digest}) else true end)"
    ).format(
        moment=moment,
        known=known.identifiers,
        kind=sql.Literal(field),
        digest=digest(field, normal(field, value, settings, sql.Literal(mapping.source))),
    )


def _map(
    connection: psycopg.Connection[Any],
    mapping: Mapping,
    columns: list[str],
    fields: list[str],
    selection: sql.Composable,
    name: str,
) -> None:
    """Make pg_temp.<name>: landed rows (several, where they are grouped to one record) and their fields, as text."""
    where = rows_that_count(mapping, columns)
    connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("pg_temp", name)))
    for is_guarded in (False, True):
        values = [
            guarded_value(connection, mapping, columns, field)
            if is_guarded and field in mapping.expressions
            else expression_of(mapping, field, columns)
            for field in fields
        ]
        if where is not None and is_guarded:
            where = counts(guarded_condition(connection, mapping, columns, "landed"))
        parts = [
            sql.SQL(
                "select {rows} as rows, {counts} as counts, {values} from ({landed}) as landed where {selection} and {where}{group}"
            ).format(
                rows=sql.SQL("array_agg(_row)" if mapping.group_by else "array[_row]"),
                counts=sql.Literal(is_counted),
                values=sql.SQL(", ").join(
                    sql.SQL("{} as {}").format(value, sql.Identifier(field))
                    for field, value in zip(fields, values, strict=True)
                ),
                landed=source_rows(mapping, columns),
                selection=selection,
                where=sql.SQL("true")
                if where is None
                else sql.SQL("({}) is {}").format(where, sql.SQL("true" if is_counted else "not true")),
                group=sql.SQL(" group by {}").format(grouping(mapping, columns)) if mapping.group_by else sql.SQL(""),
            )
            for is_counted in ((True,) if where is None else (True, False))
        ]
        try:
            with connection.transaction():
                connection.execute(
                    sql.SQL("create temporary table {} on commit drop as {}").format(
                        sql.Identifier(name), sql.SQL(" union all ").join(parts)
                    )
                )
                break
        except psycopg.DataError:  # an expression that raised on some row: then row by row, where it leaves a mark
            if is_guarded:
                raise


def empty_rows(
    connection: psycopg.Connection[Any], settings: Settings, mapping: Mapping, known: Known, load_id: int | None = None
) -> int:
    """Leave of the rows in pg_temp.theirs (of one load, or of all) what identifies nobody; returns how many there were."""
    of_load = sql.SQL("true") if load_id is None else sql.SQL("_load_id = {}").format(sql.Literal(load_id))
    table = landing_table(mapping.source, mapping.entity.name)
    columns = landed_columns(connection, mapping)
    _map(
        connection,
        mapping,
        columns,
        mapping.read,
        sql.SQL("{} and _row in (select unnest(rows) from pg_temp.theirs)").format(of_load),
        "emptied",
    )
    if "phone" in mapping.entity.fields:
        spell(connection, settings, sql.SQL("select phone from pg_temp.emptied"))
    kept = [
        sql.SQL("{}, {}").format(sql.Literal(field), _kept_of(settings, mapping, field, known))
        for field in mapping.read
        if field not in EMPTIED
    ]
    if KEPT not in columns:
        connection.execute(sql.SQL("alter table {} add column {} text").format(table, sql.Identifier(KEPT)))
    within_records = (*OWN_COLUMNS, *mapping.paths)  # values of `_record`, and no columns of the table
    gone = [sql.SQL("{} = null").format(sql.Identifier(name)) for name in columns if name not in within_records]
    return connection.execute(
        sql.SQL(
            "update {table} as landed set {assignments} from (select unnest(rows) as row_number, "
            "case when counts then jsonb_strip_nulls(jsonb_build_object({kept}))::text else '{{}}' end as kept "
            "from pg_temp.emptied as said) as theirs where {of_load} and landed._row = theirs.row_number"
        ).format(
            table=table,
            of_load=of_load,
            assignments=sql.SQL(", ").join([*gone, sql.SQL("{} = theirs.kept").format(sql.Identifier(KEPT))]),
            kept=sql.SQL(", ").join(kept),
        )
    ).rowcount


def _kept_of(settings: Settings, mapping: Mapping, field: str, known: Known) -> sql.Composable:
    value = sql.SQL("said.{}").format(sql.Identifier(field))
    source = sql.Literal(mapping.source)
    if field in (CUSTOMER_ID, *CONTACTS):
        which = _time_of(settings, mapping, known) if field in CONTACTS else sql.SQL("")
        return replaced(field, value, settings, _of(mapping, ACCOUNT_SOURCE), known.identifiers, which)
    if field == ORDER_ID:
        stands = replaced(ORDER_ID, value, settings, _of(mapping, ORDER_SOURCE), known.identifiers)
        return sql.SQL("coalesce({}, {})").format(stands, value)
    if field in MERGED:
        return renamed(value, settings, source, known.identifiers)
    if field == "touched_value":
        return replaced(CUSTOMER_ID, value, settings, source, known.identifiers)
    return sql.SQL("case when {0} not like {1} then {0} end").format(value, sql.Literal(FAILED + "%"))


def _time_of(settings: Settings, mapping: Mapping, known: Known) -> sql.Composable:
    """Which pseudonym a row gets where somebody of an identifier was erased more than once: that of the erasure of the row's
    account; of one that names no account, that of the first erasure after it."""
    _, since = OF_A_PERSON[mapping.entity.name]
    number = sql.SQL("said.customer_id")
    account = sql.SQL(
        "(select account.erasure_id from {known} as account where account.kind = {kind} and account.digest = {digest})"
    ).format(
        known=known.identifiers,
        kind=sql.Literal(CUSTOMER_ID),
        digest=digest(CUSTOMER_ID, normal(CUSTOMER_ID, number, settings, _of(mapping, ACCOUNT_SOURCE))),
    )
    order = [sql.SQL("(sought.erasure_id is not distinct from {}) desc").format(account)]
    if since is not None:
        order.append(
            sql.SQL(
                "(case when pg_input_is_valid({0}, 'timestamptz') then ({0})::timestamptz < sought.erased_at else true end) desc"
            ).format(sql.SQL("said.{}").format(sql.Identifier(since)))
        )
    return sql.SQL(" order by {}, sought.erased_at limit 1").format(sql.SQL(", ").join(order))
