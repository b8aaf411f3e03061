"""What a warehouse says after a night's loads: the rows that landed, what was found, what is held, what raw holds now."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from retain.entities import ENTITIES

Values = tuple[str | None, ...]


@dataclass
class Landed:
    """The rows of one entity that landed tonight, and whether they were accepted. `held`: those in quarantine, with their rules."""

    rows: list[Values] = field(default_factory=list)
    held: dict[int, tuple[str, ...]] = field(default_factory=dict)  # by place in `rows`
    is_accepted: bool = True


@dataclass
class Evidence:
    """Everything that tells a damaged night from a clean one.

    `findings`: by entity and rule, the rows that failed (-1 for a rule on the whole load) and its severity.
    `said`: by entity, what a load or a source said in a sentence. `raw`: by entity, a checksum of what is published.
    """

    landed: dict[str, Landed]
    findings: dict[tuple[str, str], tuple[int, str]]
    said: dict[str, list[str]]
    raw: dict[str, str]


def collect(
    connection: psycopg.Connection[Any], source: str, after: int, columns: dict[str, tuple[str, ...]]
) -> Evidence:
    """What the loads after load number `after` left behind. `columns` are those to compare, by entity."""
    landed, said = {}, {}
    for entity in ENTITIES:
        landed[entity] = _landed(connection, source, entity, after, columns.get(entity, ()))
        said[entity] = [
            row[0]
            for row in connection.execute(
                "select message from ops.loads where load_id > %s and source = %s and entity = %s and message is not null",
                [after, source, entity],
            )
        ]
    findings = {
        (entity, rule): (-1 if rows is None else int(rows), severity)
        for entity, rule, rows, severity in connection.execute(
            "select entity, expectation, max(rows_failed), min(severity) from ops.validation_results "
            "join ops.loads using (load_id) where load_id > %s and source = %s and kind <> 'retry' and not success "
            "group by entity, expectation",
            [after, source],
        )
    }
    return Evidence(landed, findings, said, {entity: checksum(connection, "raw", entity) for entity in ENTITIES})


def _landed(
    connection: psycopg.Connection[Any], source: str, entity: str, after: int, columns: tuple[str, ...]
) -> Landed:
    table = f"{source}__{entity}"
    there = {
        row[0]
        for row in connection.execute(
            "select column_name from information_schema.columns where table_schema = 'landing' and table_name = %s",
            [table],
        )
    }
    if not there:
        return Landed()
    values = [sql.Identifier(name) if name in there else sql.SQL("null") for name in columns]
    rows = connection.execute(
        sql.SQL("select _row, array[{}]::text[] from {} where _load_id > %s order by _row").format(
            sql.SQL(", ").join(values), sql.Identifier("landing", table)
        ),
        [after],
    ).fetchall()
    place = {number: index for index, (number, _) in enumerate(rows)}
    held = connection.execute(
        "select row_number, rules from ops.quarantine where load_id > %s and source = %s and entity = %s and status = 'open'",
        [after, source, entity],
    )
    refused = connection.execute(
        "select exists (select 1 from ops.loads where load_id > %s and source = %s and entity = %s "
        "and kind not in ('retry', 'deletions') and status <> 'published')",
        [after, source, entity],
    ).fetchone()
    return Landed(
        [tuple(values) for _, values in rows],
        {place[number]: tuple(rules) for number, rules in held if number in place},
        not (refused and refused[0]),
    )


def false_alarms(connection: psycopg.Connection[Any]) -> tuple[int, dict[str, int]]:
    """Of a history in which nothing was damaged: how many loads were judged, and how often each rule found fault."""
    row = connection.execute("select count(*) from ops.loads where kind <> 'deletions'").fetchone()
    found = connection.execute(
        "select entity || '.' || expectation, count(*) from ops.validation_results join ops.loads using (load_id) "
        "where not success group by 1 order by 2 desc"
    )
    return int(row[0]) if row else 0, {rule: int(count) for rule, count in found}


def checksum(connection: psycopg.Connection[Any], schema: str, table: str) -> str:
    """The same for equal content: of every row but for the number of its load, in whatever order."""
    row = connection.execute(
        sql.SQL(
            "select count(*) || ':' || coalesce(sum(hashtextextended((to_jsonb(t) - array['_load_id', 'deleted_at'])::text, 0)), 0) "
            "from {} as t"
        ).format(sql.Identifier(schema, table))
    ).fetchone()
    assert row is not None
    return str(row[0])


def changed(clean: list[Values], sent: list[Values]) -> tuple[set[Values], set[Values]]:
    """What the damage did to rows: (rows that are not, or more often, in the clean night; rows that are missing from it)."""
    before, now = Counter(clean), Counter(sent)
    return set(now - before), set(before - now)
