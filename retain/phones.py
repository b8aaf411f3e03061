"""Phone numbers as people write them, to E.164, once per spelling: `raw.phone_numbers` keeps the answers."""

from typing import Any

import psycopg
from psycopg import sql

PSEUDONYM = "erased-"  # what stands in the place of an identifier of somebody who was erased begins with it


def to_e164(text: str, country: str | None) -> str | None:
    """E.164 (+374…) of a phone number in any usual spelling, digits of any script; None when it is not a valid number.

    `country` (ISO 3166-1 alpha-2) reads numbers written without a country code; without it only international ones are read.
    By the phonenumbers library, which follows Google's libphonenumber. The pseudonym of a number is its own.
    """
    if text.startswith(PSEUDONYM):
        return text
    import phonenumbers

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def new_spellings(connection: psycopg.Connection[Any], table: sql.Identifier) -> list[str]:
    """The spellings in `table` that `raw.phone_numbers` does not have."""
    rows = connection.execute(
        sql.SQL(
            "select distinct phone from {} as incoming where phone is not null "
            "and not exists (select 1 from raw.phone_numbers as known where known.phone = incoming.phone)"
        ).format(table)
    )
    return [phone for (phone,) in rows]


def normalise(connection: psycopg.Connection[Any], spellings: list[str], country: str | None) -> None:
    """Add spellings that were never seen before to `raw.phone_numbers`."""
    with connection.cursor().copy("copy raw.phone_numbers (phone, e164) from stdin") as copy:
        for phone in spellings:
            copy.write_row((phone, to_e164(phone, country)))
