"""What the warehouse itself knows about the last loads: read once, so that deciding needs no database."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from retain.alerts.problem import KEYS_SHOWN, REASONS_SHOWN
from retain.counting import count

# A row that waits for a record it refers to is usually taken up by the next load: only what waits longer is told.
WAITS_QUIETLY = timedelta(hours=1)
ORDINARY = ("incremental", "full")


@dataclass(frozen=True)
class Load:
    """The last load of one entity that ended. `rules`, `reasons` and `keys` are filled for a refused one."""

    load_id: int
    status: str
    started_at: datetime
    rows_sent: int
    rows_failed: int
    message: str
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quarantine:
    """The open entries of one entity; `load` is the newest that added to them."""

    rows: int
    since: datetime
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    keys: tuple[str, ...]
    load_id: int
    load_rows: int
    load_rows_failed: int


@dataclass(frozen=True)
class Unusual:
    """What the last load that brought anything was warned of as a whole; it was published all the same."""

    load_id: int
    started_at: datetime
    rows_sent: int
    rules: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """Of one entity of one source. `loads`: the last one by what it was for, '' being the ordinary ones.

    `waits`: whether rows wait in quarantine for a record they refer to.
    `complete_until`: up to which moment its records are in the marts' reach; None when nothing was ever published.
    """

    loads: dict[str, Load] = field(default_factory=dict)
    quarantine: Quarantine | None = None
    complete_until: datetime | None = None
    published_at: datetime | None = None
    waits: bool = False
    unusual: Unusual | None = None


def read_evidence(
    connection: psycopg.Connection[Any], pairs: Iterable[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], Evidence]:
    """Read what is known of each (source, entity). Six queries, whatever the number of pairs."""
    pairs = sorted(set(pairs))
    wanted = {
        "sources": [source for source, _ in pairs],
        "entities": [entity for _, entity in pairs],
        "ordinary": list(ORDINARY),
        "quiet_since": now - WAITS_QUIETLY,
    }
    loads: dict[tuple[str, str], dict[str, Load]] = {pair: {} for pair in pairs}
    with connection.cursor(row_factory=dict_row) as cursor:
        last = cursor.execute(LAST_LOADS.encode(), wanted).fetchall()
        refused = [row["load_id"] for row in last if row["status"] == "refused"]
        findings: dict[int, list[dict[str, Any]]] = {}
        for row in cursor.execute(FINDINGS.encode(), {"load_ids": refused}).fetchall():
            findings.setdefault(row["load_id"], []).append(row)
        for row in last:
            loads[row["source"], row["entity"]][row["subject"]] = _load(row, findings.get(row["load_id"], []))
        published = {
            (row["source"], row["entity"]): row for row in cursor.execute(PUBLISHED.encode(), wanted).fetchall()
        }
        waiting = {(row["source"], row["entity"]) for row in cursor.execute(WAITING.encode(), wanted).fetchall()}
        held = {(row["source"], row["entity"]): row for row in cursor.execute(HELD.encode(), wanted).fetchall()}
        warned = {(row["source"], row["entity"]): row for row in cursor.execute(WARNED.encode(), wanted).fetchall()}
    return {
        pair: Evidence(
            loads=loads[pair],
            quarantine=_quarantine(held[pair]) if pair in held else None,
            unusual=_unusual(warned[pair]) if pair in warned else None,
            complete_until=published[pair]["complete_until"] if pair in published else None,
            published_at=published[pair]["published_at"] if pair in published else None,
            waits=pair in waiting,
        )
        for pair in pairs
    }


def _load(row: dict[str, Any], findings: list[dict[str, Any]]) -> Load:
    """A refused load says first why as a whole, then which rows."""
    whole = [finding for finding in findings if finding["judges"] == "load"]
    single = [finding for finding in findings if finding["judges"] == "row"]
    reasons = [finding["message"] for finding in whole]
    reasons += [f"{finding['message']}: {count(finding['rows_failed'], 'row')}" for finding in single]
    keys = [str(key) for finding in findings for key in finding["keys"] or []]
    return Load(
        row["load_id"],
        row["status"],
        row["started_at"],
        row["rows_sent"] or 0,
        row["rows_quarantined"] or 0,
        row["message"] or "",
        tuple(sorted(finding["expectation"] for finding in whole)),
        tuple(reasons[:REASONS_SHOWN]),
        tuple(dict.fromkeys(keys))[:KEYS_SHOWN],
    )


def _quarantine(row: dict[str, Any]) -> Quarantine:
    return Quarantine(
        row["rows"],
        row["since"],
        tuple(sorted(row["rules"])),
        tuple(
            f"{reason}: {count(rows, 'row')}"
            for reason, rows in list(zip(row["reasons"], row["counts"], strict=True))[:REASONS_SHOWN]
        ),
        tuple(key for key in row["keys"] if key is not None),
        row["load_id"],
        row["load_rows"] or 0,
        row["load_rows_failed"] or 0,
    )


def _unusual(row: dict[str, Any]) -> Unusual:
    return Unusual(
        row["load_id"],
        row["started_at"],
        row["rows_sent"] or 0,
        tuple(row["rules"]),
        tuple(row["reasons"][:REASONS_SHOWN]),
    )


PAIRS = "select * from unnest(%(sources)s::text[], %(entities)s::text[]) as pairs(source, entity)"

LAST_LOADS = f"""
with pairs as ({PAIRS}),
ended as (
    select loads.*, case when kind = any(%(ordinary)s) then '' else kind end as subject
    from ops.loads join pairs using (source, entity)
    where status in ('published', 'refused', 'failed')
)
select distinct on (source, entity, subject)
    source, entity, subject, load_id, status, started_at, rows_sent, rows_quarantined, message
from ended
order by source, entity, subject, load_id desc
"""

PUBLISHED = f"""
with pairs as ({PAIRS})
select source, entity, max(published_at) as published_at,
    max(coalesce(window_to, started_at)) as complete_until
from ops.loads join pairs using (source, entity)
where status = 'published' and kind = any(%(ordinary)s)
group by source, entity
"""

# A failed row rule is listed beside the load rule that refused: it says which rows. Keys, where the gate wrote them down.
FINDINGS = """
select load_id, expectation, judges, message, rows_failed,
    case when jsonb_typeof(observed -> 'keys') = 'array' then
        (select array_agg(key) from jsonb_array_elements_text(observed -> 'keys') as key)
    end as keys
from ops.validation_results
where load_id = any(%(load_ids)s) and severity = 'critical' and not success
order by load_id, judges, rows_failed desc nulls last, expectation
"""

WAITING = f"""
with pairs as ({PAIRS})
select distinct source, entity from ops.quarantine join pairs using (source, entity)
where status = 'open' and waits_for_reference
"""

# The sentence is the rule's own, from the suite: what quarantine says of a row may quote what the row holds.
HELD = f"""
with pairs as ({PAIRS}),
entries as (
    select quarantine.* from ops.quarantine join pairs using (source, entity)
    where status = 'open' and (not waits_for_reference or opened_at < %(quiet_since)s)
),
by_rule as (
    select source, entity, rule, count(*) as rows, max(load_id) as load_id
    from entries, unnest(rules) as rule group by source, entity, rule
),
said as (
    select source, entity, array_agg(rule order by by_rule.rows desc, rule) as rules,
        array_agg(by_rule.rows order by by_rule.rows desc, rule) as counts,
        array_agg(coalesce(message, rule) order by by_rule.rows desc, rule) as reasons
    from by_rule
    left join ops.validation_results as found on found.load_id = by_rule.load_id and found.expectation = by_rule.rule
    group by source, entity
),
totals as (
    select source, entity, count(*) as rows, min(opened_at) as since, max(load_id) as load_id,
        (array_agg(record_key order by quarantine_id desc))[1:5] as keys
    from entries group by source, entity
)
select totals.*, rules, counts, reasons, rows_sent as load_rows, rows_quarantined as load_rows_failed
from totals join said using (source, entity) join ops.loads using (load_id, source, entity)
"""

IS_WARNING = "judges = 'load' and severity = 'warning' and not success"

# A load of nothing says nothing of what came before it, unless that nothing came is itself the warning.
WARNED = f"""
with pairs as ({PAIRS})
select pairs.source, pairs.entity, last.load_id, last.started_at, last.rows_sent, said.rules, said.reasons
from pairs
cross join lateral (
    select load_id, started_at, rows_sent from ops.loads
    where loads.source = pairs.source and loads.entity = pairs.entity and status = 'published' and kind = any(%(ordinary)s)
        and (rows_sent > 0 or exists (select from ops.validation_results as found where found.load_id = loads.load_id and {IS_WARNING}))
    order by load_id desc limit 1
) as last
cross join lateral (
    select array_agg(expectation order by expectation) as rules, array_agg(message order by expectation) as reasons
    from ops.validation_results as found where found.load_id = last.load_id and {IS_WARNING}
    having count(*) > 0
) as said
"""
