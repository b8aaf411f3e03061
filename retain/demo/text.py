"""Arrays as the texts that are written to the shop's tables and files: exact amounts, plain dates, UTC or local times."""

import numpy as np
import numpy.typing as npt

from retain.demo.clock import NEVER, UTC_OFFSET
from retain.demo.dice import Ints

Texts = list[str] | list[str | None]


def integers(values: Ints, none: int | None = None) -> Texts:
    """Whole numbers; `none` is the value that stands for nothing."""
    if none is None:
        return [str(value) for value in values.tolist()]
    return [None if value == none else str(value) for value in values.tolist()]


def decimals(hundredths: Ints) -> Texts:
    """Amounts of at least 0, with two decimals."""
    return [f"{value // 100}.{value % 100:02d}" for value in hundredths.tolist()]


def short_decimals(hundredths: Ints) -> Texts:
    """Amounts with two decimals, or none where they are whole, as a till prints them."""
    return [f"{value // 100}.{value % 100:02d}" if value % 100 else str(value // 100) for value in hundredths.tolist()]


def yes_or_no(values: npt.NDArray[np.bool_]) -> Texts:
    return ["true" if value else "false" for value in values.tolist()]


def dates_and_times(at: Ints) -> Texts:
    """Instants in UTC with their offset; None for NEVER."""
    texts = np.datetime_as_string(np.where(at == NEVER, 0, at).astype("M8[s]"))
    if not (at == NEVER).any():
        return [f"{text}+00" for text in texts.tolist()]
    return [None if never else f"{text}+00" for text, never in zip(texts.tolist(), (at == NEVER).tolist(), strict=True)]


def web_times(at: Ints) -> Texts:
    """Instants as web systems write them, `2025-03-01T13:45:10Z`; None for NEVER."""
    texts = np.datetime_as_string(np.where(at == NEVER, 0, at).astype("M8[s]")).tolist()
    return [None if never else f"{text}Z" for text, never in zip(texts, (at == NEVER).tolist(), strict=True)]


def local_times(at: Ints) -> list[str]:
    """The local clock's time, without an offset: `2025-03-01 17:45:10`."""
    texts = np.datetime_as_string((at + UTC_OFFSET).astype("M8[s]"))
    return [text.replace("T", " ") for text in texts.tolist()]


def days(day: Ints) -> list[str]:
    """Local days: `2025-03-01`."""
    return list(np.datetime_as_string(day.astype("M8[D]")).tolist())


def copy_text(columns: list[Texts]) -> str:
    """Rows in PostgreSQL's COPY text format. No value may hold a tab, a line break or a backslash."""
    filled = [[r"\N" if value is None else value for value in column] for column in columns]
    return "".join("\t".join(row) + "\n" for row in zip(*filled, strict=True))
