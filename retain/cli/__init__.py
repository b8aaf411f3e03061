"""The command line: `main` runs a command and turns every ending into a sentence and an exit code."""

import errno
import io
import logging
import os
import sys

from retain.errors import RetainError

NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
NO_TELEMETRY = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "GX_ANALYTICS_ENABLED": "False",
    "SCARF_ANALYTICS": "false",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


def main() -> None:
    """Run the command of sys.argv. Exit codes: 0 done, 1 done with refusals or failed checks, 2 the user's input, 3 out of reach."""
    for name, value in NO_TELEMETRY.items():
        os.environ.setdefault(name, value)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name in any script can be printed, whatever the locale says
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        _run()
    except RetainError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("Stopped. What was published stays; what was not is asked for again by the next run.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        _unexpected(error)


def _run() -> None:
    """Run the command. Not by the app itself: that takes a Ctrl-C for an ordinary end, and a reader who left for a failure."""
    from typer.main import get_command

    from retain import logs
    from retain.cli.app import app

    logs.configure(os.environ.get("RETAIN_LOG"))
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # of a rollback that fails after a Ctrl-C nobody need know
    command = get_command(app)
    with command.make_context("retain", sys.argv[1:]) as context:
        command.invoke(context)


def _fail(sentence: str, exit_code: int) -> None:
    from rich.console import Console

    Console(stderr=True, soft_wrap=True, highlight=False).print(sentence, markup=False, style="red")
    sys.exit(exit_code)


def _unexpected(error: Exception) -> None:
    """Typer's own endings, the database's faults that have a plain sentence, and, last, a bug: told as one, details in a file."""
    import typer
    from typer.exceptions import TyperException

    if isinstance(error, typer.Exit):
        sys.exit(error.exit_code)
    if isinstance(error, typer.Abort):
        sys.exit(130)
    if isinstance(error, TyperException) and hasattr(error, "show"):
        error.show()
        sys.exit(2)
    sentence = plain_sentence(error)
    if sentence is not None:
        _fail(sentence, 3)
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="retain-", suffix=".txt", delete=False) as report:
        traceback.print_exception(error, file=report)
    _fail(
        f"This is a fault in Retain: {type(error).__name__}. Nothing half done was published. "
        f"The details are in {report.name}; please report them.",
        3,
    )


def plain_sentence(error: BaseException) -> str | None:
    """What a fault of the machine means: a full disk, a file of another user, a server that went away; None when it is none of these."""
    import psycopg

    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    for link in chain:
        if isinstance(link, psycopg.errors.DiskFull) or (isinstance(link, OSError) and link.errno == errno.ENOSPC):
            return "The disk is full. Nothing half done was published: make room, and run the same command again."
        if isinstance(link, OSError) and link.errno in NOT_ALLOWED and link.filename:
            return f"{link.filename} cannot be used: {link.strerror}."
        if isinstance(link, psycopg.errors.InsufficientPrivilege):
            return f"The warehouse's user may not do this: {str(link).splitlines()[0]}."
        if isinstance(link, psycopg.OperationalError):
            return f"The connection to PostgreSQL was lost: {str(link).splitlines()[0]}. Run the same command again."
    return None
