"""How much memory of its own each model's query takes: sampled from the server's processes while dbt runs."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

SECONDS_BETWEEN = 0.1
NODE = re.compile(r'"node_id": "\w+\.retain\.([^."]+)')  # dbt writes it in front of every statement
RUNNING = """
select pid, coalesce(leader_pid, pid), query
from pg_stat_activity
where state = 'active' and datname = current_database() and pid <> pg_backend_pid()
"""


@contextmanager
def sampled(parameters: dict[str, Any]) -> Iterator[dict[str, float]]:
    """Model or test to the most MB that its query held at once, parallel workers included; filled until the block ends.

    What counts is memory that is the process's own (RssAnon of Linux): the buffers that all share are not a query's.
    Empty where the system does not tell.
    """
    most: dict[str, float] = {}
    ended = threading.Event()

    def sample() -> None:
        with psycopg.connect(**parameters, autocommit=True) as connection:
            while not ended.wait(SECONDS_BETWEEN):
                held: dict[int, float] = {}
                names: dict[int, str] = {}
                for pid, leader, query in connection.execute(RUNNING).fetchall():
                    if node := NODE.search(query):
                        names[leader] = node[1]
                    held[leader] = held.get(leader, 0) + _own_megabytes(pid)
                for leader, name in names.items():
                    most[name] = max(most.get(name, 0), held[leader])

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def _own_megabytes(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0
