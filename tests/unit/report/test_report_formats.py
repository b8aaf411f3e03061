"""Numbers, money, months and days as the report writes them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from retain.report import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0"), "0.0%"),
        (Decimal("0.3414"), "34.1%"),
        (Decimal("1"), "100.0%"),
        (Decimal("0.0002"), "<0.1%"),
        (Decimal("0.9999"), ">99.9%"),
        (0.25, "25.0%"),
        (None, "–"),
    ],
)
def test_a_share_never_rounds_to_nobody_or_to_everybody(value, text):
    assert formats.share(value) == text


def test_a_share_without_decimals_keeps_that_promise():
    assert [formats.share(value, 0) for value in (0, 0.004, 0.5, 0.997, 1)] == ["0%", "<1%", "50%", ">99%", "100%"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("7", "7"),
        ("64.51", "64.51"),
        ("350.4", "350"),
        ("9999", "9,999"),
        ("10000", "10.0k"),
        ("984000", "984k"),
        ("999600", "1.00M"),
        ("3316359.82", "3.32M"),
        ("99960000", "100M"),
        ("2500000000", "2.50bn"),
        ("812000000000000", "812tn"),
        ("1234000000000000", "1,234tn"),
        ("-20500", "-20.5k"),
    ],
)
def test_large_numbers_keep_three_digits_and_never_say_1000k(value, text):
    assert formats.compact(Decimal(value)) == text


def test_money_has_the_sign_of_its_currency_or_its_code():
    assert formats.money(Decimal("3316359.82"), "EUR") == "€3.32M"
    assert formats.money(Decimal("-45"), "USD") == "−$45"
    assert formats.money(Decimal("1250000"), "AMD") == "AMD\u00a01.25M"
    assert formats.money(None, "EUR") == "–"


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (120, 100, "20% more than"),
        (97, 100, "3.0% fewer than"),
        (100, 100, "as many as"),
        (100_001, 100_000, "as many as"),
    ],
)
def test_a_change_is_said_in_words(now, before, words):
    assert formats.change(now, before) == words


def test_months_are_named_in_their_own_calendar():
    assert formats.month("2025-03", "gregorian") == "Mar 2025"
    assert formats.month("2025-03", "gregorian", short=True) == "Mar 25"
    assert formats.month("1404-01", "jalali") == "Farvardin 1404"
    assert formats.month("1404-12", "jalali", short=True) == "1404-12"
    assert formats.month("2025-Q1", "gregorian") == "2025-Q1"


def test_a_jalali_shop_reads_both_dates():
    assert formats.day(date(2026, 11, 22)) == "22 Nov 2026"
    assert formats.day(date(2025, 3, 21), "jalali") == "1 Farvardin 1404 (21 Mar 2025)"


def test_a_moment_is_told_in_the_time_of_the_shop():
    assert formats.moment(datetime(2025, 1, 1, 21, 30, tzinfo=UTC), ZoneInfo("Asia/Yerevan")) == "2 Jan 2025, 01:30"
    assert formats.moment(None, ZoneInfo("UTC")) == "–"
