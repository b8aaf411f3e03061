"""Find a bench by its name, read its options, show its progress, and print what it measured: a table, or a document."""

import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, get_args, get_origin

from rich.console import Console
from rich.table import Table

import bench
from retain.errors import UserError

Options = Mapping[str, Sequence[str]]  # what was written after each --option


def run(name: str, format: str, options: Options) -> None:
    """Run bench `name`. Raises UserError for an unknown bench, or for an option or a value that it does not take."""
    names = [module.name for module in pkgutil.iter_modules(bench.__path__)]
    module = importlib.import_module(f"bench.{name}") if name in names else None
    if module is None or not _is_bench(module):
        known = [one for one in names if _is_bench(importlib.import_module(f"bench.{one}"))]
        raise UserError(f"There is no bench '{name}'.", hint=f"There are: {', '.join(known)}.")
    module.run(format, options)


def _is_bench(module: ModuleType) -> bool:
    return module.__name__ != __name__ and hasattr(module, "run")


def show(
    measure: Callable[..., dict[str, Any]],
    lines: Callable[[dict[str, Any]], tuple[list[str], list[list[str]]]],
    headline: Callable[[dict[str, Any]], list[str]],
    format: str,
    options: Options,
) -> None:
    """Measure, with progress on stderr; then print the document (`format` json), or its lines as a table with sentences below.

    `options` are the keywords of `measure`, which is given a function to say its progress with.
    """
    progress = Console(stderr=True, highlight=False)
    values = read_options(measure, options)
    document = measure(lambda what: progress.print(what, markup=False), **values)
    if format == "json":
        json.dump(document, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return
    header, rows = lines(document)
    screen = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in header:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    screen.print(table)
    for sentence in headline(document):
        screen.print(sentence, markup=False, soft_wrap=True)


def read_options(measure: Callable[..., Any], options: Options) -> dict[str, Any]:
    """The keywords of `measure` as its annotations want them: `int`, `str`, or `list[...]` of these."""
    takes = {name: one.annotation for name, one in inspect.signature(measure).parameters.items() if name != "tell"}
    values: dict[str, Any] = {}
    for name, written in options.items():
        if name not in takes:
            known = ", ".join(f"--{one}" for one in takes)
            raise UserError(f"This bench has no option --{name}.", hint=f"It has: {known}.")
        is_list = get_origin(takes[name]) is list
        kind = get_args(takes[name])[0] if is_list else takes[name]
        if not written or (len(written) > 1 and not is_list):
            raise UserError(f"--{name} takes {'at least one value' if is_list else 'one value'}.")
        try:
            read = [kind(text) for text in written]
        except ValueError:
            raise UserError(f"--{name} {' '.join(written)}: wanted a whole number.") from None
        values[name] = read if is_list else read[0]
    return values
