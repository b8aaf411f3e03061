"""Tell people: note what is wrong, send what is due to every channel, and write down how that went."""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from pydantic import SecretStr

from retain import data_docs
from retain.alerts import state
from retain.alerts.message import Message, message_of
from retain.alerts.message import test_message as message_of_a_test
from retain.alerts.privacy import cleaned, secrets_of
from retain.alerts.problem import Judgement, Problem, Scope
from retain.alerts.repeating import Event
from retain.alerts.senders import NotSent, sender_of
from retain.config import Settings
from retain.config.alerting import AirflowChannel, AnyChannel, EmailChannel, SlackChannel
from retain.errors import RetainError
from retain.roles import LOADER
from retain.warehouse import connect, prepare

log = logging.getLogger("retain.alerts")

PATIENCE, PATIENCE_A_MESSAGE = 20.0, 2.0  # seconds that telling may take in all: a dead channel never holds up a load
ROUNDS = 3  # what another process noted while we were sending is sent by us


@dataclass(frozen=True)
class Attempt:
    """How sending to one channel went. `error` is None when it arrived; `note` is what is worth knowing even then."""

    channel: str
    event: Event
    title: str
    error: str | None
    note: str | None = None


def tell(
    settings: Settings,
    problems: Iterable[Problem],
    looked_at: Iterable[Scope],
    *,
    now: datetime | None = None,
) -> list[Attempt]:
    """Note the problems, note what was looked at and found well, and send what is due; returns what was sent or tried.

    A channel that fails is written down in ops.alert_deliveries and tried again the next time anything is told.
    Raises what the warehouse raises, and nothing else.
    """
    now = now or datetime.now(UTC)
    secrets = secrets_of(settings, channel_secrets(settings.alerts.to))
    judgement = Judgement(tuple(cleaned(problem, settings, secrets) for problem in problems), frozenset(looked_at))
    known = {(source.name, entity) for source in settings.sources for entity in source.entities}
    channels = {channel.label: channel for channel in settings.alerts.to}
    repeat = timedelta(hours=settings.alerts.repeat_hours)
    attempts: list[Attempt] = []
    with connect(settings, LOADER) as connection:
        state.lock(connection)
        seen = state.note(connection, judgement, known, now)
        for _ in range(ROUNDS):
            due = state.claim(connection, channels, seen, repeat, now)
            connection.commit()  # others may look while we send; what we claimed is ours
            if not due:
                break
            sent = _send_all(settings, channels, due, now)
            for delivery, attempt in zip(due, sent, strict=True):
                state.finish(connection, delivery.delivery_id, attempt.error, attempt.note)
            connection.commit()
            attempts += sent
            state.lock(connection)
    for attempt in attempts:
        if attempt.error:
            log.error("An alert did not go out by %s (%s): %s.", attempt.channel, attempt.title, attempt.error)
    return attempts


def _send_all(
    settings: Settings,
    channels: dict[str, AnyChannel],
    due: Sequence[state.Delivery],
    now: datetime,
) -> list[Attempt]:
    business = settings.business
    letters = [
        Letter(
            delivery.channel,
            f"{delivery.alert.thread}.{delivery.delivery_id}",
            message_of(
                delivery.alert,
                delivery.event,
                business.name,
                business.zone,
                settings.alerts.runbooks,
                now,
                _page_of(settings, delivery.alert.load_id),
            ),
        )
        for delivery in due
    ]
    return send_letters(channels, letters)


def _page_of(settings: Settings, load_id: int | None) -> str | None:
    """Where the Data Docs of a load can be read; None where it has no page."""
    page = data_docs.folder_of(settings) / f"load_{load_id}.html"
    if not page.exists():
        return None
    served = settings.alerts.data_docs
    return f"{served.rstrip('/')}/{page.name}" if served else str(page)


@dataclass(frozen=True)
class Letter:
    """A message on its way to a channel. `attempt` names this try; no other has the name."""

    channel: str
    attempt: str
    message: Message


def send_letters(channels: dict[str, AnyChannel], letters: Sequence[Letter]) -> list[Attempt]:
    """Send them, every channel beside the others, in bounded time; one attempt a letter, in their order."""
    results: dict[int, tuple[str | None, str | None]] = {}
    threads = []
    for name, channel in channels.items():
        ours = [(number, letter) for number, letter in enumerate(letters) if letter.channel == name]
        if ours:
            # A daemon: a name server or a mail server that never answers must not keep the process from ending.
            thread = threading.Thread(target=_send_in_turn, args=(channel, ours, results), daemon=True)
            thread.start()
            threads.append(thread)
    deadline = time.monotonic() + PATIENCE + PATIENCE_A_MESSAGE * len(letters)
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    attempts = []
    for number, letter in enumerate(letters):
        error, note = results.get(number, ("it did not end in time", None))
        attempts.append(Attempt(letter.channel, letter.message.event, letter.message.title, error, note))
    return attempts


def _send_in_turn(
    channel: AnyChannel, letters: Sequence[tuple[int, Letter]], results: dict[int, tuple[str | None, str | None]]
) -> None:
    unreachable = ""
    for place, (number, letter) in enumerate(letters):
        if unreachable:
            results[number] = (f"not tried, because just before: {unreachable}", None)
            continue
        if place and isinstance(channel, SlackChannel):
            time.sleep(1.0)  # Slack takes one message a second
        try:
            results[number] = (None, sender_of(channel)(letter.message, letter.attempt))
        except NotSent as error:
            results[number] = (error.sentence, None)
            unreachable = error.sentence if error.is_unreachable else ""
        except Exception as error:  # a channel of any kind must not end a load; the text might hold a secret
            results[number] = (f"sending failed with {type(error).__name__}", None)


def send_test(settings: Settings, *, now: datetime | None = None) -> list[Attempt]:
    """Send one message to every channel, and write down how that went: what `retain alerts test` does."""
    now = now or datetime.now(UTC)
    business = settings.business
    message = message_of_a_test(business.name, business.zone, settings.alerts.runbooks, now)
    channels = {channel.label: channel for channel in settings.alerts.to}
    attempts = send_letters(channels, [Letter(name, f"test.{now.timestamp():.6f}", message) for name in channels])
    try:
        prepare(settings)
        with connect(settings, LOADER) as connection:
            for attempt in attempts:
                state.record_test(connection, attempt.channel, attempt.error, attempt.note, now)
    except (RetainError, psycopg.Error) as error:  # a channel can be tried without a warehouse
        said = error.message if isinstance(error, RetainError) else type(error).__name__
        log.error("The test was not written down in the warehouse: %s", said)
    return attempts


def channel_secrets(channels: Iterable[AnyChannel]) -> Iterable[SecretStr | None]:
    """The arguments of an Airflow notifier are left out: most are ordinary words, and none is ever repeated."""
    for channel in channels:
        if isinstance(channel, SlackChannel):
            yield channel.webhook_url
        elif isinstance(channel, EmailChannel):
            yield channel.password
        elif not isinstance(channel, AirflowChannel):
            yield from (channel.url, channel.secret)
