"""What a warehouse needs now and then: tables vacuumed, old logs and old pages deleted. Each costs what has changed, not what there is."""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from psycopg import sql

from retain.config import Settings
from retain.warehouse import connect

# Where rows come, change and go. Marts are built anew as tables of their own; gate's tables live for minutes.
CHURNED = ("landing", "raw", "history", "ops", "forecast", "intermediate")
DEAD_ROWS, DEAD_SHARE, CHANGED_SHARE = 1_000, 0.02, 0.02


@dataclass(frozen=True)
class Vacuumed:
    """A table that was vacuumed and analyzed; `dead_rows` as PostgreSQL counted them before."""

    table: str
    dead_rows: int
    seconds: float


def vacuum(settings: Settings) -> list[Vacuumed]:
    """Vacuum and analyze the tables of which loads have left dead rows, or changed a part that the planner should know of.

    Autovacuum does the same later and more slowly: it waits until a fifth of a table has changed, while every hour's load
    looks things up in it. A table that somebody has locked waits for the next time.
    """
    done = []
    with connect(settings, autocommit=True) as connection:
        due = connection.execute(
            "select schemaname, relname, n_dead_tup from pg_stat_user_tables "
            "where schemaname = any(%s) and (n_dead_tup > %s + %s * n_live_tup or n_mod_since_analyze > %s + %s * n_live_tup) "
            "order by n_dead_tup desc, 1, 2",
            [list(CHURNED), DEAD_ROWS, DEAD_SHARE, DEAD_ROWS, CHANGED_SHARE],
        ).fetchall()
        for schema, table, dead_rows in due:
            began = time.monotonic()
            connection.execute(sql.SQL("vacuum (analyze, skip_locked) {}").format(sql.Identifier(schema, table)))
            done.append(Vacuumed(f"{schema}.{table}", dead_rows, time.monotonic() - began))
    return done


def delete_old_logs(settings: Settings, *, now: float | None = None) -> int:
    """Delete log files nobody has written to for `maintenance.keep_logs_days`, and folders that are empty then; returns how many
    files. `now` is in seconds since 1970."""
    folder = settings.state_folder / "logs"
    oldest = (now or time.time()) - timedelta(days=settings.maintenance.keep_logs_days).total_seconds()
    deleted = 0
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
        if path.is_symlink():
            continue
        if path.is_file() and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            deleted += 1
        elif path.is_dir() and path.stat().st_mtime < oldest:
            _remove_if_empty(path)
    return deleted


def _remove_if_empty(folder: Path) -> None:
    """Its own time changes when a file in it goes, so a folder outlives its last file by as long again."""
    if not any(folder.iterdir()):
        folder.rmdir()
