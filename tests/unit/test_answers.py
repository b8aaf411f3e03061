"""How the answer of `retain query` is shown: nothing is broken in two, nothing is taken for markup, everything is JSON."""

import io
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from psycopg.types.range import Range
from rich.console import Console

from retain.cli.asking import as_json, show

NAMES = ["cohort_month", "cohort_customers", "active_customers", "active_rate", "net_amount", "currency"]
ROW = (date(2025, 1, 1), 12345, 678, Decimal("0.054921"), Decimal("1234567.89"), "EUR")


def shown(names, rows, *, columns: int, is_terminal: bool) -> str:
    screen = Console(
        file=io.StringIO(),
        width=columns,
        force_terminal=is_terminal,
        color_system=None,
        highlight=False,
        legacy_windows=False,
    )
    show(names, rows, screen)
    return screen.file.getvalue()


def test_a_terminal_that_is_wide_enough_shows_a_line_a_row():
    lines = shown(NAMES, [ROW], columns=100, is_terminal=True).splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["2025-01-01", "12345", "678", "0.054921", "1234567.89", "EUR"]


def test_a_narrow_terminal_shows_a_line_a_value_and_breaks_none():
    lines = shown(NAMES, [ROW, ROW], columns=40, is_terminal=True).splitlines()
    assert lines[0] == "── row 1"
    assert lines[1].split() == ["cohort_month", "2025-01-01"]
    assert lines[5].split() == ["net_amount", "1234567.89"]
    assert lines[7] == "── row 2"
    assert lines[-1] == "2 rows"


def test_where_nobody_looks_on_a_terminal_a_row_is_one_line_however_wide():
    lines = shown(NAMES * 10, [ROW * 10], columns=80, is_terminal=False).splitlines()
    assert len(lines) == 3
    assert lines[1].split() == [str(value) for value in ROW] * 10


def test_brackets_are_characters_and_one_row_is_one_row():
    text = shown(["[/red]"], [("[bold]no[/bold] [/]",)], columns=80, is_terminal=True)
    assert "[/red]" in text
    assert "[bold]no[/bold] [/]" in text
    assert text.endswith("1 row\n")


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (Decimal("0.10"), 0.1),
        (Decimal("NaN"), None),
        (float("inf"), None),
        ([Decimal("1.50"), None, date(2025, 1, 1)], [1.5, None, "2025-01-01"]),
        ({"a": [1, True]}, {"a": [1, True]}),
        (time(10, 0), "10:00:00"),
        (datetime(2025, 1, 1, 12, 30), "2025-01-01T12:30:00"),
        (timedelta(days=3), "3 days, 0:00:00"),
        (UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (Range(1, 2), "[1, 2)"),
        (b"\x01\xff", "\\x01ff"),
        ("Zoë", "Zoë"),
        (True, True),
    ],
)
def test_every_value_of_postgresql_is_json(value, meant):
    assert json.loads(as_json(value)) == meant


def test_amounts_keep_their_digits_in_json():
    assert as_json([Decimal("0.10")]) == "[0.10]"
