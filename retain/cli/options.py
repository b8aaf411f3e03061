"""Options that several commands have, and what is said of a wrong one."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from retain.entities import ENTITIES
from retain.errors import UserError

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The retain.yml to use (else $RETAIN_CONFIG, ./retain.yml, or the demo's).",
        show_default=False,
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why, in words that will be understood in a year.")]


class BenchFormat(StrEnum):
    table = "table"
    json = "json"


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


def day(option: str, text: str | None) -> date | None:
    """A day of the command line. Raises UserError when it is none."""
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise UserError(f'{option} "{text}" is not a day.', hint="A day is written like 2025-03-01.") from None


def unknown(kind: str, name: str, known: list[str]) -> UserError:
    return UserError(f"There is no {kind} '{name}' in this retain.yml.", hint=f"It has: {', '.join(known)}.")


def unknown_entity(name: str) -> UserError:
    return UserError(f"There is no entity '{name}'.", hint=f"Retain knows: {', '.join(ENTITIES)}.")
