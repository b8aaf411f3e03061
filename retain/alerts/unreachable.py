"""When the warehouse itself is out of reach, who was told of it is kept in a file of the state folder instead."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from retain.alerts.message import Alert, message_of
from retain.alerts.privacy import cleaned, secrets_of
from retain.alerts.problem import Key, Kind, Problem
from retain.alerts.repeating import EARLY, Event
from retain.alerts.telling import Attempt, Letter, channel_secrets, send_letters
from retain.config import Settings
from retain.errors import OutOfReach

A_LOCK_LIVES = 300.0  # seconds; an older one belongs to a process that was killed
GONE = ("08", "53", "57P")  # classes of SQLSTATE: no connection, no room, shut down


def is_out_of_reach(error: BaseException) -> bool:
    """Whether an error means that the warehouse cannot be used at all, rather than that one statement failed."""
    if isinstance(error, psycopg.OperationalError):
        return error.sqlstate is None or error.sqlstate.startswith(GONE)
    return isinstance(error, OutOfReach)


def tell_out_of_reach(settings: Settings, error: BaseException, now: datetime) -> list[Attempt]:
    """Tell every channel that was not told within `repeat_hours`; one message however many loads run into it."""
    with _only_one(settings) as is_ours:
        if not is_ours:
            return []
        kept = _read(settings) or {"since": now.isoformat(), "thread": str(uuid4()), "told": {}}
        repeat = timedelta(hours=settings.alerts.repeat_hours) - EARLY
        told: dict[str, str] = kept["told"]
        due = {
            channel.label: channel
            for channel in settings.alerts.to
            if channel.label not in told or now - datetime.fromisoformat(told[channel.label]) >= repeat
        }
        alert = _alert(settings, kept, error)
        letters = [
            Letter(name, f"{alert.thread}.{now.timestamp():.6f}", _message(settings, alert, event, now))
            for name in due
            for event in [Event.STILL if name in told else Event.OPENED]
        ]
        attempts = send_letters(due, letters)
        told |= {attempt.channel: now.isoformat() for attempt in attempts if attempt.error is None}
        _write(settings, kept)
        return attempts


def tell_back_in_reach(settings: Settings, now: datetime) -> list[Attempt]:
    """Tell those who were told that it is over. Nothing to do, and nothing locked, when nobody was."""
    if not _file(settings).exists():
        return []
    with _only_one(settings) as is_ours:
        kept = _read(settings) if is_ours else None
        if kept is None:
            return []
        channels = {channel.label: channel for channel in settings.alerts.to if channel.label in kept["told"]}
        alert = replace(_alert(settings, kept, OutOfReach("it did not answer")), resolved_at=now)
        message = _message(settings, alert, Event.OVER, now)
        attempts = send_letters(
            channels, [Letter(name, f"{alert.thread}.{now.timestamp():.6f}", message) for name in channels]
        )
        kept["told"] = {attempt.channel: now.isoformat() for attempt in attempts if attempt.error is not None}
        if kept["told"]:
            _write(settings, kept)
        else:
            _file(settings).unlink(missing_ok=True)
        return attempts


def _alert(settings: Settings, kept: dict[str, Any], error: BaseException) -> Alert:
    said = error.message if isinstance(error, OutOfReach) else str(error).strip().split("\n")[0]
    problem = cleaned(
        Problem(
            Key(Kind.WAREHOUSE_UNREACHABLE),
            "the warehouse cannot be reached",
            (said.rstrip("."),),
            "everything: no load, no build, and no other alert; the marts stay as they are, once they can be read again",
            "see that PostgreSQL runs, has room on its disk and free connections; then `retain run` goes on where it stopped",
        ),
        settings,
        secrets_of(settings, channel_secrets(settings.alerts.to)),
    )
    since = datetime.fromisoformat(kept["since"])
    return Alert(
        alert_id=0,
        thread=kept["thread"],
        key=problem.key,
        parts=("",),
        severity=problem.severity,
        title=problem.title,
        reasons=problem.reasons,
        rules=(),
        rows=None,
        rows_of=None,
        counted="",
        keys=(),
        holds_back=problem.holds_back,
        what_to_do=problem.what_to_do,
        runbook=problem.runbook,
        load_id=None,
        since=since,
        opened_at=since,
        last_seen_at=since,
        resolved_at=None,
    )


def _message(settings: Settings, alert: Alert, event: Event, now: datetime) -> Any:
    return message_of(alert, event, settings.business.name, settings.business.zone, settings.alerts.runbooks, now)


def _file(settings: Settings) -> Path:
    return settings.state_folder / "warehouse_out_of_reach.json"


def _read(settings: Settings) -> dict[str, Any] | None:
    try:
        kept = json.loads(_file(settings).read_text(encoding="utf-8"))
        datetime.fromisoformat(kept["since"]).astimezone(UTC)
        return {"since": kept["since"], "thread": str(kept["thread"]), "told": dict(kept["told"])}
    except (OSError, ValueError, KeyError, TypeError):  # not there, or cut short by a full disk: begin anew
        return None


def _write(settings: Settings, kept: dict[str, Any]) -> None:
    path = _file(settings)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(kept), encoding="utf-8")
    fresh.replace(path)


@contextmanager
def _only_one(settings: Settings) -> Iterator[bool]:
    """Whether this process is the one that tells; a lock file, because the warehouse cannot hold a lock now."""
    lock = _file(settings).with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        if time.time() - lock.stat().st_mtime > A_LOCK_LIVES:
            lock.unlink()
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        yield False
        return
    try:
        yield True
    finally:
        lock.unlink(missing_ok=True)
