"""Judge one load: Great Expectations runs the entity's suite on exactly its rows; failing rows are named, a bad load is refused."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.errors import Refused, RetainError
from retain.landing import drop_gate_tables, failures_table, only_one_load
from retain.mapping import Selection, mapping_of, write_gate_table
from retain.warehouse import connect, dsn


@dataclass(frozen=True)
class Finding:
    """What one expectation found; `rows_failed` is None for a rule on the load as a whole."""

    rule: str
    judges: str
    severity: str
    success: bool
    rows_failed: int | None
    message: str
    observed: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """The judgement on a load: accepted and quarantined rows, and the reasons if all of it was refused."""

    load_id: int
    source: str
    entity: str
    rows: int
    rows_quarantined: int
    refusals: tuple[str, ...]

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
    with connect(settings) as connection:
        source, entity, kind, status, expected = _load(connection, load_id)
        if status not in ("landed", "validated"):
            raise Refused(f"Load {load_id} is {status}: only a landed load can be judged.")
        with only_one_load(connection, source, entity):
            try:
                waiting = waiting_rows(connection, source, entity) if kind == "retry" else None
                return _judge(connection, settings, load_id, source, entity, expected, waiting)
            except RetainError as error:
                connection.rollback()
                _finish(connection, load_id, "failed", str(error))
                connection.commit()
                raise


def _judge(
    connection: psycopg.Connection[Any],
    settings: Settings,
    load_id: int,
    source: str,
    entity: str,
    expected: int,
    selections: list[Selection] | None = None,
) -> Verdict:
    mapping = mapping_of(settings, source, entity)
    if expected == 0:
        rows, findings = 0, []
        drop_gate_tables(connection, load_id)
    else:
        rows = write_gate_table(connection, settings, mapping, load_id, selections or [Selection(load_id)])
        connection.commit()  # Great Expectations looks with a connection of its own
        as_mapped = selections is not None or bool(mapping.group_by) or mapping.where is not None
        landed = expected if as_mapped else rows
        findings = list(_validate(connection, settings, load_id, source, entity, rows if as_mapped else expected))
        if as_mapped and selections is None:  # rows are grouped or filtered on the way: what must agree is landing
            landed = _landed_rows(connection, source, entity, load_id)
            findings.append(_row_count(landed, expected))
    quarantined = _count_failed_rows(connection, load_id) if rows else 0
    if selections is None:
        findings.append(_share(settings, rows, quarantined))
    verdict = Verdict(load_id, source, entity, rows, quarantined, tuple(_refusals(findings)))
    _record(connection, load_id, findings)
    _finish(
        connection,
        load_id,
        "refused" if verdict.is_refused else "validated",
        "; ".join(verdict.refusals) or None,
        rows - quarantined,
        quarantined,
    )
    if verdict.is_refused:
        drop_gate_tables(connection, load_id)
    connection.commit()
    return verdict


def _load(connection: psycopg.Connection[Any], load_id: int) -> tuple[str, str, str, str, int]:
    row = connection.execute(
        "select source, entity, kind, status, coalesce(rows_sent, 0) from ops.loads where load_id = %s", [load_id]
    ).fetchone()
    connection.commit()
    if row is None:
        raise Refused(f"There is no load {load_id}.", hint="`retain loads` lists them.")
    return row[0], row[1], row[2], row[3], int(row[4])


def waiting_rows(connection: psycopg.Connection[Any], source: str, entity: str) -> list[Selection]:
    """The landed rows that wait in quarantine for nothing but a record they refer to."""
    rows = connection.execute(
        "select origin_load_id, array_agg(row_number order by row_number) from ops.quarantine "
        "where source = %s and entity = %s and status = 'open' and waits_for_reference group by origin_load_id",
        [source, entity],
    )
    return [Selection(load_id, tuple(numbers)) for load_id, numbers in rows]


def _landed_rows(connection: psycopg.Connection[Any], source: str, entity: str, load_id: int) -> int:
    row = connection.execute(
        sql.SQL("select count(*) from {} where _load_id = %s").format(sql.Identifier("landing", f"{source}__{entity}")),
        [load_id],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _row_count(landed: int, expected: int) -> Finding:
    message = f"the load holds {landed} records, the source sent {expected}"
    return Finding("row_count_landed", "load", "critical", landed == expected, None, message, {"landed": landed})


def _share(settings: Settings, rows: int, quarantined: int) -> Finding:
    """Too many bad rows mean that something larger is wrong; a handful never stops a load."""
    gate = settings.gate
    allowed = max(gate.max_quarantined_share * rows, gate.quarantine_allowance)
    message = (
        f"{quarantined} of {rows} rows fail ({quarantined / rows:.1%}; at most {gate.max_quarantined_share:.0%} may)"
        if rows
        else "no rows"
    )
    return Finding(
        "quarantined_share", "load", "critical", quarantined <= allowed, None, message, {"quarantined": quarantined}
    )


@cache
def _context() -> Any:
    """Great Expectations without files, progress bars or telemetry; importing it takes seconds, so it happens here."""
    import logging

    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
    return context


def _batch(settings: Settings, load_id: int) -> Any:
    parameters = dsn(settings)
    url = (
        f"postgresql+psycopg2://{quote(str(parameters['user']), safe='')}:{quote(str(parameters['password']), safe='')}"
        f"@{parameters['host']}:{parameters['port']}/{parameters['dbname']}"
    )
    context = _context()
    datasource = context.data_sources.add_or_update_postgres("warehouse", connection_string=url)
    asset = datasource.add_table_asset(f"load_{load_id}", table_name=f"load_{load_id}", schema_name="gate")
    return asset.add_batch_definition_whole_table("all").get_batch()


def _validate(
    connection: psycopg.Connection[Any], settings: Settings, load_id: int, source: str, entity: str, expected: int
) -> Iterable[Finding]:
    from expectations import SUITES, Shop

    _context()
    business = settings.business
    shop = Shop(frozenset(settings.source(source).entities), business.reporting_currency, business.timezone)
    suite = SUITES[entity](shop)
    batch = _batch(settings, load_id)
    try:
        result = batch.validate(
            suite,
            expectation_parameters={"rows_expected": expected},
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": ["row_number"],
                "return_unexpected_index_query": True,
                "partial_unexpected_count": 0,
            },
        )
    finally:
        batch.datasource.execution_engine.engine.dispose()
    for outcome in result.results:
        yield _finding(connection, load_id, outcome)


def _finding(connection: psycopg.Connection[Any], load_id: int, outcome: Any) -> Finding:
    expectation = outcome.expectation_config
    meta = expectation.meta or {}
    rule, judges, severity = meta["rule"], meta["judges"], expectation.severity.value
    sentence = expectation.description or rule
    if _raised(outcome):
        message = f"the check '{sentence}' could not be made: {_raised(outcome)}"
        return Finding(rule, "load", "critical", False, None, message, {})
    if outcome.success or judges == "load":
        observed = {"observed": outcome.result.get("observed_value")}
        return Finding(rule, judges, severity, bool(outcome.success), None, sentence, observed)
    query = _failing_rows(outcome, load_id)
    if severity == "critical":
        connection.execute(
            sql.SQL(
                "insert into {} select distinct row_number, {}, concat_ws(': ', {}, {}), {} from ({}) as failing"
            ).format(
                failures_table(load_id),
                sql.Literal(rule),
                sql.Literal(sentence),
                sql.Identifier(meta["detail"]) if meta.get("detail") else sql.SQL("null"),
                sql.Literal(bool(meta.get("waits"))),
                query,
            )
        )
    counted = connection.execute(
        sql.SQL("select count(distinct row_number) from ({}) as failing").format(query)
    ).fetchone()
    assert counted is not None
    return Finding(rule, judges, severity, False, int(counted[0]), sentence, {})


def _raised(outcome: Any) -> str:
    """The message of an expectation that could not be evaluated: a broken check, never a failed row."""
    information = outcome.exception_info or {}
    if "raised_exception" in information:
        information = {"": information}
    for entry in information.values():
        if entry.get("raised_exception"):
            return str(entry.get("exception_message") or "unknown error").splitlines()[0]
    return ""


def _failing_rows(outcome: Any, load_id: int) -> sql.Composable:
    """The suite's own query for the rows that fail: there is no second copy of the rule."""
    own_query = outcome.expectation_config.kwargs.get("unexpected_rows_query")
    if own_query is not None:
        table = f'(select * from "gate"."load_{load_id}") as subselect'
        return sql.SQL(own_query.format(batch=table))
    return sql.SQL(outcome.result["unexpected_index_query"].rstrip("; \n"))


def _count_failed_rows(connection: psycopg.Connection[Any], load_id: int) -> int:
    row = connection.execute(
        sql.SQL("select count(distinct row_number) from {}").format(failures_table(load_id))
    ).fetchone()
    assert row is not None
    return int(row[0])


def _refusals(findings: Iterable[Finding]) -> Iterable[str]:
    return (f.message for f in findings if f.judges == "load" and f.severity == "critical" and not f.success)


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
) -> None:
    connection.execute(
        "update ops.loads set status = %s, validated_at = clock_timestamp(), rows_accepted = %s, rows_quarantined = %s, "
        "message = coalesce(%s, message) where load_id = %s",
        [status, accepted, quarantined, message, load_id],
    )
