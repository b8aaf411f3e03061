"""What a person sees while work goes on: a live line on a terminal, quiet lines elsewhere."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

WIDTH_OF_A_LOG = 160


class Screen(Console):
    """A console that ends quietly when who reads it has left, as `head` does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _width() -> int | None:
    """As wide as the terminal; where there is none, wide enough for a table of loads, unless COLUMNS says otherwise."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_OF_A_LOG


console = Screen(highlight=False, width=_width())


class Step:
    """One piece of work: `say` what it is doing now; `note` is what its finished line ends with."""

    def __init__(self, title: str, update: "object | None") -> None:
        self.title = title
        self.note = ""
        self.is_bad = False
        self._update = update

    def say(self, doing: str) -> None:
        if self._update is not None:
            self._update(f"{escape(self.title)}  [dim]{escape(doing)}[/dim]")  # type: ignore[operator]


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show that `title` is being done, and afterwards how long it took and what came of it."""
    started = time.monotonic()
    if console.is_terminal:
        with console.status(escape(title)) as status:
            current = Step(title, status.update)
            yield current
    else:
        current = Step(title, None)
        yield current
    mark = "[yellow]![/yellow]" if current.is_bad else "[green]✓[/green]"
    note = f"  [dim]{escape(current.note)}[/dim]" if current.note else ""
    console.print(
        f"{mark} {escape(current.title)}{note}  [dim]{time.monotonic() - started:.1f} s[/dim]", soft_wrap=True
    )


def heading(text: str) -> None:
    console.print(f"\n[bold]{escape(text)}[/bold]")
