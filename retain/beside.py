"""A second session of the loader, for a load that is so large that two of the server's processes are to work on it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from retain.config import Settings
from retain.roles import LOADER
from retain.warehouse import connect

MANY_ROWS = 50_000  # with fewer, a connection takes longer than what it saves
T = TypeVar("T")


class Beside:
    """Runs one piece of work after the other in a session of its own, while the caller goes on in another.

    It sees what the caller has committed. What it waits for, a lock of the caller's included, the caller would wait for too.
    """

    def __init__(self, connection: psycopg.Connection[Any], threads: ThreadPoolExecutor) -> None:
        self._connection, self._threads = connection, threads

    def run(self, work: Callable[[psycopg.Connection[Any]], T]) -> "Future[T]":
        """Begin `work`; it is committed when it ends, and rolled back when it raises."""

        def whole() -> T:
            with self._connection.transaction():
                return work(self._connection)

        return self._threads.submit(whole)


@contextmanager
def beside(settings: Settings, rows: int) -> Iterator[Beside | None]:
    """A second session for a load of so many rows; None when it is not worth one. What runs when an error ends it is ended too."""
    if rows < MANY_ROWS:
        yield None
        return
    with connect(settings, LOADER, autocommit=True) as connection, ThreadPoolExecutor(1) as threads:
        connection.execute("set max_parallel_workers_per_gather = 0")  # more would slow the caller, who waits for this
        try:
            yield Beside(connection, threads)
        except BaseException:
            connection.cancel()
            raise
