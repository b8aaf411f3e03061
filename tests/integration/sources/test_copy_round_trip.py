"""Whatever text goes out as COPY comes back from PostgreSQL as the same text."""

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retain.sources.copy_text import NULL, copy_text
from retain.sources.files_parquet import _copy_text, texts

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["", "\\.", "\\N", '"', '""', ",", "\n", "\r\n", " ", "null", "NULL"]
)
ROWS = st.lists(st.tuples(TEXT | st.none(), TEXT | st.none(), TEXT), max_size=20)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def back(database):
    with psycopg.connect(**database) as connection, connection.cursor() as cursor:
        cursor.execute("create temporary table landed (n int generated always as identity, a text, b text, c text)")

        def back(chunks):
            cursor.execute("truncate landed")
            with cursor.copy("copy landed (a, b, c) from stdin (format csv)") as copy:
                for chunk in chunks:
                    copy.write(chunk)
            return cursor.execute("select a, b, c from landed order by n").fetchall()

        yield back


@QUICK
@given(rows=ROWS)
def test_rows_written_by_python_come_back(back, rows):
    assert back(copy_text([[NULL if value is None else value for value in row] for row in rows])) == rows


@QUICK
@given(rows=ROWS.filter(bool))
def test_rows_written_by_arrow_come_back(back, rows):
    arrays = [texts(pa.array(column, pa.string())) for column in zip(*rows, strict=True)]
    assert back([_copy_text(arrays)]) == rows
