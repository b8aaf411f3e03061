"""One session a thread for the whole of a dbt command: of its own accord dbt opens one for each model and each test."""

import select
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from dbt.adapters.contracts.connection import Connection, ConnectionState
from dbt.adapters.postgres.connections import PostgresConnectionManager
from dbt.adapters.postgres.impl import PostgresAdapter

IDLE_AT_MOST = 60.0  # seconds: a server or a firewall may end what is idle for longer


class LastingSessions(PostgresConnectionManager):
    """dbt's connections, kept from node to node: a new one costs 5 ms, and maps every shared page anew that it reads.

    One that the server has ended meanwhile, or that was idle for long, is replaced by a new one.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)  # type: ignore[no-untyped-call]
        self._idle_since: dict[Hashable, float] = {}  # by thread

    def release(self) -> None:
        """End the transaction of this thread's session, and keep the session."""
        connection = self.get_if_exists()
        if connection is None or connection.state != ConnectionState.OPEN:
            return
        try:
            connection.handle.rollback()
        except psycopg2.Error:
            connection.transaction_open = False
            self.close(connection)
        else:
            connection.transaction_open = False
            self._idle_since[self.get_thread_identifier()] = time.monotonic()

    def set_connection_name(self, name: str | None = None) -> Connection:
        """The session of this thread for the node `name`: the one that it has, if it still answers."""
        connection = self.get_if_exists()
        if connection is not None and connection.state == ConnectionState.OPEN:
            since = self._idle_since.pop(self.get_thread_identifier(), None)
            if since is not None and (time.monotonic() - since > IDLE_AT_MOST or _has_ended(connection.handle)):
                self.close(connection)
        return super().set_connection_name(name)


def _has_ended(handle: Any) -> bool:
    """Whether the server has said something to a session that asked nothing: it says goodbye."""
    return bool(handle.closed) or bool(select.select([handle.fileno()], [], [], 0)[0])


@contextmanager
def lasting_sessions() -> Iterator[None]:
    """Within the block, dbt's adapter for PostgreSQL keeps its sessions; dbt itself closes them when its command ends."""
    before = PostgresAdapter.ConnectionManager
    PostgresAdapter.ConnectionManager = LastingSessions
    try:
        yield
    finally:
        PostgresAdapter.ConnectionManager = before
