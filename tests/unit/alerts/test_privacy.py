from pathlib import Path

import pytest

from retain.alerts.privacy import MASKED_EMAIL, MASKED_PHONE, masked_key, masked_text, secrets_of, without_secrets
from retain.config import load_settings

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize(
    "key",
    [
        "1000234567",
        "100023456",
        "5912345678901",
        "W-2025-000123",
        "0000123",
        "000000000123",
        "till4/2025-11-20/0017",
        "o1/l2",
        "#1042",
        "7a0f2c1e-4b7d-4c9e-9a6e-0d1f2a3b4c5d",
        "INV 2025 11 20 17",
    ],
)
def test_an_order_number_stays_as_it_is(key):
    assert masked_key(key, "orders", "AM") == key


@pytest.mark.parametrize("key", ["ani@example.am", "Ani@EXAMPLE.AM/1", "անի@օրինակ.հայ", "ani@localhost"])
def test_an_email_address_is_masked_in_any_key(key):
    assert masked_key(key, "orders", "AM") == MASKED_EMAIL


@pytest.mark.parametrize(
    ("key", "country"),
    [
        ("+37491234567", "AM"),
        ("+374 91 23-45-67", "AM"),
        ("0037491234567", "AM"),
        ("091 23 45 67", "AM"),
        ("(091) 234567", "AM"),
        ("091234567", "AM"),
        ("09121234567", "IR"),
        ("09121234567", None),
    ],
)
def test_what_is_written_as_a_phone_number_is_masked_in_any_key(key, country):
    assert masked_key(key, "orders", country) == MASKED_PHONE


def test_a_padded_order_number_that_no_phone_has_stays_where_the_country_is_known():
    assert masked_key("000012345", "orders", "AM") == "000012345"
    assert masked_key("0012345678", "orders", "AM") == "0012345678"


@pytest.mark.parametrize("key", ["37491234567", "91234567", "989121234567", "۰۹۱۲۱۲۳۴۵۶۷"])
def test_a_customer_whose_key_is_a_phone_number_in_digits_alone_is_masked(key):
    country = "IR" if key.startswith("۰") else "AM"
    assert masked_key(key, "customers", country) == MASKED_PHONE


@pytest.mark.parametrize("key", ["c1", "1042", "100234", "C-000123", "7a0f2c1e-4b7d-4c9e"])
def test_a_customer_with_an_ordinary_number_is_shown(key):
    assert masked_key(key, "customers", "AM") == key


def test_a_sentence_loses_addresses_and_numbers_and_keeps_days_times_and_hosts():
    said = "ani@example.am and +374 91 234567 since 2026-11-20 14:00+04:00 or 09-11-2026, db-1 at 10.0.0.15:5432, 1,204 rows"
    kept = said.replace("ani@example.am", MASKED_EMAIL).replace("+374 91 234567", MASKED_PHONE)
    assert masked_text(said) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('invalid input syntax for type numeric: "Ani Petrosyan"', "invalid input syntax for type numeric"),
        ("duplicate key DETAIL: Key (full_name)=(Ani) exists", "duplicate key DETAIL"),
        ("A row holds a zero character, which PostgreSQL cannot store: 1,Ani", "…, which PostgreSQL cannot store"),
    ],
)
def test_what_a_database_quotes_from_a_row_is_not_repeated(said, kept):
    assert masked_text(said).endswith(kept.removeprefix("…"))
    assert "Ani" not in masked_text(said)


def test_a_sentence_has_an_end():
    assert len(masked_text("x" * 10_000)) == 500


def test_a_secret_is_taken_out_wherever_it_stands():
    assert without_secrets("to https://h/T0/B0 with B0", ["https://h/T0/B0"]) == "to *** with B0"


@pytest.mark.parametrize(
    ("example", "given", "secrets"),
    [
        (
            "zendesk",
            {"SUBDOMAIN": "shop", "USER": "ani@shop.am", "TOKEN": "zen-t0ken"},
            {"ani@shop.am/token", "zen-t0ken"},
        ),
        ("shopify", {"SHOP": "s", "CLIENT_ID": "cl1ent", "CLIENT_SECRET": "shpss_1"}, {"cl1ent", "shpss_1"}),
        ("smile", {"TOKEN": "smile-t0ken"}, {"smile-t0ken"}),
    ],
)
def test_the_keys_of_a_web_system_are_secrets_and_its_address_is_none(example, given, secrets):
    environment = {f"{example.upper()}_{name}": value for name, value in given.items()}
    assert set(secrets_of(load_settings(EXAMPLES / example / "retain.yml", environment))) == secrets


def test_of_a_database_the_address_and_its_password_are_secrets():
    environment = {"RETAIN_SHOP_USER": "reader", "RETAIN_SHOP_PASSWORD": "open%20sesame", "RETAIN_SHOP_PORT": "5432"}
    found = secrets_of(load_settings(EXAMPLES / "demo" / "retain.yml", environment))
    assert "open sesame" in found
    assert any(one.startswith("postgresql://reader:") for one in found)
