"""How the loads go, as numbers: for Prometheus to scrape (`retain metrics`), and for a person (`retain status`)."""

import http.server
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from retain import __version__
from retain.config import Settings
from retain.errors import RetainError, UserError
from retain.progress import verified_through

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OUTCOMES = ("sent", "accepted", "quarantined", "changed")

# The last load of each entity, and what all of them come to. `kind` as in the mart load_health: a backfill is no news.
LAST = """
select distinct on (source, entity) source, entity, status,
    date_part('epoch', coalesce(published_at, validated_at, landed_at) - started_at),
    date_part('epoch', coalesce(published_at, validated_at, landed_at, started_at)),
    rows_sent, rows_accepted, rows_quarantined, rows_changed
from ops.loads where kind in ('incremental', 'full') order by source, entity, load_id desc"""
TOTALS = """
select source, entity, status, count(*), coalesce(sum(rows_sent), 0), coalesce(sum(rows_quarantined), 0)
from ops.loads where status <> 'started' group by source, entity, status order by source, entity, status"""
QUARANTINE = """
select source, entity, count(*), date_part('epoch', min(opened_at))
from ops.quarantine where status = 'open' group by source, entity order by source, entity"""
UNEXPLAINED = """
select source, entity, sum(abs(difference)) from ops.reconciliation group by source, entity order by source, entity"""
ALERTS = "select kind, source, count(*) from ops.alerts where resolved_at is null group by kind, source order by kind, source"


@dataclass(frozen=True)
class Sample:
    """One value of a metric, with what it is of."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Metric:
    """A metric with all its samples; `type` is Prometheus's own: gauge or counter."""

    name: str
    help: str
    type: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class LastLoad:
    """The last load of an entity: seconds until it came as far as `status` says, when that was (epoch), rows by outcome."""

    source: str
    entity: str
    status: str
    seconds: float | None
    ended: float
    rows: dict[str, int | None]


def last_loads(connection: psycopg.Connection[Any]) -> list[LastLoad]:
    return [
        LastLoad(source, entity, status, seconds, ended, dict(zip(OUTCOMES, rows, strict=True)))
        for source, entity, status, seconds, ended, *rows in connection.execute(LAST.encode())
    ]


def collect(connection: psycopg.Connection[Any], settings: Settings) -> list[Metric]:
    """Everything that is told, as of now. Nothing personal: sources, entities and counts."""
    now = datetime.now(UTC)
    loads = last_loads(connection)
    totals = connection.execute(TOTALS.encode()).fetchall()
    waiting = {
        (source, entity): (rows, since) for source, entity, rows, since in connection.execute(QUARANTINE.encode())
    }
    complete = verified_through(connection, settings)
    entities = sorted(complete)
    unexplained = connection.execute(UNEXPLAINED.encode()).fetchall()
    alerts = connection.execute(ALERTS.encode()).fetchall()

    def of(source: str, entity: str, **more: str) -> dict[str, str]:
        return {"source": source, "entity": entity, **more}

    return [
        _metric("info", "The release that speaks.", [Sample({"version": __version__}, 1)]),
        _metric(
            "last_load_rows",
            "Rows of the last load by what became of them.",
            (
                Sample(of(load.source, load.entity, outcome=outcome), rows)
                for load in loads
                for outcome, rows in load.rows.items()
                if rows is not None
            ),
        ),
        _metric(
            "last_load_seconds",
            "Seconds from the beginning of the last load until it was published, or as far as it came.",
            (Sample(of(load.source, load.entity), load.seconds) for load in loads if load.seconds is not None),
        ),
        _metric(
            "last_load_timestamp_seconds",
            "When the last load ended.",
            (Sample(of(load.source, load.entity), load.ended) for load in loads),
        ),
        _metric(
            "last_load_failed",
            "1 when the last load was refused or failed.",
            (Sample(of(load.source, load.entity), load.status in ("refused", "failed")) for load in loads),
        ),
        _metric(
            "loads_total",
            "Loads by how they ended.",
            (Sample(of(source, entity, status=status), number) for source, entity, status, number, _, _ in totals),
            "counter",
        ),
        _metric("rows_sent_total", "Rows that the source sent.", _summed(totals, 4), "counter"),
        _metric("rows_quarantined_total", "Rows that a check held back.", _summed(totals, 5), "counter"),
        _metric(
            "freshness_seconds",
            "Age of the moment up to which everything of the entity is verified and published.",
            (
                Sample(of(source, entity), (now - moment).total_seconds())
                for source, entity in entities
                if (moment := complete[source, entity]) is not None
            ),
        ),
        _metric(
            "never_published",
            "1 for an entity of retain.yml of which nothing was ever published: it has no freshness.",
            (Sample(of(source, entity), complete[source, entity] is None) for source, entity in entities),
        ),
        _metric(
            "quarantine_open_rows",
            "Rows that wait in quarantine.",
            (Sample(of(*key), waiting.get(key, (0, None))[0]) for key in entities),
        ),
        _metric(
            "quarantine_oldest_timestamp_seconds",
            "Since when the oldest of them waits.",
            (Sample(of(*key), since) for key, (_, since) in sorted(waiting.items())),
        ),
        _metric(
            "unexplained_records",
            "Records that were sent and are nowhere. Always 0; anything else is a fault.",
            (Sample(of(source, entity), number) for source, entity, number in unexplained),
        ),
        _metric(
            "open_alerts",
            "Problems that are open, by kind.",
            (Sample({"kind": kind, "source": source}, number) for kind, source, number in alerts),
        ),
    ]


def _metric(name: str, help: str, samples: Iterable[Sample], type: str = "gauge") -> Metric:
    return Metric(f"retain_{name}", help, type, tuple(samples))


def _summed(totals: list[tuple[Any, ...]], column: int) -> Iterator[Sample]:
    sums: dict[tuple[str, str], int] = {}
    for row in totals:
        sums[row[0], row[1]] = sums.get((row[0], row[1]), 0) + int(row[column])
    return (Sample({"source": source, "entity": entity}, rows) for (source, entity), rows in sums.items())


def exposition(metrics: Iterable[Metric]) -> str:
    """Prometheus's text format, version 0.0.4."""
    lines = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.type}"]
        for sample in metric.samples:
            labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
            lines.append(f"{metric.name}{{{labels}}} {float(sample.value)!r}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def server(host: str, port: int, page: Callable[[], str]) -> http.server.ThreadingHTTPServer:
    """A server of /metrics: every request asks `page` anew; when that fails the answer is 503 with its sentence.

    Raises UserError when nothing can listen there.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/metrics":
                self._answer(404, "The metrics are at /metrics.\n")
                return
            try:
                text = page()
            except (RetainError, psycopg.Error) as error:
                self._answer(503, f"{str(error).splitlines()[0]}\n")
                return
            self._answer(200, text)

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            return  # one line a scrape would be all there is to read

    try:
        return http.server.ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise UserError(f"Nothing can listen at {host}:{port}: {error.strerror}.") from None
