"""A shop that counts in Jalali time: every period of every mart begins where that calendar, or the shop's week, begins one."""

from collections import Counter
from datetime import date

import jdatetime
import pytest
import reference_marts as reference
from small_shop import AS_OF, known_on

STARTS = {"cohort_start", "activity_start", "period_start", "month_start", "cohort_month", "activity_month"}


def jalali(day: date) -> jdatetime.date:
    return jdatetime.date.fromgregorian(date=day)


BEGINS = {
    "week": lambda day: day.strftime("%A") == "Saturday",
    "month": lambda day: jalali(day).day == 1,
    "quarter": lambda day: jalali(day).day == 1 and jalali(day).month in (1, 4, 7, 10),
    "year": lambda day: (jalali(day).day, jalali(day).month) == (1, 1),
}


def columns(built):
    rows = built.ask(
        "select table_name, column_name from information_schema.columns where table_schema = 'marts' order by 1, 2"
    )
    return {table: {name for of, name in rows if of == table} for table, _ in rows}


def test_every_period_of_every_mart_begins_in_the_configured_calendar(from_everything):
    seen = Counter()
    for mart, names in columns(from_everything).items():
        period = "period" if "period" in names else "'month'"
        for name in sorted(names & STARTS):
            for kind, day in from_everything.ask(f"select distinct {period}, {name} from marts.{mart}"):
                assert day is None or BEGINS[kind](day), f"{mart}.{name}: {day} begins no {kind}"
                seen[mart, kind] += 1
    assert {kind for _, kind in seen} == set(BEGINS)
    assert {mart for mart, _ in seen} >= {
        "retention_cohorts", "retention_cohorts_by", "customer_flow", "customer_flow_by", "repeat_purchase",
        "repeat_purchase_by", "cohort_value", "segment_history", "segment_flow", "lapse_flow", "dim_customers",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("period", "label"),
    [
        ("month", lambda day: f"{day.year}-{day.month:02}"),
        ("quarter", lambda day: f"{day.year}-Q{(day.month + 2) // 3}"),
        ("year", lambda day: str(day.year)),
    ],
)
def test_the_cohorts_of_a_jalali_period_are_those_who_first_bought_in_it(from_everything, shop, period, label):
    bought = reference.occasions(known_on(shop, AS_OF))
    expected = Counter(label(jalali(min(days))) for days in bought.values())
    found = from_everything.ask(
        "select cohort_label, cohort_customers from marts.retention_cohorts_by "
        f"where period = '{period}' and dimension = 'all' and periods_since_first = 0"
    )
    assert dict(found) == expected
    assert {"month": "1402-12", "quarter": "1403-Q4", "year": "1403"}[period] in expected


def test_the_last_day_of_a_leap_esfand_and_the_first_of_farvardin_are_of_two_years(from_everything):
    rows = from_everything.ask(
        "select day, year_index, year_start, next_year_start from intermediate.util_days "
        "where day in ('2025-03-20', '2025-03-21', '2026-03-20', '2026-03-21')"
    )
    assert {row[0]: row[1:] for row in rows} == {
        date(2025, 3, 20): (1403, date(2024, 3, 20), date(2025, 3, 21)),
        date(2025, 3, 21): (1404, date(2025, 3, 21), date(2026, 3, 21)),
        date(2026, 3, 20): (1404, date(2025, 3, 21), date(2026, 3, 21)),
        date(2026, 3, 21): (1405, date(2026, 3, 21), date(2027, 3, 21)),
    }
