"""Run the suites of Great Expectations on a load that is in the gate, and say what each expectation found.

Failing rows never come into the process: their numbers are written to gate.load_<load_id>_failures by the expectation's own SQL.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.entities import Entity
from retain.landing import evidence_table, failures_table, gate_table
from retain.mapping import Mapping
from retain.records import LOOKED_UP, key_text
from retain.roles import LOADER
from retain.warehouse import role_dsn

KEYS_KEPT = 5
SENTENCES = 3  # so many things observed are named in a finding; the rest is counted
WORK_MEM = "128MB"


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
class Validated:
    """The findings on a load, and Great Expectations' own results, for its Data Docs."""

    findings: list[Finding]
    results: list[Any]


def validate(
    connection: psycopg.Connection[Any],
    settings: Settings,
    mapping: Mapping,
    load_id: int,
    rows_expected: int | None,
    has_copies: bool = False,
) -> Validated:
    """Run the entity's suite on the load, and the suite of habits on its evidence.

    `rows_expected` is None for a load without rows, of which there is only evidence. `has_copies`: some record is in the
    load more than once; a rule about such records is left out where there are none, because its query is a costly one.
    """
    context()
    from expectations import Shop, habits, suite_of_entity

    findings: list[Finding] = []
    results = []
    with _warehouse(settings) as warehouse:
        if rows_expected is not None:
            shop = Shop(
                frozenset(settings.source(mapping.source).entities),
                mapping.mapped,
                settings.business.reporting_currency,
                settings.business.timezone,
                settings.gate_of(mapping.source),
                has_copies,
                getattr(settings.source(mapping.source), "date_order", None) == "YMD",
            )
            suite = suite_of_entity(mapping.entity.name, shop)
            results.append(warehouse.run(suite, f"load_{load_id}", {"rows_expected": rows_expected}))
            findings += _findings(connection, mapping.entity, suite, results[-1], load_id)
        suite = habits.suite()
        results.append(warehouse.run(suite, f"load_{load_id}_evidence", {}))
        findings += _findings(connection, mapping.entity, suite, results[-1], load_id)
    return Validated(findings, results)


def count_on_raw(connection: psycopg.Connection[Any]) -> None:
    """Let the server look at the tables of raw that have grown since it last did: a plan made for an empty table, which looks
    up row by row what a first load should hash, takes minutes instead of seconds. Autovacuum would come too late, and the
    server's own counts of changes lag behind: the size of a table does not."""
    grown = connection.execute(
        "select relname from pg_class where relnamespace = 'raw'::regnamespace and relkind = 'r' and relname = any(%s) "
        "and pg_relation_size(oid) / current_setting('block_size')::int > 1.2 * relpages + 8",
        [list(LOOKED_UP)],
    ).fetchall()
    for (table,) in grown:  # the columns by which rules look things up; the others are autovacuum's
        connection.execute(
            sql.SQL("analyze {} ({})").format(
                sql.Identifier("raw", table), sql.SQL(", ").join(map(sql.Identifier, LOOKED_UP[table]))
            )
        )


@cache
def context() -> Any:
    """Great Expectations without files, progress bars or telemetry; importing it takes seconds, so it happens here."""
    import logging

    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    # What it cannot evaluate is a finding, told once in a sentence; it would print a traceback besides.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    import great_expectations as gx

    made = gx.get_context(mode="ephemeral")
    made.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
    return made


class _warehouse:  # noqa: N801 -- used as a function
    """The tables of schema gate as Great Expectations sees them; its connections are closed at the end."""

    def __init__(self, settings: Settings) -> None:
        parameters = role_dsn(settings, LOADER)
        url = (
            f"postgresql+psycopg2://{quote(str(parameters['user']), safe='')}:{quote(str(parameters['password']), safe='')}"
            f"@{parameters['host']}:{parameters['port']}/{parameters['dbname']}"
        )
        options = {"connect_args": {"options": f"-c work_mem={WORK_MEM} -c timezone=UTC", "application_name": "retain"}}
        self._datasource = context().data_sources.add_or_update_postgres(
            "warehouse", connection_string=url, kwargs=options
        )

    def __enter__(self) -> "_warehouse":
        return self

    def __exit__(self, *_: object) -> None:
        self._datasource.get_execution_engine().engine.dispose()

    def run(self, suite: Any, table: str, parameters: dict[str, Any]) -> Any:
        asset = self._datasource.add_table_asset(table, table_name=table, schema_name="gate")
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        return batch.validate(suite, expectation_parameters=parameters, result_format="BASIC")


def _findings(
    connection: psycopg.Connection[Any], entity: Entity, suite: Any, result: Any, load_id: int
) -> Iterator[Finding]:
    by_rule = {expectation.meta["rule"]: expectation for expectation in suite.expectations}
    for outcome in result.results:
        yield _finding(connection, entity, by_rule[outcome.expectation_config.meta["rule"]], outcome, load_id)


def _finding(
    connection: psycopg.Connection[Any], entity: Entity, expectation: Any, outcome: Any, load_id: int
) -> Finding:
    meta = expectation.meta
    rule, judges, severity = meta["rule"], meta["judges"], expectation.severity.value
    sentence = expectation.description
    if raised := _raised(outcome):
        message = f"the check '{sentence}' could not be made: {raised}"
        return Finding(rule, "load", "critical", False, None, message, {})
    if judges == "load":
        observed: dict[str, Any] = {"observed": outcome.result.get("observed_value")}
        if not outcome.success and meta.get("detail"):
            observed["found"] = _details(connection, expectation, load_id, meta["detail"])
            sentence = _told(sentence, observed["found"])
        return Finding(rule, judges, severity, bool(outcome.success), None, sentence, observed)
    if outcome.success:
        return Finding(rule, judges, severity, True, 0, sentence, {})
    query = sql.SQL(expectation.failing_rows(_name(gate_table(load_id), connection)))
    if severity == "critical":
        cursor = connection.execute(
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
        keys = _keys(connection, entity, load_id, rule)
        return Finding(rule, judges, severity, False, cursor.rowcount, sentence, {"keys": keys})
    # A rule on one row counted it already; a query may have found a row more than once.
    return Finding(rule, judges, severity, False, int(outcome.result["observed_value"]), sentence, {})


def _keys(connection: psycopg.Connection[Any], entity: Entity, load_id: int, rule: str) -> list[str]:
    """The keys of the first rows that a rule names: of a load that is refused, nothing else would say which they were."""
    rows = connection.execute(
        sql.SQL(
            "select {key} from {failures} as failed join {gate} as incoming using (row_number) "
            "where failed.rule = {rule} and {key} <> '' order by row_number limit {most}"
        ).format(
            key=key_text(entity, "incoming"),
            failures=failures_table(load_id),
            gate=gate_table(load_id),
            rule=sql.Literal(rule),
            most=sql.Literal(KEYS_KEPT),
        )
    )
    return [row[0] for row in rows]


def _details(connection: psycopg.Connection[Any], expectation: Any, load_id: int, column: str) -> list[str]:
    """What a rule on the load names as the reason, row by row of what it looked at."""
    table = evidence_table(load_id) if column == "sentence" else gate_table(load_id)
    query = expectation.failing_rows(_name(table, connection))
    rows = connection.execute(
        sql.SQL("select distinct {}::text from ({}) as failing order by 1 limit 100").format(
            sql.Identifier(column), sql.SQL(query)
        )
    )
    return [row[0] for row in rows]


def _name(table: sql.Identifier, connection: psycopg.Connection[Any]) -> str:
    return table.as_string(connection)


def _told(sentence: str, found: list[str]) -> str:
    """`orders have lines, but: 5 % of 40 orders have no lines, usually 0 %`."""
    more = f"; and {len(found) - SENTENCES} more" if len(found) > SENTENCES else ""
    return f"{sentence}, but: {'; '.join(found[:SENTENCES])}{more}"


def _raised(outcome: Any) -> str:
    """The message of an expectation that could not be evaluated: a broken check, never a failed row."""
    information = outcome.exception_info or {}
    if "raised_exception" in information:
        information = {"": information}
    for entry in information.values():
        if entry.get("raised_exception"):
            return str(entry.get("exception_message") or "unknown error").splitlines()[0]
    return ""


def refusals(findings: Iterable[Finding]) -> list[str]:
    return [f.message for f in findings if f.judges == "load" and f.severity == "critical" and not f.success]
