"""Judge one load: Great Expectations runs the entity's suite on exactly its rows; failing rows are named, a bad load is refused."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import sql

from retain import data_docs
from retain.agreement import exact_fields
from retain.beside import beside
from retain.config import Gate, Settings
from retain.errors import Refused, RetainError
from retain.evidence import gather, has_copies, of_nothing, write_evidence
from retain.faults import count_faults
from retain.gate_rows import Selection, write_gate_table
from retain.judged import Load, read_load
from retain.landing import drop_gate_tables, evidence_table, failures_table, landing_table, only_one_load
from retain.logs import tell
from retain.mapping import Mapping, mapping_of
from retain.roles import LOADER
from retain.validation import Finding, Validated, count_on_raw, refusals, validate
from retain.warehouse import connect

REASONS_SHOWN = 3


@dataclass(frozen=True)
class Verdict:
    """The judgement on a load: accepted and quarantined rows, the reasons if all of it was refused, and what is odd about rows
    that were let pass."""

    load_id: int
    source: str
    entity: str
    rows: int
    rows_quarantined: int
    refusals: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def is_refused(self) -> bool:
        return bool(self.refusals)

    def raise_if_refused(self) -> None:
        if self.is_refused:
            raise Refused(
                f"Load {self.load_id} ({self.entity} from {self.source}) was refused: {'; '.join(self.refusals)}.",
                hint=f"Nothing of it was published. `retain loads show {self.load_id}` says more.",
            )


def judge(settings: Settings, load_id: int) -> Verdict:
    """Map the load's rows, run the suite, and write what it found to `ops.validation_results`.

    A row expectation of severity critical that fails marks its rows for quarantine; a load expectation of severity critical
    that fails, or any expectation that could not be evaluated, refuses the load; everything else is recorded as a warning.
    Judging again starts from the beginning.
    """
    with connect(settings, LOADER) as connection:
        load = read_load(connection, settings, load_id)
        connection.commit()
        if load is None:
            raise Refused(f"There is no load {load_id}.", hint="`retain loads` lists them.")
        if load.status not in ("landed", "validated"):
            raise Refused(f"Load {load_id} is {load.status}: only a landed load can be judged.")
        with only_one_load(connection, load.source, load.entity):
            try:
                waiting = waiting_rows(connection, load.source, load.entity) if load.kind == "retry" else None
                return _judge(connection, settings, load, waiting)
            except RetainError as error:
                connection.rollback()
                _finish(connection, load_id, "failed", str(error))
                connection.commit()
                raise


def _judge(
    connection: psycopg.Connection[Any],
    settings: Settings,
    load: Load,
    selections: list[Selection] | None = None,
) -> Verdict:
    mapping = mapping_of(settings, load.source, load.entity)
    if selections is None:  # rows of earlier loads may have come from columns of other types
        mapping = replace(mapping, exact=exact_fields(load, mapping))
    drop_gate_tables(connection, load.load_id)
    if load.rows_sent == 0:
        return _judge_nothing(connection, settings, load, mapping)
    count_on_raw(connection)
    with beside(settings, 0 if selections else load.rows_sent) as other:
        rows = write_gate_table(
            connection, settings, mapping, load.load_id, selections or [Selection(load.load_id)], other
        )
        connection.commit()
        evidence = gather(connection, settings, load, mapping, rows, other)
    write_evidence(connection, load.load_id, evidence)
    connection.commit()  # Great Expectations looks with a connection of its own
    as_mapped = selections is not None or bool(mapping.group_by) or mapping.where is not None
    expected = rows if as_mapped else load.rows_sent
    validated = validate(connection, settings, mapping, load.load_id, expected if rows else None, has_copies(evidence))
    findings = list(validated.findings)
    if as_mapped and selections is None:  # rows are grouped or filtered on the way: what must agree is landing
        findings.append(_row_count(_landed_rows(connection, load), load.rows_sent))
    quarantined = _count_failed_rows(connection, load.load_id)
    if selections is None:
        faults = count_faults(connection, settings, load, mapping) if quarantined else 0
        findings.append(_share(settings.gate_of(load.source), rows, faults, findings))
    return _conclude(connection, settings, load, findings, rows, quarantined, validated.results)


def _judge_nothing(connection: psycopg.Connection[Any], settings: Settings, load: Load, mapping: Mapping) -> Verdict:
    """A load without rows can still be late, or have been remarked upon. What is not, is not worth seconds of importing."""
    evidence = of_nothing(connection, settings, load)
    validated = Validated([], [])
    if any(one.is_unusual for one in evidence):
        write_evidence(connection, load.load_id, evidence)
        connection.commit()
        validated = validate(connection, settings, mapping, load.load_id, None)
    return _conclude(connection, settings, load, validated.findings, 0, 0, validated.results)


def _conclude(
    connection: psycopg.Connection[Any],
    settings: Settings,
    load: Load,
    findings: list[Finding],
    rows: int,
    quarantined: int,
    results: list[Any],
) -> Verdict:
    odd = [one for one in findings if one.judges == "row" and one.severity == "warning" and one.rows_failed]
    warnings = tuple(
        f"{one.rows_failed:,} row{'s were' if one.rows_failed != 1 else ' was'} let pass: {one.message}" for one in odd
    )
    verdict = Verdict(load.load_id, load.source, load.entity, rows, quarantined, tuple(refusals(findings)), warnings)
    _record(connection, load.load_id, findings)
    _finish(
        connection,
        load.load_id,
        "refused" if verdict.is_refused else "validated",
        "; ".join(verdict.refusals) or None,
        rows - quarantined,
        quarantined,
        is_late=any(finding.rule == "freshness" and not finding.success for finding in findings),
    )
    connection.execute(sql.SQL("drop table if exists {}").format(evidence_table(load.load_id)))
    if verdict.is_refused or not rows:
        drop_gate_tables(connection, load.load_id)
    connection.commit()
    event = "refused" if verdict.is_refused else "validated"
    tell(event, load.load_id, load.source, load.entity, rows=rows, rows_quarantined=quarantined)
    ending = "refused" if verdict.is_refused else f"{rows:,} rows, {quarantined:,} of them to quarantine"
    told = [finding.message for finding in findings if not finding.success]
    data_docs.keep(
        settings, load.load_id, f"Load {load.load_id}: {load.entity} from {load.source}, {ending}", told, results
    )
    return verdict


def waiting_rows(connection: psycopg.Connection[Any], source: str, entity: str) -> list[Selection]:
    """The landed rows that wait in quarantine for nothing but a record they refer to."""
    rows = connection.execute(
        "select origin_load_id, array_agg(row_number order by row_number) from ops.quarantine "
        "where source = %s and entity = %s and status = 'open' and waits_for_reference group by origin_load_id",
        [source, entity],
    )
    return [Selection(load_id, tuple(numbers)) for load_id, numbers in rows]


def _landed_rows(connection: psycopg.Connection[Any], load: Load) -> int:
    row = connection.execute(
        sql.SQL("select count(*) from {} where _load_id = %s").format(landing_table(load.source, load.entity)),
        [load.load_id],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _row_count(landed: int, expected: int) -> Finding:
    message = f"the load holds {landed} records, the source sent {expected}"
    return Finding("row_count_landed", "load", "critical", landed == expected, None, message, {"landed": landed})


def _share(gate: Gate, rows: int, faults: int, findings: list[Finding]) -> Finding:
    """Too many bad rows mean that something larger is wrong; a handful never stops a load. Says what is wrong with most of them."""
    allowed = max(gate.max_quarantined_share * rows, gate.quarantine_allowance)
    message = (
        f"{faults} of {rows} rows fail ({faults / rows:.1%}; at most {gate.max_quarantined_share:.0%}, "
        f"or {gate.quarantine_allowance} rows, may)"
        if rows
        else "no rows"
    )
    holding = [one for one in findings if one.judges == "row" and one.severity == "critical" and one.rows_failed]
    most = sorted(holding, key=lambda one: (-(one.rows_failed or 0), one.rule))[:REASONS_SHOWN]
    if faults > allowed and most:
        message += f": {', '.join(f'{one.message} ({one.rows_failed})' for one in most)}"
    return Finding("quarantined_share", "load", "critical", faults <= allowed, None, message, {"quarantined": faults})


def _count_failed_rows(connection: psycopg.Connection[Any], load_id: int) -> int:
    row = connection.execute(
        sql.SQL("select count(distinct row_number) from {}").format(failures_table(load_id))
    ).fetchone()
    assert row is not None
    return int(row[0])


def _record(connection: psycopg.Connection[Any], load_id: int, findings: Iterable[Finding]) -> None:
    connection.execute("delete from ops.validation_results where load_id = %s", [load_id])
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.validation_results (load_id, expectation, judges, severity, success, rows_failed, message, observed) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                [
                    load_id,
                    f.rule,
                    f.judges,
                    f.severity,
                    f.success,
                    f.rows_failed,
                    f.message,
                    json.dumps(f.observed, default=str),
                ]
                for f in findings
            ],
        )


def _finish(
    connection: psycopg.Connection[Any],
    load_id: int,
    status: str,
    message: str | None,
    accepted: int | None = None,
    quarantined: int | None = None,
    *,
    is_late: bool = False,
) -> None:
    connection.execute(
        "update ops.loads set status = %s, validated_at = clock_timestamp(), rows_accepted = %s, rows_quarantined = %s, "
        "is_late = %s, message = coalesce(%s, message) where load_id = %s",
        [status, accepted, quarantined, is_late, message, load_id],
    )
