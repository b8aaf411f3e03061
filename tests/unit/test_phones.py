import pytest

from retain.phones import to_e164


@pytest.mark.parametrize(
    "spelling",
    ["+374 91 123456", "0037491123456", "091 12-34-56", "(091) 123456", "۰۹۱۱۲۳۴۵۶", "٠٩١١٢٣٤٥٦", "+۳۷۴ ۹۱ ۱۲۳۴۵۶"],
)
def test_one_number_in_any_spelling_and_script_is_one_number(spelling):
    assert to_e164(spelling, "AM") == "+37491123456"


def test_a_national_number_needs_a_country():
    assert to_e164("091 123456", None) is None
    assert to_e164("+374 91 123456", None) == "+37491123456"


@pytest.mark.parametrize("text", ["", "none", "0", "12345", "000000000", "call me", "0000-00"])
def test_what_is_no_phone_number_joins_nobody(text):
    assert to_e164(text, "AM") is None
