"""One message about one problem: written once, shown alike by every channel."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from retain.alerts.judging import moment_text
from retain.alerts.problem import CRITICAL, Key, Kind
from retain.alerts.repeating import Event, Size

REPOSITORY_RUNBOOKS = "docs/runbooks"
PREFIXES = {Event.WORSE: "Worse: ", Event.STILL: "Still: ", Event.OVER: "Over: ", Event.TEST: "Test: "}


@dataclass(frozen=True)
class Alert:
    """A problem as ops.alerts keeps it: what `Problem` says, cleaned, and its times."""

    alert_id: int
    thread: str
    key: Key
    parts: tuple[str, ...]
    severity: int
    title: str
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    rows: int | None
    rows_of: int | None
    counted: str
    keys: tuple[str, ...]
    holds_back: str
    what_to_do: str
    runbook: str
    load_id: int | None
    since: datetime
    opened_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None

    @property
    def size(self) -> Size:
        return Size(self.severity, self.rows, frozenset(self.rules))

    @property
    def is_over(self) -> bool:
        return self.resolved_at is not None


@dataclass(frozen=True)
class Message:
    """`lines` are pairs of a label and what stands beside it; `document` is the same for a machine."""

    event: Event
    shop: str
    title: str
    lines: tuple[tuple[str, str], ...]
    thread: str
    is_critical: bool
    document: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n".join((self.title, "", *(f"{label}: {value}" for label, value in self.lines)))


def message_of(
    alert: Alert,
    event: Event,
    shop: str,
    zone: tzinfo,
    runbooks: str | None,
    now: datetime,
    data_docs: str | None = None,
) -> Message:
    """What is said of a problem. All text of the alert has been cleaned before it was written down."""
    is_over = event is Event.OVER
    title = f"{PREFIXES.get(event, '')}{alert.title}"
    since = moment_text(alert.since, zone)
    runbook = f"{(runbooks or REPOSITORY_RUNBOOKS).rstrip('/')}/{alert.runbook}"
    command = f"retain loads show {alert.load_id}" if alert.load_id is not None else None
    lines = [("What was wrong" if is_over else "What failed", "; ".join(alert.reasons))]
    if len(alert.parts) > 1 and not is_over:
        lines.append(("Where", ", ".join(alert.parts)))
    if alert.counted:
        lines.append(("Rows", alert.counted))
    if alert.keys:
        lines.append(("For example", ", ".join(alert.keys)))
    if is_over:
        lines.append(("From", f"{since} to {moment_text(alert.resolved_at or now, zone)}"))
    else:
        lines += [("Since", since), ("Held back", alert.holds_back), ("To do", alert.what_to_do), ("Runbook", runbook)]
    if command:
        lines.append(("Load", f"{alert.load_id} (`{command}`)"))
    if data_docs:
        lines.append(("Data Docs", data_docs))
    document = {
        "version": 1,
        "event": event.value,
        "shop": shop,
        "title": title,
        "problem": {
            "id": alert.thread,
            "kind": alert.key.kind.value,
            "source": alert.key.source or None,
            "entity": alert.key.entity or None,
            "subject": alert.key.subject or None,
            "where": [part for part in alert.parts if part],
            "severity": "critical" if alert.severity >= CRITICAL else "warning",
            "reasons": list(alert.reasons),
            "rules": list(alert.rules),
            "rows": alert.rows,
            "rows_of": alert.rows_of,
            "keys": list(alert.keys),
            "since": alert.since.isoformat(),
            "over_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
            "holds_back": alert.holds_back,
            "what_to_do": alert.what_to_do,
            "runbook": runbook,
            "load_id": alert.load_id,
            "command": command,
            "data_docs": data_docs,
        },
        "sent_at": now.isoformat(),
    }
    return Message(event, shop, title, tuple(lines), alert.thread, alert.severity >= CRITICAL, document)


def test_message(shop: str, zone: tzinfo, runbooks: str | None, now: datetime) -> Message:
    """What `retain alerts test` sends: it looks like an alert and says that it is none."""
    sample = Alert(
        alert_id=0,
        thread="00000000-0000-0000-0000-000000000000",
        key=Key(Kind.LOAD_REFUSED, subject="test"),
        parts=("",),
        severity=1,
        title="this is what an alert looks like",
        reasons=("nothing: somebody ran `retain alerts test`",),
        rules=(),
        rows=None,
        rows_of=None,
        counted="",
        keys=(),
        holds_back="nothing",
        what_to_do="nothing; this channel works",
        runbook="alert_silence.md",
        load_id=None,
        since=now,
        opened_at=now,
        last_seen_at=now,
        resolved_at=None,
    )
    return message_of(sample, Event.TEST, shop, zone, runbooks, now)
