"""PostgreSQL's binary COPY format as numpy record arrays: millions of rows without a Python object a row.

Source: PostgreSQL documentation, COPY, "Binary Format"; a numeric travels as groups of four decimal digits.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH = np.datetime64("2000-01-01")

ROWS_A_BLOCK = 50_000
ENOUGH = 1 << 22  # bytes to gather before they become an array
GROUPS = 5  # of four digits, the last one after the decimal point
NUMERIC = np.dtype(
    [("groups", ">i2"), ("weight", ">i2"), ("sign", ">i2"), ("scale", ">i2"), ("digits", ">i2", (GROUPS,))]
)
LARGEST = 9e14  # the amount above which ten-thousandths no longer fit 64 bits


@dataclass(frozen=True)
class Column:
    """One column of every row: an array with a value a row, or one value for all; None is null in every row.

    `encode` turns values into wire format when their block is written, so that no second copy of a column is held.
    """

    value: npt.NDArray[np.generic] | None
    format: np.dtype[np.generic] | None
    encode: Callable[[npt.NDArray[Any]], npt.NDArray[Any]] | None = None

    def of(self, rows: slice) -> npt.NDArray[np.generic] | None:
        """The wire values of these rows."""
        if self.value is None or self.value.ndim == 0:
            return self.value
        return self.value[rows] if self.encode is None else self.encode(self.value[rows])


def null() -> Column:
    return Column(None, None)


def uuids(keys: npt.NDArray[np.void]) -> Column:
    """Sixteen raw bytes each."""
    return Column(keys, np.dtype("V16"))


def text(value: str) -> Column:
    """The same text in every row."""
    data = value.encode()
    return Column(np.array(np.void(data)), np.dtype(f"V{len(data)}"))


def day(value: np.datetime64) -> Column:
    return Column(np.array((value - EPOCH).astype(int)), np.dtype(">i4"))


def integer(value: int) -> Column:
    return Column(np.array(value), np.dtype(">i4"))


def boolean(value: bool) -> Column:
    return Column(np.array(value), np.dtype("?"))


def doubles(values: npt.NDArray[np.float64]) -> Column:
    return Column(values, np.dtype(">f8"))


def reals(values: npt.NDArray[np.float64]) -> Column:
    """Four bytes each: seven digits."""
    return Column(values, np.dtype(">f4"))


def amounts(values: npt.NDArray[np.float64], decimals: int) -> Column:
    """Amounts that are not negative, rounded half to even to `decimals` (at most 4) decimals, as numeric."""

    def encode(values: npt.NDArray[np.float64]) -> npt.NDArray[np.void]:
        kept = np.rint(np.minimum(values, LARGEST) * 10**decimals).astype(np.int64) * 10 ** (4 - decimals)
        wire = np.empty(len(values), dtype=NUMERIC)
        wire["groups"], wire["weight"], wire["sign"], wire["scale"] = GROUPS, GROUPS - 2, 0, decimals
        for group in range(GROUPS - 1, -1, -1):
            kept, wire["digits"][:, group] = np.divmod(kept, 10_000)
        return wire

    return Column(values, NUMERIC, encode)


def blocks(columns: Mapping[str, Column], rows: int) -> Iterator[bytes]:
    """The rows in wire format, block by block, without header and trailer. The order is that of `columns`."""
    fields: list[tuple[str, str] | tuple[str, np.dtype[np.generic]]] = [("columns", ">i2")]
    for name, column in columns.items():
        fields.append((f"{name} length", ">i4"))
        if column.format is not None:
            fields.append((name, column.format))
    record = np.dtype(fields)
    for start in range(0, rows, ROWS_A_BLOCK):
        chosen = slice(start, min(start + ROWS_A_BLOCK, rows))
        block = np.zeros(chosen.stop - start, dtype=record)
        block["columns"] = len(columns)
        for name, column in columns.items():
            block[f"{name} length"] = -1 if column.format is None else column.format.itemsize
            if column.format is not None:
                block[name] = column.of(chosen)
        yield block.tobytes()


def records(
    messages: Iterable[bytes | bytearray | memoryview], row: np.dtype[np.void]
) -> Iterator[npt.NDArray[np.void]]:
    """Rows of a fixed width out of the messages of a binary COPY, some at a time. Nulls have no width: select none."""
    waiting, header = bytearray(), len(HEADER)
    for message in messages:
        waiting += message
        if len(waiting) >= ENOUGH:
            del waiting[:header]
            header = 0
            whole = len(waiting) // row.itemsize * row.itemsize
            yield np.frombuffer(bytes(waiting[:whole]), dtype=row)
            del waiting[:whole]
    yield np.frombuffer(bytes(waiting[header : len(waiting) - len(TRAILER)]), dtype=row)
