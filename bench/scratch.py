"""A PostgreSQL of a bench's own, in a folder of its own, of which nothing is left at the end."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from retain.embedded import EmbeddedServer


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A temporary folder that the server's user can enter too, removed with everything in it."""
    with _ended_by_signals():
        folder = Path(tempfile.mkdtemp(prefix=f"retain-bench-{name}-"))
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch_server(folder: Path) -> Iterator[EmbeddedServer]:
    """A running server in `folder`; stopped, and its data gone, at the end."""
    server = EmbeddedServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)


def url_of(parameters: dict[str, Any]) -> str:
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**parameters)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """`kill` ends a bench like Ctrl-C does: by an exception, so that it cleans up after itself."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not stop the cleaning up
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
