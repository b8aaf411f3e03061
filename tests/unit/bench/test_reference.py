"""The reference finds what differs, and cuts weeks, months and quarters where they begin."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd

from bench.reference.bench import differences
from bench.reference.histories import with_standings
from bench.reference.marts import Shop, day_number, prepared, survival
from bench.reference.orders import to_cents

MART = pd.DataFrame({"month": [1, 2, 3], "customers": [5, 6, 7], "active_rate": [0.5, 1 / 3, 1.0]}, dtype=object)


def shop(occasions, week_start="saturday"):
    nothing = pd.DataFrame({"customer_key": [], "day": [], "cents": []})
    days = day_number(date(2025, 3, 1)), day_number(date(2025, 3, 2))
    return Shop(prepared(occasions), *days, week_start, 365, None, nothing)


def bought(*days, customer="a"):
    rows = {"customer_key": customer, "day": list(days), "gross": 100, "discount": 0, "net": 100, "is_costed": True}
    return pd.DataFrame(rows).assign(channel="web", region="north", category="toys")


def test_equal_marts_do_not_differ_even_where_one_is_rounded():
    rounded = MART.assign(active_rate=[Decimal("0.5"), Decimal("0.333333"), Decimal(1)])
    assert differences(["month"], MART, rounded) == {"cells": 6, "differences": 0, "examples": []}


def test_a_cell_that_differs_is_found_and_told():
    found = differences(["month"], MART, MART.assign(customers=[5, 8, 7]))
    assert found["differences"] == 1
    assert found["examples"] == ["{'month': 2} customers: recomputed 6, mart 8"]
    assert differences(["month"], MART, MART.assign(active_rate=[0.5, 0.33333, 1.0]))["differences"] == 1


def test_a_row_that_one_side_lacks_differs_in_every_cell():
    assert differences(["month"], MART, MART[:2])["differences"] == 2
    assert differences(["month"], MART[1:], MART)["differences"] == 2


def test_a_value_that_is_missing_on_one_side_differs():
    assert differences(["month"], MART, MART.assign(active_rate=[0.5, None, 1.0]))["differences"] == 1


def test_periods_begin_on_the_configured_weekday_and_on_the_first_of_the_month_and_quarter():
    days = np.array([day_number(date(2025, 2, 28)), day_number(date(2025, 3, 1))])  # a Friday and a Saturday
    one = shop(bought(*days))
    starts = {period: one.starts(period, days).tolist() for period in ("week", "month", "quarter")}
    assert starts == {
        "week": [day_number(date(2025, 2, 22)), day_number(date(2025, 3, 1))],
        "month": [day_number(date(2025, 2, 1)), day_number(date(2025, 3, 1))],
        "quarter": [day_number(date(2025, 1, 1))] * 2,
    }
    assert one.after("quarter", day_number(date(2024, 10, 1))) == day_number(date(2025, 1, 1))


def test_amounts_are_converted_with_halves_away_from_zero():
    amounts = pd.Series([10_050, -10_050, 10_049])  # 1.0050, -1.0050 and 1.0049
    assert to_cents(amounts, pd.Series([10**8] * 3)).tolist() == [101, -101, 100]


def test_survival_of_the_worked_example():
    start = day_number(date(2025, 2, 26))
    four = [bought(start, start + gap, customer=f"c{gap}") for gap in (1, 2, 3)]
    four.append(bought(day_number(date(2025, 2, 28)), customer="d"))  # observed for one day
    one = shop(pd.concat(four, ignore_index=True))
    curve = survival(replace(one, occasions=with_standings(one)))
    first = curve[(curve["dimension"] == "all") & (curve["from_occasion"] == 1)]
    assert first["survival_rate"].round(6).tolist() == [0.75, 0.375, 0]
    assert first["survival_low"].round(6).tolist() == [0.127947, 0.010971, 0]
    assert first["survival_high"].round(6).tolist() == [0.960549, 0.808001, 0]
