"""Parquet files, a batch of rows at a time, each value as the text of its exact value."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from retain.sources import Column
from retain.sources.files_text import FileRefused

ROWS_AT_ONCE = 32_768


@dataclass(frozen=True)
class ParquetFormat:
    """Parquet says all of it itself."""

    is_sparse = False

    def columns(self, path: Path) -> list[Column]:
        """Names and Arrow types. Raises FileRefused when it is no Parquet file or cut off."""
        with _opened(path) as file:
            return [Column(field.name, str(field.type)) for field in file.schema_arrow]

    def names(self, path: Path) -> list[str]:
        return [column.name for column in self.columns(path)]

    def advice(self, path: Path, wanted: object) -> str:
        return ""

    def chunks(self, path: Path, name: str, places: list[int | None], before: int = 0) -> Iterator[tuple[bytes, int]]:
        """COPY text and its number of rows. `places[i]` is the file's column that lands as the i-th, or None.

        After the columns come the file's name, the record's number from `before` + 1, and a null for what is wrong with it.
        """
        done = 0
        with _opened(path) as file:
            try:
                for batch in file.iter_batches(ROWS_AT_ONCE):
                    rows = batch.num_rows
                    nulls = pa.nulls(rows, pa.string())
                    landed = [nulls if place is None else texts(batch.column(place)) for place in places]
                    numbers = pc.cast(pa.array(range(before + done + 1, before + done + rows + 1)), pa.string())
                    landed += [pa.repeat(pa.scalar(name), rows), numbers, nulls]
                    done += rows
                    chunk = _copy_text(landed)
                    if b"\0" in chunk:
                        raise FileRefused("holds a zero character in a text, which PostgreSQL cannot store")
                    yield chunk, rows
            except (pa.ArrowInvalid, OSError) as error:
                raise FileRefused(f"breaks off after row {done}: {_first_line(error)}") from None
            if done != file.metadata.num_rows:
                raise FileRefused(f"says it has {file.metadata.num_rows} rows and gave {done}")


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        if path.stat().st_size == 0:
            raise FileRefused("is empty; its export probably failed") from None
        raise FileRefused(f"is not a Parquet file, or is cut off: {_first_line(error)}") from None


def texts(values: pa.Array) -> pa.Array:
    """An array as text that PostgreSQL casts back to the same values: decimals keep their digits, times their zone."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return texts(values.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return values.cast(pa.string())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        # As UTC with its sign: Arrow's own text needs a zone database, and leaves the offset out in some versions.
        utc = values.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit))
        return pc.binary_join_element_wise(utc.cast(pa.string()), "+00", "")
    castable = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_date, pa.types.is_timestamp)
    if any(is_kind(kind) for is_kind in castable) or kind in (pa.float32(), pa.float64()):
        return values.cast(pa.string())
    return pa.array([None if value is None else _text(value) for value in values.to_pylist()], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, dict | list):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


def _plain(value: Any) -> Any:
    """What JSON can hold; an exact number becomes its text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return _text(value) if isinstance(value, bytes | Decimal) else value


def _copy_text(arrays: list[pa.Array]) -> bytes:
    table = pa.table(arrays, names=[str(number) for number in range(len(arrays))])
    sink = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    pyarrow.csv.write_csv(table, sink, options)
    return sink.getvalue()


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
