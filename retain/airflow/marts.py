"""Build the marts in several processes: what a single `retain build` does under one lock, in steps that Airflow runs."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from retain.airflow import results
from retain.airflow.manifest import manifest_of, write_manifest
from retain.airflow.parsed import parsed
from retain.airflow.waiting import ACROSS
from retain.basis import Basis, basis_of, basis_of_marts
from retain.config import Settings
from retain.errors import Refused
from retain.roles import LOADER, TRANSFORMER
from retain.transform import arguments, build_and_show, clear_next, only_one_build, show_next, variables
from retain.warehouse import connect

NEXT = "marts_next"


def begin_build(settings: Settings, run: str, builder: str) -> dict[str, Any]:
    """Empty `marts_next` and write on it whose build it is; returns the dbt vars that hold for the whole build.

    `builder` is the task that will run dbt. A build that runs over midnight ends as of the day on which it began.

    Raises Refused while another build runs.
    """
    with connect(settings, TRANSFORMER) as connection, only_one_build(connection):
        clear_next(connection)
        _sign(connection, run, basis_of(settings, connection))
        with connect(settings, LOADER) as ledger:
            results.begin(ledger, run, builder)
    return variables(settings)


def finish_build(settings: Settings, run: str) -> list[str]:
    """Show the marts that `run` has built; returns their names.

    Raises Refused when some are missing or `marts_next` is another build's by now: what people see stays as it is.
    """
    with connect(settings, TRANSFORMER) as connection, only_one_build(connection):
        expected, built = marts_of(settings), _tables(connection)
        refuse_another_build(connection, run)
        if built != expected:
            raise Refused(
                f"The marts are still those of the last good build: marts_next lacks {', '.join(sorted(expected - built))}, "
                f"or has what no model makes: {', '.join(sorted(built - expected))}.",
                hint="Clear the whole run, from its first task.",
            )
        show_next(settings, connection, replace_all=True, basis=_signature(connection)[1])
    return sorted(built)


def rebuild(settings: Settings, select: str, *, is_busy: Callable[[], bool]) -> bool:
    """Build some marts anew and show them; False, with nothing done, when a build runs that makes them too.

    `is_busy` says whether a run of transform_marts is under way: asked under the lock, for one that begins later waits for this.
    """
    with connect(settings, TRANSFORMER) as connection, only_one_build(connection):
        if is_busy() and not _found_nothing_new(settings):
            return False
        clear_next(connection)
        _sign(connection, select, None)
        manifest = parsed(settings, variables(settings))
        build_and_show(settings, connection, arguments(settings, "build"), select, manifest=manifest)
    return True


def refuse_another_build(connection: psycopg.Connection[Any], run: str) -> None:
    """Raises Refused when marts_next is not what `run` makes."""
    if _signature(connection)[0] != run:
        raise Refused(
            "Another build came between: marts_next is not what this run made. "
            "The marts are still those of the last good build.",
            hint="Clear the whole run, from its first task.",
        )


def marts_of(settings: Settings) -> set[str]:
    """The tables that a whole build makes in `marts_next`."""
    nodes = _manifest(settings)["nodes"].values()
    return {node["alias"] for node in nodes if node["resource_type"] == "model" and node["schema"] == NEXT}


def _manifest(settings: Settings) -> dict[str, Any]:
    write_manifest(settings)
    manifest: dict[str, Any] = json.loads(manifest_of(settings).read_text())
    return manifest


def _tables(connection: psycopg.Connection[Any]) -> set[str]:
    return {row[0] for row in connection.execute("select tablename from pg_tables where schemaname = %s", [NEXT])}


def _sign(connection: psycopg.Connection[Any], run: str, basis: Basis | None) -> None:
    text = sql.Literal("\n".join([run, *(basis or ())]))
    connection.execute(sql.SQL("comment on schema {} is {}").format(sql.Identifier(NEXT), text))
    connection.commit()


def _signature(connection: psycopg.Connection[Any]) -> tuple[str, Basis | None]:
    """Whose build marts_next is, and what it is built from."""
    row = connection.execute("select obj_description(to_regnamespace(%s)::oid, 'pg_namespace')", [NEXT]).fetchone()
    run, *basis = (row[0] or "").split("\n") if row else ("",)
    return run, Basis(*basis) if basis else None


def nothing_is_new(settings: Settings, connection: psycopg.Connection[Any]) -> bool:
    """Whether the marts that people see are made of just what a build would read now.

    Not of what there was when the run began: a forecast that came since has left its marts to this build.
    """
    return basis_of(settings, connection) == basis_of_marts(connection)


def _found_nothing_new(settings: Settings) -> bool:
    with connect(settings, LOADER) as ledger:
        return results.shows_nothing(ledger, ACROSS)
