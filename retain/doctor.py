"""`retain doctor`: everything that a warehouse needs around it, looked at one by one; what is wrong, and what to do.

It changes nothing. Each check is a function that yields findings; one that cannot go on says so and lets the others speak.
"""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg

from retain import passwords, warehouse
from retain.binaries import find_binaries, major_version
from retain.config import Settings
from retain.embedded import port_is_taken
from retain.errors import Refused, RetainError
from retain.person import register
from retain.person.identifiers import use_key
from retain.relations import exists
from retain.roles import ROLES, Role
from retain.source_checks import Finding, State, check_source

LEAST_FREE_BYTES, COMFORTABLE_FREE_BYTES = 1 << 30, 5 << 30
SKEW_SECONDS, FAR_SKEW_SECONDS = 5, 60  # a cursor is a time of the source's clock, an overlap window a span of ours
FEWEST_FREE_CONNECTIONS = 10
PRIVILEGES = ("select", "insert", "update", "delete", "truncate")


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order in which they are to be put right."""
    yield from of_this_program()
    yield from of_the_disk(settings)
    yield from of_the_secrets(settings)
    yield from of_the_port(settings)
    try:
        with warehouse.connect(settings, autocommit=True) as connection:
            checks: tuple[Callable[..., Iterator[Finding]], ...] = (
                of_the_server, of_the_clocks, of_the_connections, of_the_migrations, of_the_roles, of_the_erasures,
            )  # fmt: skip
            for check in checks:
                yield from check(connection, settings)
    except RetainError as error:
        yield Finding(
            "warehouse", "wrong", error.message, error.hint or "Start it, or correct `warehouse:` in retain.yml."
        )
    yield from of_the_sources(settings)


def of_this_program() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Finding("Python", "good", version)
    else:
        yield Finding(
            "Python", "wrong", f"{version}; Retain is made for 3.11 to 3.13", "Set RETAIN_PYTHON to one of these."
        )


def of_the_disk(settings: Settings) -> Iterator[Finding]:
    folder = next(path for path in (settings.state_folder, *settings.state_folder.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    sentence = f"{free / 1e9:,.1f} GB free at {folder}"
    if free < LEAST_FREE_BYTES:
        yield Finding(
            "disk", "wrong", sentence, "Make room: a load or a build may end half way (nothing half done is shown)."
        )
    elif free < COMFORTABLE_FREE_BYTES:
        yield Finding("disk", "warning", sentence, "Make room; a full build needs about twice what the marts take.")
    else:
        yield Finding("disk", "good", sentence)
    if not os.access(folder, os.W_OK):
        yield Finding(
            "state folder", "wrong", f"{folder} cannot be written", "Let the user who runs Retain write there."
        )


def of_the_secrets(settings: Settings) -> Iterator[Finding]:
    kept = settings.state_folder / "secrets.json"
    if kept.exists() and stat.S_IMODE(kept.stat().st_mode) & 0o077:
        yield Finding("secrets", "wrong", f"others can read {kept}", f"chmod 600 {kept}")
    given = settings.warehouse.bi_password
    weak = (
        [("warehouse.bi_password", passwords.weakness("RETAIN_BI_PASSWORD", given.get_secret_value()))] if given else []
    )
    owner = warehouse.dsn(settings).get("password") if settings.warehouse.url is not None else None
    if owner is not None:
        weak.append(("the password in warehouse.url", passwords.weakness("RETAIN_OWNER_PASSWORD", str(owner))))
    told = [(name, problem) for name, problem in weak if problem]
    for name, problem in told:
        yield Finding("secrets", "wrong", f"{name} {problem}", "`bin/retain secrets` makes strong ones for .env.")
    if not told:
        yield Finding("secrets", "good", "none is weak")


def of_the_port(settings: Settings) -> Iterator[Finding]:
    server = warehouse.embedded_server(settings)
    if server is None or settings.warehouse.port is None or server.is_running():
        return
    if port_is_taken(settings.warehouse.port):
        sentence = f"port {settings.warehouse.port} is in use by another program"
        yield Finding(
            "port", "wrong", sentence, "Stop that program, or remove warehouse.port: a free one is taken then."
        )


def of_the_server(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[Finding]:
    found = str(connection.info.parameter_status("server_version")).split(" ")[0]
    where = f"PostgreSQL {found} at {connection.info.host}:{connection.info.port}/{connection.info.dbname}"
    major = connection.info.server_version // 10000
    if connection.info.server_version < warehouse.OLDEST_SERVER:
        yield Finding("server", "wrong", where, "Retain needs PostgreSQL 16 or newer.")
        return
    yield Finding("server", "good", where)
    try:
        tools = major_version(find_binaries(None))
    except RetainError as error:
        yield Finding("client tools", "warning", error.message, "`retain backup` needs pg_dump.")
        return
    if tools < major:
        yield Finding(
            "client tools", "warning", f"version {tools}, older than the server", f"Install PostgreSQL {major}'s."
        )


def of_the_clocks(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[Finding]:
    before = datetime.now(UTC)
    theirs = _one(connection, "select clock_timestamp()")
    ours = before + (datetime.now(UTC) - before) / 2
    seconds = abs((theirs - ours).total_seconds())
    sentence = f"the warehouse's and this machine's are {seconds:.1f} s apart"
    if seconds <= SKEW_SECONDS:
        yield Finding("clocks", "good", sentence)
    else:
        state: State = "wrong" if seconds > FAR_SKEW_SECONDS else "warning"
        yield Finding("clocks", state, sentence, "Let both follow a time server (chrony, systemd-timesyncd).")


def of_the_connections(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[Finding]:
    most = int(_one(connection, "show max_connections"))
    used = int(_one(connection, "select count(*) from pg_stat_activity where backend_type = 'client backend'"))
    sentence = f"{used} of {most} in use"
    few = most - used < FEWEST_FREE_CONNECTIONS
    yield Finding("connections", "warning" if few else "good", sentence, "Raise max_connections." if few else "")


def of_the_migrations(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[Finding]:
    known = max(warehouse.migrations())
    if not exists(connection, "public.retain_migrations"):
        yield Finding("migrations", "wrong", "the warehouse was never prepared", "retain prepare")
        return
    done = {row[0] for row in connection.execute("select version from public.retain_migrations")}
    if done and max(done) > known:
        sentence = f"version {max(done)}; this release knows {known}"
        yield Finding("migrations", "wrong", sentence, "Use the newer release that prepared it.")
    elif missing := sorted(set(warehouse.migrations()) - done):
        yield Finding("migrations", "wrong", f"missing: {', '.join(map(str, missing))}", "retain prepare")
    else:
        yield Finding("migrations", "good", f"version {known}")


def of_the_roles(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[Finding]:
    """Whether each role is there, lets in with its password, has what it is for, and nothing else."""
    dbname = connection.info.dbname
    for role in ROLES:
        login = role.login(dbname)
        row = connection.execute(
            "select rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls from pg_roles where rolname = %s",
            [login],
        ).fetchone()
        if row is None:
            yield Finding(f"role {login}", "wrong", "does not exist", "retain prepare")
            continue
        if row[0]:
            to_do = f"alter role {login} nosuperuser nocreatedb nocreaterole noreplication nobypassrls"
            yield Finding(f"role {login}", "wrong", "may do more to the server than Retain gave it", to_do)
        problems = [*_lets_in(settings, role), *_privileges(connection, role)]
        for sentence, to_do in problems:
            yield Finding(f"role {login}", "wrong", sentence, to_do)
        if not row[0] and not problems:
            yield Finding(f"role {login}", "good", role.purpose)


def _lets_in(settings: Settings, role: Role) -> Iterator[tuple[str, str]]:
    try:
        warehouse.open_connection(warehouse.role_dsn(settings, role)).close()
    except RetainError as error:
        yield f"is not let in: {error.message}", "retain prepare"


def _privileges(connection: psycopg.Connection[Any], role: Role) -> Iterator[tuple[str, str]]:
    """Tables on which the role may less than it must, or more than it should, by schema."""
    found = connection.execute(
        "select nspname, relname, array(select wanted from unnest(%(privileges)s::text[]) as wanted "
        "where has_table_privilege(%(login)s, pg_class.oid, wanted)) from pg_class "
        "join pg_namespace on pg_namespace.oid = relnamespace where relkind in ('r', 'p', 'v', 'm') "
        "and nspname not like 'pg\\_%%' and nspname <> 'information_schema' order by 1, 2",
        {"privileges": list(PRIVILEGES), "login": role.login(connection.info.dbname)},
    ).fetchall()
    for schema, table, may in found:
        wanted = set(PRIVILEGES if schema in role.owns else filter(None, role.may(schema, table).split(", ")))
        if wanted - set(may):
            yield f"may not {' or '.join(sorted(wanted - set(may)))} {schema}.{table}", "retain prepare"
        elif set(may) - wanted:
            extra = ", ".join(sorted(set(may) - wanted))
            login = role.login(connection.info.dbname)
            yield f"may {extra} {schema}.{table}, and should not", f"revoke {extra} on {schema}.{table} from {login}"


def of_the_erasures(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[Finding]:
    """Nothing where nobody was erased. The key must be the one of the erasures; the sources should have forgotten, too."""
    if not exists(connection, "ops.erasures"):
        return
    with connection.transaction():
        count = connection.execute("select count(*) from ops.erasures").fetchone()
        try:
            undone = register.missing(connection, settings)
            if count is None or not (count[0] or undone):
                return
            use_key(connection, settings)
        except Refused as error:
            yield Finding("erasures", "wrong", error.message, error.hint or "")
            return
    if undone:
        sentence = f"{len(undone):,} in {register.path_of(settings)} were never made in this warehouse: an older backup brought people back"
        yield Finding("erasures", "wrong", sentence, "`retain person repeat` erases them again.")
        return
    sending = connection.execute(
        "select source || '.' || entity from (select distinct on (source, entity) source, entity, rows_of_erased from ops.loads "
        "where status = 'published' and rows_sent > 0 and kind in ('incremental', 'full', 'backfill') "
        "order by source, entity, load_id desc) as newest where rows_of_erased > 0 order by 1"
    ).fetchall()
    if sending:
        sentence = f"people who were erased are still sent by {', '.join(row[0] for row in sending)}"
        yield Finding(
            "erasures", "warning", sentence, "Erase them at the source: they land without what identifies them."
        )
    else:
        yield Finding("erasures", "good", f"{count[0]:,}, and no source still sends one of them")


def of_the_sources(settings: Settings) -> Iterator[Finding]:
    """Whether each source answers, and offers what retain.yml reads of it."""
    for source in settings.sources:
        yield from check_source(settings, source.name)


def _one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
