"""Reading the warehouse for the reference, and days as whole numbers since 1970-01-01."""

from typing import Any

import numpy.typing as npt
import pandas as pd
import psycopg


def read(connection: psycopg.Connection[Any], query: str) -> pd.DataFrame:
    """The rows of a query; columns of numbers as the server's driver gives them."""
    cursor = connection.execute(query.encode())
    names = [column.name for column in cursor.description or []]
    return pd.DataFrame(cursor.fetchall(), columns=names, dtype=object)


def local_days(instants: pd.Series, timezone: str) -> npt.NDArray[Any]:
    """The local day of each instant."""
    moments = pd.to_datetime(instants, utc=True).dt.tz_convert(timezone).dt.tz_localize(None)
    days: npt.NDArray[Any] = moments.to_numpy().astype("datetime64[D]").astype("int64")
    return days
