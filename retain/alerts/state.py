"""What is known of problems and of who was told: ops.alerts and ops.alert_deliveries, changed under one lock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from retain.alerts.message import Alert
from retain.alerts.problem import Judgement, Key, Kind, Problem
from retain.alerts.repeating import Event, Size, Told, event_due

ALERT_LOCK = 727_004
LOCK_WAIT = "10s"
A_SENDER_LIVES = timedelta(minutes=5)  # a claim that is older belongs to a process that was killed
OVER_IS_NEWS = timedelta(days=7)  # an end that no channel could be told within a week is not told any more
REST = timedelta(
    minutes=1
)  # a channel that did not take a message is left alone so long: many loads do not each wait for it
DIED = "the process that was sending it ended before it was done"


@dataclass(frozen=True)
class Delivery:
    """A message that this process, and no other, has to send."""

    delivery_id: int
    channel: str
    event: Event
    alert: Alert


def lock(connection: psycopg.Connection[Any]) -> None:
    """Hold the alerts until the transaction ends: processes that see the same problem take turns, for milliseconds."""
    connection.execute(f"set local lock_timeout = '{LOCK_WAIT}'".encode())
    connection.execute("select pg_advisory_xact_lock(%s)", [ALERT_LOCK])


def note(
    connection: psycopg.Connection[Any], judgement: Judgement, known: set[tuple[str, str]] | None, now: datetime
) -> set[int]:
    """Open, renew and resolve problems; returns the numbers of those that were seen now.

    `known`: the configured (source, entity) pairs; a problem of one that is no longer configured is over.
    """
    seen: set[int] = set()
    still_open = {alert.key: alert for alert in open_alerts(connection)}
    for problem in judgement.problems:
        alert = still_open.pop(problem.key, None)
        if alert is None:
            seen.add(_open(connection, problem, now))
        else:
            kept = _kept(alert, judgement, known)
            _renew(connection, alert, problem, sorted(kept | problem.parts), now)
            seen.add(alert.alert_id)
    for alert in still_open.values():
        kept = _kept(alert, judgement, known)
        if kept != set(alert.parts):
            connection.execute(
                "update ops.alerts set parts = %s, resolved_at = %s where alert_id = %s",
                [sorted(kept), None if kept else now, alert.alert_id],
            )
    return seen


def _kept(alert: Alert, judgement: Judgement, known: set[tuple[str, str]] | None) -> set[str]:
    """The parts of a problem that nobody looked at this time."""
    parts = {part for part in alert.parts if (alert.key, part) not in judgement.looked_at}
    about_entities = alert.key.kind in (
        Kind.LOAD_REFUSED,
        Kind.SOURCE_UNREADABLE,
        Kind.STALE_SOURCE,
        Kind.QUARANTINE_GROWING,
        Kind.LOAD_UNUSUAL,
    )
    if known is not None and about_entities:
        parts = {part for part in parts if (alert.key.source, part) in known}
    return parts


def _values(problem: Problem) -> dict[str, Any]:
    return {
        "severity": problem.severity,
        "title": problem.title,
        "reasons": list(problem.reasons),
        "rules": list(problem.rules),
        "rows": problem.rows,
        "rows_of": problem.rows_of,
        "counted": problem.counted,
        "keys": list(problem.keys),
        "holds_back": problem.holds_back,
        "what_to_do": problem.what_to_do,
        "runbook": problem.runbook,
        "load_id": problem.load_id,
    }


def _open(connection: psycopg.Connection[Any], problem: Problem, now: datetime) -> int:
    row = connection.execute(
        "insert into ops.alerts (kind, source, entity, subject, parts, severity, title, reasons, rules, rows, rows_of, "
        "counted, keys, holds_back, what_to_do, runbook, load_id, since, opened_at, last_seen_at) values (%(kind)s, "
        "%(source)s, %(entity)s, %(subject)s, %(parts)s, %(severity)s, %(title)s, %(reasons)s, %(rules)s, %(rows)s, "
        "%(rows_of)s, %(counted)s, %(keys)s, %(holds_back)s, %(what_to_do)s, %(runbook)s, %(load_id)s, %(since)s, "
        "%(now)s, %(now)s) returning alert_id",
        {
            **_values(problem),
            **problem.key._asdict(),
            "parts": sorted(problem.parts),
            "since": problem.since or now,
            "now": now,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def _renew(
    connection: psycopg.Connection[Any], alert: Alert, problem: Problem, parts: list[str], now: datetime
) -> None:
    connection.execute(
        "update ops.alerts set parts = %(parts)s, severity = %(severity)s, title = %(title)s, reasons = %(reasons)s, "
        "rules = %(rules)s, rows = %(rows)s, rows_of = %(rows_of)s, counted = %(counted)s, keys = %(keys)s, "
        "holds_back = %(holds_back)s, what_to_do = %(what_to_do)s, runbook = %(runbook)s, load_id = %(load_id)s, "
        "last_seen_at = %(now)s where alert_id = %(alert_id)s",
        {**_values(problem), "parts": parts, "now": now, "alert_id": alert.alert_id},
    )


COLUMNS = (
    "alert_id, thread::text, kind, source, entity, subject, parts, severity, title, reasons, rules, rows, rows_of, counted, "
    "keys, holds_back, what_to_do, runbook, load_id, since, opened_at, last_seen_at, resolved_at"
)


def open_alerts(connection: psycopg.Connection[Any]) -> list[Alert]:
    """The problems that are not over, the oldest first."""
    return _alerts(connection, "resolved_at is null", {})


def _alerts(connection: psycopg.Connection[Any], condition: str, values: dict[str, Any]) -> list[Alert]:
    with connection.cursor(row_factory=dict_row) as cursor:
        statement = f"select {COLUMNS} from ops.alerts where {condition} order by alert_id"
        return [_alert(row) for row in cursor.execute(statement.encode(), values)]


def _alert(row: dict[str, Any]) -> Alert:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    key = Key(Kind(values.pop("kind")), *(values.pop(name) for name in ("source", "entity", "subject")))
    return Alert(key=key, **values)


def claim(
    connection: psycopg.Connection[Any],
    channels: Iterable[str],
    seen: set[int],
    repeat: timedelta,
    now: datetime,
) -> list[Delivery]:
    """Take what every channel should hear now, and mark it as being sent. To be called under `lock`."""
    connection.execute(
        "update ops.alert_deliveries set status = 'failed', ended_at = %s, error = %s "
        "where status = 'sending' and tried_at < %s",
        [now, DIED, now - A_SENDER_LIVES],
    )
    resting = _resting(connection, now)
    alerts = _alerts(connection, "resolved_at is null or resolved_at > %(since)s", {"since": now - OVER_IS_NEWS})
    history = _history(connection, [alert.alert_id for alert in alerts])
    claimed = []
    for alert in alerts:
        for channel in (one for one in channels if one not in resting):
            past = history.get((alert.alert_id, channel), Past())
            event = event_due(
                alert.size,
                past.told,
                is_over=alert.is_over,
                was_tried=past.was_tried,
                is_seen=alert.alert_id in seen,
                now=now,
                repeat=repeat,
            )
            if event is not None and not past.is_sending:
                claimed.append(Delivery(_begin(connection, alert, channel, event, now), channel, event, alert))
    return claimed


def _resting(connection: psycopg.Connection[Any], now: datetime) -> set[str]:
    rows = connection.execute(
        "select distinct channel from ops.alert_deliveries where status = 'failed' and event <> 'test' "
        "and tried_at > %s and tried_at <= %s",
        [now - REST, now],
    )
    return {channel for (channel,) in rows}


@dataclass
class Past:
    """What one channel was told of one problem."""

    told: Told | None = None
    was_tried: bool = False
    is_sending: bool = False


def _history(connection: psycopg.Connection[Any], alert_ids: list[int]) -> dict[tuple[int, str], Past]:
    past: dict[tuple[int, str], Past] = {}
    rows = connection.execute(
        "select alert_id, channel, status, event, severity, rows, rules, tried_at from ops.alert_deliveries "
        "where alert_id = any(%s) order by delivery_id",
        [alert_ids],
    )
    for alert_id, channel, status, event, severity, size, rules, tried_at in rows:
        one = past.setdefault((alert_id, channel), Past())
        one.was_tried = True
        one.is_sending |= status == "sending"
        if status == "ok":  # a rule that was told once is not news when it comes back
            told_before = one.told.size.rules if one.told else frozenset()
            one.told = Told(Event(event), Size(severity or 0, size, told_before | frozenset(rules)), tried_at)
    return past


def _begin(connection: psycopg.Connection[Any], alert: Alert, channel: str, event: Event, now: datetime) -> int:
    row = connection.execute(
        "insert into ops.alert_deliveries (alert_id, channel, event, status, severity, rows, rules, tried_at) "
        "values (%s, %s, %s, 'sending', %s, %s, %s, %s) returning delivery_id",
        [alert.alert_id, channel, event.value, alert.severity, alert.rows, list(alert.rules), now],
    ).fetchone()
    assert row is not None
    return int(row[0])


def finish(connection: psycopg.Connection[Any], delivery_id: int, error: str | None, note: str | None) -> None:
    """Write down how it went; a message that arrived may have a note, e.g. that one recipient of three was refused."""
    connection.execute(
        "update ops.alert_deliveries set status = %s, error = %s, ended_at = clock_timestamp() where delivery_id = %s",
        ["failed" if error else "ok", error or note, delivery_id],
    )


def record_test(
    connection: psycopg.Connection[Any], channel: str, error: str | None, note: str | None, now: datetime
) -> None:
    connection.execute(
        "insert into ops.alert_deliveries (channel, event, status, tried_at, ended_at, error) "
        "values (%s, 'test', %s, %s, clock_timestamp(), %s)",
        [channel, "failed" if error else "ok", now, error or note],
    )


def last_deliveries(connection: psycopg.Connection[Any]) -> dict[int, list[tuple[str, str, datetime, str | None]]]:
    """Of every open problem, what each channel was last sent: channel, status, when, and why it failed or what is to know."""
    found: dict[int, list[tuple[str, str, datetime, str | None]]] = {}
    rows = connection.execute(
        "select distinct on (alert_id, channel) alert_id, channel, status, tried_at, error from ops.alert_deliveries "
        "join ops.alerts using (alert_id) where resolved_at is null order by alert_id, channel, delivery_id desc"
    )
    for alert_id, *delivery in rows:
        found.setdefault(alert_id, []).append((delivery[0], delivery[1], delivery[2], delivery[3]))
    return found


def recent_deliveries(
    connection: psycopg.Connection[Any], most: int
) -> list[tuple[datetime, str, str, str | None, str, str | None]]:
    """The last messages, the newest first: when, channel, event, the problem's title, status, and why or what is to know."""
    return connection.execute(
        "select tried_at, channel, event, title, status, error from ops.alert_deliveries left join ops.alerts using (alert_id) "
        "order by delivery_id desc limit %s",
        [most],
    ).fetchall()


def silent_channels(connection: psycopg.Connection[Any]) -> list[tuple[str, datetime, str]]:
    """The channels whose last message did not arrive: name, when, why."""
    return connection.execute(
        "select channel, tried_at, error from (select distinct on (channel) * from ops.alert_deliveries "
        "where status <> 'sending' order by channel, delivery_id desc) as last where status = 'failed' order by channel"
    ).fetchall()
