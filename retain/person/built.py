"""The person's rows in what was built from raw: put right in place, as the next build will make them."""

from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from retain.person.finding import Person
from retain.person.identifiers import CUSTOMER_ID, ORDER_ID
from retain.relations import exists, tables_of

Touched = dict[str, int]  # table: rows
BUILT = ("intermediate", "marts", "forecast", "outreach")
LISTS = (
    "marts.win_back_candidates",
    "outreach.win_back_list",
    "outreach.win_back_accounts",
    "outreach.win_back_identifiers",
)
# What a build derives from an identity, beside the texts and keys that are looked for in every column.
TEXTS = """
create temporary table texts on commit drop as
select old, min(new) as new from (
    select normal as old, split_part(normal, ':', 1) || ':' || pseudonym as new from pg_temp.sought
    where kind in ('customer_id', 'order_id') and pseudonym is not null
    union all
    select 'merged:' || normal, 'merged:' || split_part(normal, ':', 1) || ':' || pseudonym from pg_temp.sought
    where kind = 'customer_id' and pseudonym is not null
    union all
    select kind || ':' || normal, kind || ':' || pseudonym from pg_temp.sought
    where kind in ('email', 'phone', 'loyalty_card') and pseudonym is not null
    union all
    select split_part(normal, ':', 1) || ':order:' || substr(normal, strpos(normal, ':') + 1),
        split_part(normal, ':', 1) || ':order:' || pseudonym
    from pg_temp.sought where kind = 'order_id'
    union all
    select sought.normal || ':' || items.line_id, items.source || ':' || items.order_id || ':' || items.line_id
    from pg_temp.sought as sought
    join raw.order_items as items on items.source = split_part(sought.normal, ':', 1) and items.order_id = sought.pseudonym
    where sought.kind = 'order_id'
) as pairs
group by old;
create unique index on pg_temp.texts (old);
create temporary table keys on commit drop as
select md5(old)::uuid as old, md5(new)::uuid as new from pg_temp.texts where md5(old)::uuid <> %(old)s;
insert into pg_temp.keys values (%(old)s, %(new)s);
create temporary table own on commit drop as
select split_part(normal, ':', 1) as source, kind as named, substr(normal, strpos(normal, ':') + 1) as old, pseudonym as new
from pg_temp.sought where kind in ('customer_id', 'order_id')
union all
select split_part(normal, ':', 1), 'identity_reference', 'account:' || substr(normal, strpos(normal, ':') + 1), 'account:' || pseudonym
from pg_temp.sought where kind = 'customer_id';
"""
GUESTS = """
insert into pg_temp.own
select distinct orders.source, 'identity_reference', orders.identity_reference,
    'guest:' || coalesce({email}, '') || '|' || coalesce({phone}, '') || coalesce('|' || {loyalty_card}, '')
from intermediate.int_orders_dated as orders
join pg_temp.their_orders as ours on ours.source = orders.source and ours.order_id = orders.order_id
where orders.customer_id is null and orders.identity_reference is not null
"""


def name_what_was_built(connection: psycopg.Connection[Any], person: Person, new_key: UUID) -> None:
    """Make pg_temp.texts, keys and own: what stands for the person in tables that dbt built, and what will."""
    for statement in TEXTS.split(";\n"):
        if statement.strip():
            connection.execute(
                statement.encode(), {"old": person.customer_key, "new": new_key} if "%(" in statement else None
            )
    columns = {"email": "email", "phone": "e164", "loyalty_card": "loyalty_card"}
    stands = {
        kind: sql.SQL(
            "(select coalesce(one.pseudonym, one.normal) from pg_temp.sought as one where one.kind = {} and one.normal = orders.{})"
        ).format(sql.Literal(kind), sql.Identifier(column))
        for kind, column in columns.items()
    }
    connection.execute(sql.SQL(GUESTS).format(**stands))


def erase_from_built(connection: psycopg.Connection[Any], person: Person) -> Touched:
    """Every table of intermediate, marts, forecast and outreach; the person leaves the list of those to win back."""
    touched: Touched = {}
    for table in LISTS:
        if exists(connection, table):
            touched[table] = connection.execute(
                sql.SQL("delete from {} where customer_key = %s").format(sql.Identifier(*table.split("."))),
                [person.customer_key],
            ).rowcount
    for schema, name, columns in tables_of(connection, BUILT):
        rows = _replace_in(connection, schema, name, columns)
        touched[f"{schema}.{name}"] = touched.get(f"{schema}.{name}", 0) + rows
    return touched


def erase_from_words(connection: psycopg.Connection[Any], new_key: UUID) -> None:
    """What is neither key nor identifier: the words of returns, and what the log of joinings shows of an identifier."""
    for schema, table in (("intermediate", "int_returns"), ("marts", "fct_returns")):
        if exists(connection, f"{schema}.{table}"):
            connection.execute(
                sql.SQL(
                    "update {} set reason = null where reason is not null and order_key in "
                    "(select order_key from intermediate.int_orders where customer_key = %s)"
                ).format(sql.Identifier(schema, table)),
                [new_key],
            )
    connection.execute(
        "update intermediate.int_identity_merge_log as one set identifier_masked = case one.rule "
        "when 'email' then left(ours.pseudonym, 1) || '***(at)' || left(split_part(ours.pseudonym, '@', 2), 1) || '***' "
        "when 'phone' then left(ours.pseudonym, 4) || '***' || right(ours.pseudonym, 2) "
        "else '***' || right(ours.pseudonym, 2) end from pg_temp.sought as ours "
        "where ours.kind = one.rule and one.identifier_hash = md5(ours.kind || ':' || ours.pseudonym)::uuid"
    )
    if exists(connection, "marts.identity_merges"):
        connection.execute(
            "update marts.identity_merges as one set identifier_masked = log.identifier_masked "
            "from intermediate.int_identity_merge_log as log where log.customer_key = %s and log.event = one.event "
            "and log.rule = one.rule and log.source_id = one.source_id and log.joined_to_source_id = one.joined_to_source_id "
            "and log.logged_at = one.logged_at and log.build_id = one.build_id",
            [new_key],
        )


def _replace_in(connection: psycopg.Connection[Any], schema: str, table: str, columns: dict[str, str]) -> int:
    values: dict[str, sql.Composed] = {}
    conditions: list[sql.Composed] = []
    contacts = {"email": "email", "e164": "phone", "loyalty_card": "loyalty_card"}
    for name, kind in columns.items():
        one = sql.Identifier(name)
        if kind == "uuid":
            values[name] = sql.SQL("coalesce((select new from pg_temp.keys where old = one.{0}), one.{0})").format(one)
            conditions.append(sql.SQL("one.{} in (select old from pg_temp.keys)").format(one))
        elif name in (CUSTOMER_ID, ORDER_ID, "identity_reference") and "source" in columns:
            whose = sql.Identifier("order_source" if name == ORDER_ID and "order_source" in columns else "source")
            values[name] = sql.SQL(
                "coalesce((select min(new) from pg_temp.own where own.source = one.{2} and named = {1} and old = one.{0}), one.{0})"
            ).format(one, sql.Literal(name), whose)
            conditions.append(
                sql.SQL("(one.{2}, one.{0}) in (select source, old from pg_temp.own where named = {1})").format(
                    one, sql.Literal(name), whose
                )
            )
        elif name in contacts:
            known = sql.SQL("from pg_temp.sought where kind = {} and pseudonym is not null").format(
                sql.Literal(contacts[name])
            )
            values[name] = sql.SQL("coalesce((select pseudonym {1} and normal = one.{0}), one.{0})").format(one, known)
            conditions.append(sql.SQL("one.{} in (select normal {})").format(one, known))
        elif kind == "text":
            values[name] = sql.SQL("coalesce((select new from pg_temp.texts where old = one.{0}), one.{0})").format(one)
            conditions.append(sql.SQL("one.{} in (select old from pg_temp.texts)").format(one))
        elif kind == "text[]":
            values[name] = sql.SQL(
                "array(select coalesce(texts.new, said) from unnest(one.{0}) as members (said) "
                'left join pg_temp.texts on texts.old = said order by coalesce(texts.new, said) collate "C")'
            ).format(one)
            conditions.append(sql.SQL("one.{} && (select array_agg(old) from pg_temp.texts)").format(one))
        elif kind == "jsonb" and name == "groups":
            values[name] = sql.SQL(
                "(select jsonb_agg(coalesce(texts.new, said) order by place) from jsonb_array_elements_text(one.{0}) with ordinality "
                "as members (said, place) left join pg_temp.texts on texts.old = said)"
            ).format(one)
            conditions.append(sql.SQL("one.{} ?| (select array_agg(old) from pg_temp.texts)").format(one))
        elif name == "evidence":  # a fingerprint of what the identity gave: the next build makes a new one
            values[name] = sql.SQL(
                "case when one.source_id in (select old from pg_temp.texts) then null else one.{} end"
            ).format(one)
    if not conditions:
        return 0
    return connection.execute(
        sql.SQL("update {} as one set {} where {}").format(
            sql.Identifier(schema, table),
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in values.items()
            ),
            sql.SQL(" or ").join(conditions),
        )
    ).rowcount
