"""What can be said of a load as a whole: its sums, its columns, its size and its shape beside those of earlier loads.

Everything is one row of gate.load_<load_id>_evidence: what was observed, and within which bounds it is expected. The suite
`expectations/habits.py` judges these rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import ENTITIES
from retain.history import Evidence, compare, lateness, profile_of, usual_volume
from retain.landing import evidence_table, gate_table
from retain.mapping import Mapping
from retain.profile import Measure, Measured, keep, measure
from retain.sources.mentions import mentioned

PROFILED = ("incremental", "full", "backfill")


@dataclass(frozen=True)
class Load:
    """A load as `ops.loads` knows it. `day` is its business day; `remarks` is what its source said while it was read.

    `brings_news`: it has rows, and not only those that every load of a cursor reads again.
    """

    load_id: int
    source: str
    entity: str
    kind: str
    status: str
    rows_sent: int
    sums: dict[str, str]
    offered: dict[str, str] | None
    mapping_before: str | None
    mapping_after: str | None
    day: date
    remarks: str | None
    brings_news: bool

    @property
    def is_whole(self) -> bool:
        """Whether it brings every record: the first load, one of kind `full`, or one that is mapped in another way."""
        return self.kind == "full" or self.mapping_before is None or self.mapping_before != self.mapping_after


def read_load(connection: psycopg.Connection[Any], settings: Settings, load_id: int) -> Load | None:
    row = connection.execute(
        "select load_id, source, entity, kind, status, coalesce(rows_sent, 0), coalesce(control_totals -> 'sums', '{}'), offered, "
        "cursor_before ->> 'mapping', cursor_after ->> 'mapping', "
        "(coalesce(landed_at, started_at) at time zone %s)::date, message, coalesce(rows_sent, 0) > 0 and coalesce("
        "cursor_after -> 'cursor' ->> 'high' is distinct from cursor_before -> 'cursor' ->> 'high' "
        "or cursor_after -> 'cursor' ->> 'high' is null, true) from ops.loads where load_id = %s",
        [settings.business.timezone, load_id],
    ).fetchone()
    return Load(*row) if row else None


def gather(
    connection: psycopg.Connection[Any], settings: Settings, load: Load, mapping: Mapping, rows: int
) -> list[Evidence]:
    """Everything that is to be judged about a load that is in the gate; its profile is kept for the loads to come."""
    found = [
        *remarks(load),
        *_copies(connection, load),
        *_sums(connection, load, rows),
        *_columns(connection, load, mapping),
    ]
    if load.kind not in PROFILED:
        return found
    gate, entity = settings.gate_of(load.source), ENTITIES[load.entity]
    measured = Measured(
        load.load_id,
        load.source,
        entity,
        mapping.mapped,
        settings.business.timezone,
        load.day,
        gate.history_days,
        rows,
        load.is_whole,
    )
    measures = measure(connection, measured)
    keep(connection, measured, measures)
    if load.is_whole:
        return found
    past, last_load_on = _past(connection, load, load.day - timedelta(days=2 * gate.history_days), settings)
    found += compare(profile_of(measures), profile_of(past), gate, load.day, last_load_on)
    if load.kind == "incremental":
        found += _delivery(connection, settings, load)
    return found + _lateness(connection, settings, load)


def of_nothing(connection: psycopg.Connection[Any], settings: Settings, load: Load) -> list[Evidence]:
    """What is to be said of a load that brought no rows: what the source remarked, and whether it is late."""
    return [*remarks(load), *_lateness(connection, settings, load)]


def _lateness(connection: psycopg.Connection[Any], settings: Settings, load: Load) -> list[Evidence]:
    """How long nothing new has come. Of a load that brought something new there is nothing to say."""
    if load.kind != "incremental" or load.brings_news:
        return []
    landed = [
        row[0]
        for row in connection.execute(
            "select landed_at at time zone %s from ops.loads where source = %s and entity = %s and status = 'published' "
            "and kind in ('incremental', 'full') and rows_changed > 0 and landed_at > clock_timestamp() - %s "
            "union all select clock_timestamp() at time zone %s order by 1",
            [
                *(settings.business.timezone, load.source, load.entity),
                timedelta(days=settings.gate_of(load.source).history_days),
                settings.business.timezone,
            ],
        )
    ]
    silences = [(begin, (end - begin).total_seconds() / 3600) for begin, end in pairwise(landed)]
    if not silences:
        return []
    since, hours = silences.pop()
    late = lateness(hours, since, silences, settings.gate_of(load.source))
    return [late] if late else []


def write_evidence(connection: psycopg.Connection[Any], load_id: int, evidence: Iterable[Evidence]) -> None:
    """Put the evidence where the suite finds it, in the place of earlier evidence."""
    table = evidence_table(load_id)
    connection.execute(sql.SQL("drop table if exists {}").format(table))
    connection.execute(
        sql.SQL(
            "create unlogged table {} (kind text, sentence text, observed numeric, low numeric, high numeric, "
            "far_low numeric, far_high numeric)"
        ).format(table)
    )
    with connection.cursor().copy(sql.SQL("copy {} from stdin").format(table)) as copy:
        for one in evidence:
            copy.write_row((one.kind, one.sentence, one.observed, one.low, one.high, one.far_low, one.far_high))


def remarks(load: Load) -> list[Evidence]:
    return [Evidence("remarks", load.remarks, 1, 0, 0)] if load.remarks and load.status == "landed" else []


def has_copies(evidence: Iterable[Evidence]) -> bool:
    """Whether some record is in the load more than once: then it must be asked whether the copies agree."""
    return any(one.kind == "sent_once" and one.observed for one in evidence)


def _copies(connection: psycopg.Connection[Any], load: Load) -> list[Evidence]:
    """How many rows are of records that one file, or one answer, holds more than once."""
    keys = sql.SQL(", ").join(map(sql.Identifier, ENTITIES[load.entity].key))
    many = "select {keys}{file} from {gate} where ({keys}) is not null group by {keys}{file} having count(*) > 1"
    parts = {"keys": keys, "gate": gate_table(load.load_id)}
    connection.execute("select set_config('work_mem', '256MB', true)")
    rows = 0
    if connection.execute(sql.SQL(many + " limit 1").format(file=sql.SQL(""), **parts)).fetchone():
        row = connection.execute(
            sql.SQL(
                "select coalesce(sum(copies), 0) from ("
                + many.replace("{file} from", "{file}, count(*) as copies from")
                + ") as counted"
            ).format(file=sql.SQL(", _file"), **parts)
        ).fetchone()
        assert row is not None
        rows = int(row[0])
    return [Evidence("sent_once", f"{rows:,} rows are of records that are there more than once", rows, 0, 0)]


def _sums(connection: psycopg.Connection[Any], load: Load, rows: int) -> list[Evidence]:
    """The money that came beside the money that the source counted, to the last digit: of the text that was sent."""
    names = [name for name in load.sums if name in ENTITIES[load.entity].fields]
    if not names or load.kind not in PROFILED:
        return []
    columns = ", ".join(f"sum({name})" for name in names)
    found = connection.execute(
        sql.SQL("select {} from {}").format(sql.SQL(columns), gate_table(load.load_id))
    ).fetchone()
    assert found is not None
    evidence = []
    for name, landed in zip(names, found, strict=True):
        told = Decimal(load.sums[name] or 0)
        here = Decimal(landed or 0)
        if here != told:  # more decimals than raw keeps, or values that do not cast: only the text can tell
            here = _sum_of_texts(connection, load.load_id, name)
        sentence = f"{name} adds up to {here:,f}, the source says {told:,f}"
        evidence.append(Evidence("control_totals", sentence, float(here != told), 0, 0))
    return evidence


def _sum_of_texts(connection: psycopg.Connection[Any], load_id: int, field: str) -> Decimal:
    sent = sql.Identifier(f"{field}_sent")
    row = connection.execute(
        sql.SQL(
            "select coalesce(sum(case when pg_input_is_valid({0}, 'numeric') then {0}::numeric end), 0) from {1}"
        ).format(sent, gate_table(load_id))
    ).fetchone()
    assert row is not None
    return Decimal(row[0])


def _columns(connection: psycopg.Connection[Any], load: Load, mapping: Mapping) -> list[Evidence]:
    """The columns that the source offers beside those it offered when it was last published: the agreement."""
    row = connection.execute(
        "select offered from ops.loads where source = %s and entity = %s and status = 'published' and offered is not null "
        "and load_id < %s order by load_id desc limit 1",
        [load.source, load.entity, load.load_id],
    ).fetchone()
    if row is None or load.offered is None:
        return []
    agreed, offered = _folded(row[0]), _folded(load.offered)
    is_agreed_anew = load.mapping_before != load.mapping_after
    used = {name for written in mapping.written.values() for name in mentioned(written, agreed)}
    found = [
        Evidence("columns_agreed", f"new: {name} ({offered[name]})", 1, 0, 0) for name in offered if name not in agreed
    ]
    for name, kind in agreed.items():
        counts = "columns_kept" if name in used and not is_agreed_anew else "columns_agreed"
        if name not in offered:
            found.append(Evidence(counts, f"lost: {name} ({kind})", 1, 0, 0))
        elif family(kind) != family(offered[name]):
            example = _example(connection, load, mapping, name)
            found.append(Evidence(counts, f"retyped: {name} was {kind}, is {offered[name]}{example}", 1, 0, 0))
    return found


def _folded(columns: dict[str, str]) -> dict[str, str]:
    """Names in small letters, as SQL takes a bare name: a system that begins to write them in capitals has changed nothing."""
    return {name.lower(): kind for name, kind in columns.items()}


FAMILIES = {
    "integer": ("smallint", "int", "int2", "int4", "int8", "integer", "bigint", "tinyint", "mediumint"),
    "number": ("numeric", "decimal", "number", "money"),
    "floating point": ("float", "float4", "float8", "real", "double", "double precision"),
    "text": ("text", "varchar", "character varying", "char", "bpchar", "character", "string", "large_string", "nvarchar", "longtext",
             "mediumtext", "tinytext", "name", "citext"),
}  # fmt: skip


def family(kind: str) -> str:
    """A column may become wider without becoming another: its type without length, precision and the like."""
    base = kind.lower().split("(")[0].strip().removesuffix(" unsigned")
    return next((name for name, kinds in FAMILIES.items() if base in kinds), base)


def _example(connection: psycopg.Connection[Any], load: Load, mapping: Mapping, column: str) -> str:
    """A value of a field that is read from the column; never one that may be about a person."""
    for name, written in mapping.written.items():
        field = mapping.entity.fields[name]
        if mentioned(written, [column]) and not field.personal:
            sent = sql.Identifier(name if field.type == "text" else f"{name}_sent")
            row = connection.execute(
                sql.SQL("select {0} from {1} where {0} is not null limit 1").format(sent, gate_table(load.load_id))
            ).fetchone()
            return f", for example {row[0][:40]!r}" if row else ""
    return ""


def _past(
    connection: psycopg.Connection[Any], load: Load, since: date, settings: Settings
) -> tuple[list[Measure], date | None]:
    """What published loads measured since a day, and the business day of the last of them.

    A load that read everything in a new way begins the history anew: the days before it were measured by another rule.
    """
    past = connection.execute(
        "with past as (select load_id, landed_at, cursor_before ->> 'mapping' is distinct from cursor_after ->> 'mapping' as is_new "
        "from ops.loads where source = %(source)s and entity = %(entity)s and status = 'published' and kind = any(%(kinds)s) "
        "and load_id < %(load_id)s) "
        "select day, measure, subject, sum(n)::bigint, sum(x)::float8, sum(xx)::float8, "
        "(select (max(landed_at) at time zone %(zone)s)::date from past where exists "
        "(select 1 from ops.profiles as any_of where any_of.load_id = past.load_id)) from ops.profiles join past using (load_id) "
        "where load_id >= (select coalesce(max(load_id) filter (where is_new), 0) from past) and day >= %(since)s "
        "group by day, measure, subject",
        {
            "source": load.source,
            "entity": load.entity,
            "kinds": list(PROFILED),
            "load_id": load.load_id,
            "zone": settings.business.timezone,
            "since": since,
        },
    ).fetchall()
    return [Measure(*row[:6]) for row in past], past[0][6] if past else None


def _delivery(connection: psycopg.Connection[Any], settings: Settings, load: Load) -> list[Evidence]:
    """The rows of a day's deliveries beside those of the days before; too few only where one delivery a day is the habit."""
    days = connection.execute(
        "select (landed_at at time zone %s)::date as day, sum(rows_sent)::int, count(*) from ops.loads where source = %s "
        "and entity = %s and status = 'published' and kind = 'incremental' and rows_sent > 0 and load_id < %s "
        "and cursor_before ->> 'mapping' = cursor_after ->> 'mapping' group by 1",
        [settings.business.timezone, load.source, load.entity, load.load_id],
    ).fetchall()
    before = {day: rows for day, rows, _ in days}
    is_daily = sum(loads == 1 for _, _, loads in days) > len(days) / 2
    total = before.pop(load.day, 0)
    found = usual_volume(
        load.day,
        total + load.rows_sent,
        before,
        settings.gate_of(load.source),
        may_be_low=is_daily and not total,
        kind="delivery",
        what="rows were delivered",
    )
    return [found] if found else []
