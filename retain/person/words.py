"""What names the person in words: in rows of landing and history that are not theirs, and in the sentences of ops.

An e-mail address or a phone number says who it is wherever it stands. A card or the number of an account is a short text that may be
another's order number or amount as well: it goes only from where such an identifier stands.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.landing import landing_table
from retain.mapping import KEPT, Mapping, mapping_of
from retain.person.identifiers import CARD, CONTACTS, EMAIL, PHONE, normal
from retain.person.landing_rows import EMPTIED
from retain.person.searching import (
    STANDS,
    Names,
    columns_with_text,
    listed,
    pattern_of,
    replace_in_table,
    replace_in_tables,
)
from retain.relations import tables_of
from retain.sources.json_paths import path_of
from retain.sources.mentions import column_of, mentioned

OF_CUSTOMERS = ("customers", "experiment_assignments", "business_changes")
FREE_TEXT = (*EMPTIED, "topic", "title")  # what is read of a row and is neither a key, a day nor an amount
NEVER_WORDS = (KEPT, "_line")  # what landing keeps of somebody erased, and the number of a line
RECORD = "_record"
KNOWN_CARDS = "select normal from pg_temp.sought where kind = 'loyalty_card' and recognises and pseudonym is not null"


def erase_from_words(connection: psycopg.Connection[Any], settings: Settings, names: Names) -> dict[str, int]:
    """Put `erased` in the place of what names the person in rows that are not theirs; returns the rows by table."""
    touched: dict[str, int] = {}
    for found in (
        _from_landing(connection, settings, names),
        _from_history(connection, settings, names),
        _from_ops(connection, names),
    ):
        for table, rows in found:
            touched[table] = touched.get(table, 0) + rows
    return touched


def erase_from_reasons(connection: psycopg.Connection[Any], mapping: Mapping, names: Names) -> None:
    """Why the rows in pg_temp.emptied_rows wait, and what was decided about them: it is of the person, so every code in it is, too."""
    numbers = [row[0] for row in connection.execute("select customer_id from pg_temp.accounts")]
    pattern = pattern_of((*names.said, *names.codes, *numbers))
    if pattern is None:
        return
    theirs = sql.SQL(
        "quarantine_id in (select quarantine_id from ops.quarantine as entry join pg_temp.emptied_rows using (row_number) "
        "where entry.source = {} and entry.entity = {})"
    ).format(sql.Literal(mapping.source), sql.Literal(mapping.entity.name))
    for table, columns in (
        ("quarantine", {"reasons": "text[]", "closing_note": "text"}),
        ("quarantine_decisions", {"reason": "text"}),
    ):
        replace_in_table(connection, "ops", table, columns, pattern, condition=theirs)


def read_into_records(mapping: Mapping, columns: list[str]) -> set[str]:
    """Of the landed columns (or of the paths of a record) those that keys, amounts and days are read from: another's stay as sent.

    A column of contacts or of free text that says such a thing, too, is one of them.
    """
    written = [text for field, text in mapping.expressions.items() if field not in (*CONTACTS, *FREE_TEXT)]
    written += [*([mapping.where] if mapping.where else []), *mapping.group_by]
    return {name for text in written for name in _columns_of(text, columns)}


def card_column(mapping: Mapping, columns: list[str]) -> str | None:
    """The landed column (or the path of a record) that holds nothing but a card."""
    text = mapping.expressions.get(CARD)
    if text is None or not (column_of(text) or path_of(text)):
        return None
    names = _columns_of(text, columns) - read_into_records(mapping, columns)
    return names.pop() if len(names) == 1 else None


def _columns_of(expression: str, columns: list[str]) -> set[str]:
    """The columns that an expression speaks of, also where it is the name of one that has several words."""
    alone = column_of(expression)
    found = mentioned(expression, columns)
    return found or {name for name in columns if alone is not None and name.lower() == alone.lower()}


def landed(
    connection: psycopg.Connection[Any], settings: Settings
) -> Iterator[tuple[str, dict[str, str], Mapping | None]]:
    """(table, {column: type}, mapping) of every table of landing; the mapping is None when retain.yml no longer has the entity."""
    mappings = {
        f"{source.name}__{entity}": mapping_of(settings, source.name, entity)
        for source in settings.sources
        for entity in source.entities
    }
    for _, table, columns in columns_with_text(connection, ("landing",)):
        yield table, columns, mappings.get(table)


def _from_landing(connection: psycopg.Connection[Any], settings: Settings, names: Names) -> Iterator[tuple[str, int]]:
    cards = {row[0] for row in connection.execute(KNOWN_CARDS)}
    said, anything = pattern_of(names.said), pattern_of((*names.said, *names.codes))
    for table, columns, mapping in landed(connection, settings):
        words = {name: kind for name, kind in columns.items() if name not in NEVER_WORDS}
        if "_problem" in columns and said is not None and anything is not None:
            # A line that could not be read: what stands in which column is not known, and none of it is anybody's record.
            unread = sql.SQL("_problem is not null and row({})::text ~* {}").format(
                sql.SQL(", ").join(map(sql.Identifier, words)), sql.Literal(said)
            )
            yield (
                f"landing.{table}",
                replace_in_table(connection, "landing", table, words, anything, condition=unread),
            )
        paths = list(mapping.paths) if mapping is not None else []
        kept = read_into_records(mapping, [*words, *paths]) if mapping is not None else set()
        if said is not None:
            free = {name: kind for name, kind in words.items() if name not in kept}
            yield (
                f"landing.{table}",
                replace_in_table(connection, "landing", table, free, said, spared=kept & set(paths)),
            )
        card = card_column(mapping, [*words, *paths]) if mapping is not None else None
        if mapping is None or card is None or not cards:
            continue
        if card in paths:
            codes = pattern_of(names.codes)
            if codes is not None:
                whole = {RECORD: columns[RECORD]}
                rows = replace_in_table(connection, "landing", table, whole, codes, only_at=card)
                yield f"landing.{table}", rows
            continue
        value = normal(CARD, sql.Identifier(card), settings, sql.Literal(mapping.source))
        yield (
            f"landing.{table}",
            connection.execute(
                sql.SQL("update {} set {} = null where {} in (" + KNOWN_CARDS + ")").format(
                    landing_table(mapping.source, mapping.entity.name), sql.Identifier(card), value
                )
            ).rowcount,
        )


def _from_history(connection: psycopg.Connection[Any], settings: Settings, names: Names) -> Iterator[tuple[str, int]]:
    """Versions of others that gave an identifier of the person: each by its kind."""
    said = pattern_of(names.said)
    for schema, table, columns in tables_of(connection, ("history",)):
        given = {name: "text" for name in (EMAIL, PHONE) if name in columns}
        if given and said is not None:
            yield f"{schema}.{table}", replace_in_table(connection, schema, table, given, said)
        if CARD in columns:  # none, not a word: two cards of the same word would be one
            value = normal(CARD, sql.Identifier(CARD), settings, sql.Literal(""))
            yield (
                f"{schema}.{table}",
                connection.execute(
                    sql.SQL("update {} set loyalty_card = null where {} in (" + KNOWN_CARDS + ")").format(
                        sql.Identifier(schema, table), value
                    )
                ).rowcount,
            )


def _from_ops(connection: psycopg.Connection[Any], names: Names) -> Iterator[tuple[str, int]]:
    pattern = names.in_words
    if pattern is not None:
        connection.execute("alter table ops.identity_decisions disable trigger keep_identity_decision")
        yield from replace_in_tables(connection, pattern, ("ops",), numbers_stay=True).items()
        connection.execute("alter table ops.identity_decisions enable trigger keep_identity_decision")
    for source, number in connection.execute("select source, customer_id from pg_temp.accounts").fetchall():
        values = {
            "source": source,
            "entities": list(OF_CUSTOMERS),
            "alone": listed(number),
            "stands": STANDS,
            "number": number,
        }
        for statement in NAMED_BY_NUMBER:
            connection.execute(statement.encode(), values)


NAMED_BY_NUMBER = (
    "update ops.alerts set keys = array_replace(keys, %(number)s, %(stands)s), title = regexp_replace(title, %(alone)s, %(stands)s, 'g'), "
    "reasons = array(select regexp_replace(one, %(alone)s, %(stands)s, 'g') from unnest(reasons) as one) "
    "where source = %(source)s and entity = any(%(entities)s)",
    "update ops.loads set message = regexp_replace(message, %(alone)s, %(stands)s, 'g') "
    "where source = %(source)s and entity = any(%(entities)s) and message ~ %(alone)s and coalesce(rows_of_erased, 0) = 0",
    "update ops.validation_results as one set message = regexp_replace(one.message, %(alone)s, %(stands)s, 'g') from ops.loads as loads "
    "where loads.load_id = one.load_id and loads.source = %(source)s and loads.entity = any(%(entities)s) and one.message ~ %(alone)s",
    *(
        f"update ops.validation_results as one set observed = jsonb_set(one.observed, '{{{listed}}}', (select jsonb_agg("
        "case when said = to_jsonb(%(number)s::text) then to_jsonb(%(stands)s::text) else said end order by place) "
        f"from jsonb_array_elements(one.observed -> '{listed}') with ordinality as members (said, place))) from ops.loads as loads "
        "where loads.load_id = one.load_id and loads.source = %(source)s and loads.entity = any(%(entities)s) "
        f"and jsonb_typeof(one.observed -> '{listed}') = 'array' and one.observed -> '{listed}' ? %(number)s"
        for listed in ("keys", "found")
    ),
)
