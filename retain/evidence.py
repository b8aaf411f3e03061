"""What can be said of a load as a whole: its sums, its columns, its size and its shape beside those of earlier loads.

Everything is one row of gate.load_<load_id>_evidence: what was observed, and within which bounds it is expected. The suite
`expectations/habits.py` judges these rows.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psycopg
from psycopg import sql

from retain import agreement
from retain.beside import Beside
from retain.config import Gate, Settings
from retain.entities import ENTITIES
from retain.history import Evidence, compare, lateness, profile_of, usual_volume
from retain.judged import Load
from retain.landing import evidence_table, gate_table, landing_table
from retain.mapping import Mapping
from retain.measures import Measure, Measured
from retain.profile import keep, measure
from retain.records import sent_name

PROFILED = ("incremental", "full", "backfill")


def gather(
    connection: psycopg.Connection[Any],
    settings: Settings,
    load: Load,
    mapping: Mapping,
    rows: int,
    beside: Beside | None = None,
) -> list[Evidence]:
    """Everything that is to be judged about a load that is in the gate; its profile is kept for the loads to come.

    With a session `beside` this one, the gate is committed, and one of them looks at the load as it came while the other compares
    it with what is usual.
    """
    if beside is None:
        return [*_as_it_came(connection, load, mapping, rows), *_habits(connection, settings, load, mapping, rows)]
    as_it_came = beside.run(lambda by: _as_it_came(by, load, mapping, rows))
    habits = _habits(connection, settings, load, mapping, rows)
    return [*as_it_came.result(), *habits]


def _as_it_came(connection: psycopg.Connection[Any], load: Load, mapping: Mapping, rows: int) -> list[Evidence]:
    """What needs no history: copies, remarks, sums, files and columns."""
    return [
        *_copies(connection, load),
        *remarks(load),
        *_sums(connection, load, rows),
        *_files(connection, load),
        *agreement.columns(connection, load, mapping),
    ]


def _habits(
    connection: psycopg.Connection[Any], settings: Settings, load: Load, mapping: Mapping, rows: int
) -> list[Evidence]:
    """How the load looks beside those before it; its own profile is kept for those to come."""
    if load.kind not in PROFILED:
        return []
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
        return []
    past, last_load_on = _past(connection, load, load.day - timedelta(days=2 * gate.history_days), settings)
    deliveries = _deliveries(connection, settings, load)
    found = compare(
        profile_of(measures), profile_of(past), gate, load.day, last_load_on, is_daily=_is_daily(deliveries, load.day)
    )
    if load.kind == "incremental":
        found += _delivery(deliveries, load, gate)
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
    """How many rows are of records that one file, or one answer, holds more than once.

    Mostly none is, which is asked first: the keys as one text are sorted faster than they are grouped.
    """
    names = list(map(sql.Identifier, ENTITIES[load.entity].key))
    parts = {
        "keys": sql.SQL(", ").join(names),
        "text": sql.SQL(" || E'\\x1f' || ").join(sql.SQL("{}::text").format(name) for name in names),
        "gate": gate_table(load.load_id),
    }
    connection.execute("select set_config('work_mem', '256MB', true)")
    rows = 0
    once = 'select count({text}) = count(distinct ({text}) collate "C") from {gate}'
    if connection.execute(sql.SQL(once).format(**parts)).fetchone() != (True,):
        row = connection.execute(
            sql.SQL(
                "select coalesce(sum(copies), 0) from (select count(*) as copies from {gate} where ({keys}) is not null "
                "group by {keys}, _file having count(*) > 1) as counted"
            ).format(**parts)
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


def _files(connection: psycopg.Connection[Any], load: Load) -> list[Evidence]:
    """The files of which not as many records landed as were read. Of a single file the number of rows says it already."""
    if len(load.files) < 2 or load.kind not in PROFILED:
        return []
    landed = dict(
        connection.execute(
            sql.SQL("select _file, count(*) from {} where _load_id = %s group by _file").format(
                landing_table(load.source, load.entity)
            ),
            [load.load_id],
        ).fetchall()
    )
    return [
        Evidence(
            "files", f"{name}: {landed.get(name, 0):,} of {read:,} records landed", landed.get(name, 0), read, read
        )
        for name, read in load.files.items()
        if landed.get(name, 0) != read
    ]


def _sum_of_texts(connection: psycopg.Connection[Any], load_id: int, field: str) -> Decimal:
    row = connection.execute(
        sql.SQL(
            "select coalesce(sum(case when {0} is null then {1} when pg_input_is_valid({0}, 'numeric') then {0}::numeric end), 0) "
            "from {2}"
        ).format(sql.Identifier(sent_name(field)), sql.Identifier(field), gate_table(load_id))
    ).fetchone()
    assert row is not None
    return Decimal(row[0])


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


def _deliveries(connection: psycopg.Connection[Any], settings: Settings, load: Load) -> dict[date, tuple[int, int]]:
    """Rows, and loads that brought some, by the business day on which they came."""
    days = connection.execute(
        "select (landed_at at time zone %s)::date as day, sum(rows_sent)::int, count(*) from ops.loads where source = %s "
        "and entity = %s and status = 'published' and kind = 'incremental' and rows_sent > 0 and load_id < %s "
        "and cursor_before ->> 'mapping' = cursor_after ->> 'mapping' and landed_at > clock_timestamp() - %s group by 1",
        [
            *(settings.business.timezone, load.source, load.entity, load.load_id),
            timedelta(days=2 * settings.gate_of(load.source).history_days),
        ],
    ).fetchall()
    return {day: (rows, loads) for day, rows, loads in days}


def _is_daily(deliveries: dict[date, tuple[int, int]], today: date) -> bool:
    """Whether one load a day is the habit, as far as the days before today tell."""
    loads = [loads for day, (_, loads) in deliveries.items() if day != today]
    return sum(one == 1 for one in loads) > len(loads) / 2


def _delivery(deliveries: dict[date, tuple[int, int]], load: Load, gate: Gate) -> list[Evidence]:
    """The rows of a day's deliveries beside those of the days before; too few only where one delivery a day is the habit."""
    before = {day: rows for day, (rows, _) in deliveries.items()}
    total = before.pop(load.day, 0)
    found = usual_volume(
        load.day,
        total + load.rows_sent,
        before,
        gate,
        may_be_low=_is_daily(deliveries, load.day) and not total,
        kind="delivery",
        what="rows were delivered",
    )
    return [found] if found else []
