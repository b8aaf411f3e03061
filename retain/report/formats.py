"""How numbers, money and days are written on the report: short, in English, the same in text, tables and charts."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

Number = int | float | Decimal

NOTHING = "–"
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "TRY": "₺", "UAH": "₴"}
SCALES = ((Decimal("1e12"), "tn"), (Decimal("1e9"), "bn"), (Decimal("1e6"), "M"), (Decimal("1e3"), "k"))
SHORT_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
JALALI_MONTHS = (
    "Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar",
    "Mehr", "Aban", "Azar", "Dey", "Bahman", "Esfand",
)  # fmt: skip


def whole(value: Number | None) -> str:
    """19842 -> 19,842."""
    return NOTHING if value is None else f"{value:,.0f}"


def share(value: Number | None, digits: int = 1) -> str:
    """0.341 -> 34.1%. Half a percent and 99.96 % never round to a false 0 or 100: they say <0.1% and >99.9%."""
    if value is None:
        return NOTHING
    percent, step = Decimal(value) * 100, Decimal(1).scaleb(-digits)
    if 0 < percent < step / 2:
        return f"<{step}%"
    if 100 - step / 2 < percent < 100:
        return f">{100 - step}%"
    return f"{percent:.{digits}f}%"


def compact(value: Number | None) -> str:
    """Three significant digits above 10,000: 3316359.82 -> 3.32M; below, whole, or with cents under 100."""
    if value is None:
        return NOTHING
    amount = Decimal(value)
    size = abs(amount)
    if size < 100:
        return f"{amount:.0f}" if amount == amount.to_integral_value() else f"{amount:.2f}"
    if size < 10_000:
        return f"{amount:,.0f}"
    for scale, letter in SCALES:
        if size >= scale * Decimal("0.9995"):  # 999,999 is 1.00M, not 1000k
            scaled = amount / scale
            digits = 2 if abs(scaled) < Decimal("9.995") else 1 if abs(scaled) < Decimal("99.95") else 0
            return f"{scaled:,.{digits}f}{letter}"
    raise AssertionError("every size from 10,000 has a scale")


def unit(currency: str) -> str:
    """What stands before an amount: € for EUR; the code and a space for a currency without a sign that only it has."""
    return SYMBOLS.get(currency, f"{currency}\u00a0")


def money(value: Number | None, currency: str) -> str:
    """3316359.82, EUR -> €3.32M."""
    if value is None:
        return NOTHING
    amount = Decimal(value)
    return f"{'−' if amount < 0 else ''}{unit(currency)}{compact(abs(amount))}"


def change(now: Number, before: Number) -> str:
    """By how much `now` differs from `before`, in words: '12% more than', 'as many as', '3.4% fewer than'."""
    difference = Decimal(now) / Decimal(before) - 1
    if abs(difference) < Decimal("0.0005"):
        return "as many as"
    digits = 0 if abs(difference) >= Decimal("0.0995") else 1
    return f"{share(abs(difference), digits)} {'more' if difference > 0 else 'fewer'} than"


def month(label: str, calendar: str, *, short: bool = False) -> str:
    """The marts' label of a month, as read: 2025-03 -> Mar 2025 (short: Mar 25), 1404-01 -> Farvardin 1404 (short: 1404-01)."""
    year, _, number = label.partition("-")
    if not number.isdigit() or not 1 <= int(number) <= 12:
        return label
    if calendar == "jalali":
        return label if short else f"{JALALI_MONTHS[int(number) - 1]} {year}"
    return f"{SHORT_MONTHS[int(number) - 1]} {year[-2:] if short else year}"


def day(value: date | None, calendar: str = "gregorian") -> str:
    """22 Nov 2026; in a Jalali shop 1 Azar 1405 (22 Nov 2026)."""
    if value is None:
        return NOTHING
    gregorian = f"{value.day} {SHORT_MONTHS[value.month - 1]} {value.year}"
    if calendar != "jalali":
        return gregorian
    import jdatetime

    local = jdatetime.date.fromgregorian(date=value)
    return f"{local.day} {JALALI_MONTHS[local.month - 1]} {local.year} ({gregorian})"


def moment(value: datetime | None, zone: ZoneInfo) -> str:
    """22 Nov 2026, 06:18 in the shop's own time."""
    if value is None:
        return NOTHING
    local = value.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M}"
