"""Jalali days in files: the function that expressions of retain.yml turn them into Gregorian ones with."""

from datetime import date, timedelta

import jdatetime
import pytest

from retain import loads, warehouse
from retain.config import load_settings

SOURCES = """\
  - name: shop
    type: files
    folder: files
    timezone: Asia/Tehran
    entities:
      orders:
        files: "*.csv"
        fields: {order_id: id, ordered_at: 'ops.from_jalali("تاریخ")', gross_amount: amount}
        defaults: {status: paid, currency: IRR}
"""


@pytest.fixture
def settings(write_config, tmp_path):
    (tmp_path / "files").mkdir()
    settings = load_settings(write_config(SOURCES, currency="IRR", timezone="Asia/Tehran"))
    warehouse.prepare(settings)
    return settings


def ask(settings, statement, *values):
    with warehouse.connect(settings) as connection:
        return connection.execute(statement, values or None).fetchall()


def test_every_day_of_the_calendar_is_that_of_the_library(settings):
    days = [date(1990, 1, 1) + timedelta(days=number) for number in range(25_933)]
    written = [jdatetime.date.fromgregorian(date=day).strftime("%Y/%m/%d") for day in days]
    found = ask(
        settings,
        "select ops.from_jalali(one) from unnest(%s::text[]) with ordinality as list (one, n) order by n",
        written,
    )
    assert [day for (day,) in found] == [day.isoformat() for day in days]


@pytest.mark.parametrize(
    ("written", "gregorian"),
    [
        ("1403/01/15 10:00", "2024-04-03 10:00"),
        ("۱۴۰۳/۱/۵ ۲۳:۵۹:۰۱", "2024-03-24 23:59:01"),
        (" ١٤٠٣-١٢-٣٠", "2025-03-20"),
        ("14031230", "2025-03-20"),
        ("1404-01-01T00:00:00+03:30", "2025-03-21T00:00:00+03:30"),
        ("1403-07", "2024-09-22"),
        ("1404/12/30", "1404/12/30"),
        ("1403/13/01", "1403/13/01"),
        ("1403/00/01", "1403/00/01"),
        ("1403/07/31", "1403/07/31"),
        ("1403/01/155", "1403/01/155"),
        ("140301151", "140301151"),
        ("2024-04-03 10:00", "2024-04-03 10:00"),
        ("", ""),
        ("soon", "soon"),
        (None, None),
    ],
)
def test_a_day_however_it_is_written_and_what_is_none(settings, written, gregorian):
    assert ask(settings, "select ops.from_jalali(%s)", written) == [(gregorian,)]


def test_orders_of_a_file_with_jalali_days_are_of_their_gregorian_ones(settings):
    folder = settings.source("shop").folder
    (folder / "a.csv").write_text("id,تاریخ,amount\n1,۱۴۰۳/۰۱/۱۵ ۱۰:۰۰,5\n2,1404/12/30,5\n")
    (outcome,) = loads.load_sources(settings, ["shop"])
    assert (outcome.status, outcome.rows_quarantined) == ("published", 1)
    assert ask(settings, "select order_id, (ordered_at at time zone 'Asia/Tehran')::text from raw.orders") == [
        ("1", "2024-04-03 10:00:00")
    ]
    ((reasons,),) = ask(settings, "select reasons from ops.quarantine")
    assert any("ops.from_jalali" in reason or "not a moment that exists" in reason for reason in reasons)
