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


def normalise_new_phones(connection: psycopg.Connection[Any], table: sql.Identifier, country: str | None) -> int:
    """Add the spellings in `table` that were never seen before to `raw.phone_numbers`; returns how many."""
    rows = connection.execute(
        sql.SQL(
            "select distinct phone from (select distinct phone from {} where phone is not null) as incoming "
            "where not exists (select 1 from raw.phone_numbers as known where known.phone = incoming.phone)"
        ).format(table)
    ).fetchall()
    with connection.cursor().copy("copy raw.phone_numbers (phone, e164) from stdin") as copy:
        for (phone,) in rows:
            copy.write_row((phone, to_e164(phone, country)))
    return len(rows)
