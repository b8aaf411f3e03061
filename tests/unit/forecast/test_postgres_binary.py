"""Binary COPY, to PostgreSQL and back."""

from decimal import Decimal

import numpy as np
import psycopg
import pytest

from retain.forecast import postgres_binary as binary


@pytest.fixture
def connection(database):
    with psycopg.connect(**database, autocommit=True) as connection:
        yield connection


def test_amounts_of_every_size_arrive_to_the_last_decimal(connection):
    connection.execute("create table amounts (two numeric(18, 2), four numeric(18, 4))")
    values = np.array([0.0, 0.01, 0.005, 0.015, 1.0, 9999.99, 10_000.0, 123_456_789.12, 4.2e13, 0.99995])
    columns = {"two": binary.amounts(values, 2), "four": binary.amounts(values, 4)}
    with connection.cursor() as cursor, cursor.copy("copy amounts from stdin (format binary)") as copy:
        copy.write(binary.HEADER)
        for block in binary.blocks(columns, len(values)):
            copy.write(block)
        copy.write(binary.TRAILER)
    rows = connection.execute("select two, four from amounts").fetchall()
    assert [row[0] for row in rows] == [
        Decimal(str(np.rint(value * 100) / 100)).quantize(Decimal("0.01")) for value in values
    ]
    assert [row[1] for row in rows] == [
        Decimal(str(np.rint(value * 10_000) / 10_000)).quantize(Decimal("0.0001")) for value in values
    ]
    total, trimmed = connection.execute("select sum(two), (array_agg(two))[5]::text from amounts").fetchone()
    assert total == sum(row[0] for row in rows)
    assert trimmed == "1.00"


def test_more_rows_than_fit_a_block_arrive_in_order(connection):
    rows = 3 * binary.ROWS_A_BLOCK + 7
    connection.execute("create table numbers (number double precision, label text, gap int)")
    columns = {
        "number": binary.doubles(np.arange(rows) / 3),
        "label": binary.text("prédit: día"),
        "gap": binary.null(),
    }
    with connection.cursor() as cursor, cursor.copy("copy numbers from stdin (format binary)") as copy:
        copy.write(binary.HEADER)
        for block in binary.blocks(columns, rows):
            copy.write(block)
        copy.write(binary.TRAILER)
    found = connection.execute(
        "select count(*), sum(number), min(label), max(label), count(gap) from numbers"
    ).fetchone()
    assert found == (rows, pytest.approx((np.arange(rows) / 3).sum()), "prédit: día", "prédit: día", 0)


@pytest.mark.parametrize("rows", [0, 1, 400_000])
def test_rows_of_any_number_are_read_back(connection, rows):
    wire = np.dtype([("columns", ">i2"), ("l1", ">i4"), ("number", ">i4"), ("l2", ">i4"), ("amount", ">i8")])
    with (
        connection.cursor() as cursor,
        cursor.copy(
            f"copy (select n::int4, (n::int8 * 100) from generate_series(1, {rows}) n) to stdout (format binary)"
        ) as copy,
    ):
        found = np.concatenate(list(binary.records(copy, wire)))
    assert (found["number"] == np.arange(1, rows + 1)).all()
    assert (found["amount"] == 100 * np.arange(1, rows + 1)).all()
