"""What became of each model in a run of transform_marts, and which task runs dbt: written by that task, read by those that wait."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg

Status = Literal["built", "failed", "skipped"]


@dataclass(frozen=True)
class Result:
    """Of a model with its own tests, or of a test that looks at several models. `is_told`: its task has ended by it."""

    status: Status
    message: str = ""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    is_told: bool = False

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.began_at).total_seconds() if self.began_at and self.ended_at else 0.0


def begin(connection: psycopg.Connection[Any], run: str, builder: str) -> None:
    """Forget every earlier build: marts_next is this run's from now on, and `builder` the task that builds it."""
    connection.execute("delete from ops.model_results")
    connection.execute("delete from ops.model_builds")
    connection.execute("insert into ops.model_builds (dag_run, builder) values (%s, %s)", [run, builder])


def take_over(connection: psycopg.Connection[Any], run: str, builder: str, nodes: Iterable[str]) -> None:
    """`builder` runs dbt from now on: the results of what it builds anew are no more."""
    connection.execute("update ops.model_builds set builder = %s, began_at = now() where dag_run = %s", [builder, run])
    connection.execute("delete from ops.model_results where dag_run = %s and node = any(%s)", [run, list(nodes)])


def claim(connection: psycopg.Connection[Any], run: str, builder: str, before: str | None) -> bool:
    """Whether `builder` is the one of all who ask that may build next. `before`: the builder that it knows of."""
    if before is None:
        statement = "insert into ops.model_builds (builder, dag_run) values (%s, %s) on conflict do nothing"
        return connection.execute(statement, [builder, run]).rowcount == 1
    statement = "update ops.model_builds set builder = %s where dag_run = %s and builder = %s"
    return connection.execute(statement, [builder, run, before]).rowcount == 1


def write(connection: psycopg.Connection[Any], run: str, node: str, result: Result) -> None:
    """Its task may see it at once. What was said before stays told."""
    connection.execute(
        """
        insert into ops.model_results (dag_run, node, status, message, began_at, ended_at)
        values (%s, %s, %s, %s, %s, coalesce(%s, now()))
        on conflict (dag_run, node) do update
        set status = excluded.status, message = excluded.message, began_at = excluded.began_at, ended_at = excluded.ended_at
        """,
        [run, node, result.status, result.message, result.began_at, result.ended_at],
    )


def tell(connection: psycopg.Connection[Any], run: str, node: str, result: Result) -> None:
    """The task of `node` ends by this result."""
    connection.execute(
        """
        insert into ops.model_results (dag_run, node, status, message, told_at) values (%s, %s, %s, %s, now())
        on conflict (dag_run, node) do update set told_at = now()
        """,
        [run, node, result.status, result.message],
    )


def read(connection: psycopg.Connection[Any], run: str) -> tuple[str | None, dict[str, Result]]:
    """The task that builds the run, or built it last (None: of no build is known), and the results by node."""
    known = connection.execute("select builder from ops.model_builds where dag_run = %s", [run]).fetchone()
    rows = connection.execute(
        "select node, status, message, began_at, ended_at, told_at is not null from ops.model_results where dag_run = %s",
        [run],
    )
    return (known[0] if known else None), {row[0]: Result(*row[1:]) for row in rows}


def shows_nothing(connection: psycopg.Connection[Any], node: str) -> bool:
    """Whether the build that began last has left its models as they are: `node`, its last, was skipped."""
    statement = "select from ops.model_results where node = %s and status = 'skipped'"
    return connection.execute(statement, [node]).fetchone() is not None
