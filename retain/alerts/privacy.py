"""Keep personal data and secrets out of what leaves the house: keys that are addresses or numbers, passwords in sentences."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from retain.alerts.problem import KEYS_SHOWN, Problem
from retain.config import Settings

EMAIL = re.compile(r"[^\s@<>()\[\]\"',;:/|]+@[^\s@<>()\[\]\"',;:/|]+\.[^\s@<>()\[\]\"',;:/|]+")
MASKED_EMAIL, MASKED_PHONE, MASKED_SECRET = "(an e-mail address)", "(a phone number)", "***"

# Written as a phone number: + or 00 and a country, an area in brackets, or a leading zero. Digits alone are an order's id.
PHONE = re.compile(
    r"(?<![\w+.-])(?:(?:\+|00)[1-9][\d ().-]{5,18}\d|\(\d{2,5}\)[ -]?\d[\d -]{3,10}\d|"
    r"0[1-9]\d{7,9}|0\d{1,4}[ -]\d{2,4}(?:[ -]\d{2,4}){1,3})(?![\w-])"
)
FEWEST_DIGITS = 9  # of a phone number with its trunk zero; a day such as 09-11-2026 has eight
QUOTED_VALUES = re.compile(r"(?i)(cannot store|invalid input syntax for [^:]*|\bDETAIL|\bCONTEXT): .*")
SHORTEST_SECRET = 4  # anything shorter would blacken ordinary words
LONGEST_SENTENCE, LONGEST_LOOKED_AT = 500, 4000


def masked_text(text: str) -> str:
    """A sentence without e-mail addresses, phone numbers and the values that a database quotes from a row."""
    text = QUOTED_VALUES.sub(r"\1", EMAIL.sub(MASKED_EMAIL, text[:LONGEST_LOOKED_AT]))
    text = PHONE.sub(lambda found: MASKED_PHONE if _digits(found[0]) >= FEWEST_DIGITS else found[0], text)
    return text if len(text) <= LONGEST_SENTENCE else f"{text[: LONGEST_SENTENCE - 1]}…"


def _digits(text: str) -> int:
    return sum(character.isdigit() for character in text)


def masked_key(key: str, entity: str, country: str | None) -> str:
    """A record key as it may be shown.

    A customer's key may be a phone number in digits alone; an order's key of ten digits is none, and one with leading zeros
    only if the shop's country has such a number.
    """
    if "@" in key:
        return MASKED_EMAIL
    is_written_so = _digits(key) >= FEWEST_DIGITS and PHONE.search(key) is not None
    if entity != "customers" and is_written_so and key.isdigit():
        is_written_so = country is None or is_phone(key, country)
    if is_written_so or (entity == "customers" and is_phone(key, country)):
        return MASKED_PHONE
    return key


def is_phone(key: str, country: str | None) -> bool:
    """Whether the digits of a key are a number of the country's own plan, or of any country's with its prefix."""
    import phonenumbers  # its metadata takes a while to load

    digits = "".join(str(int(character)) for character in key if character.isdigit())
    if not 7 <= len(digits) <= 15:
        return False
    if country is None:
        return len(digits) >= FEWEST_DIGITS  # without a country any long number may be one
    for text, region in ((digits, country), (f"+{digits.lstrip('0')}", None)):
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(text, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def secrets_of(settings: Settings, others: Iterable[SecretStr | None] = ()) -> list[str]:
    """Every secret that retain.yml was given: whole addresses, their passwords, keys, and `others`. Longest first."""
    given = [settings.warehouse.url, *(one for source in settings.sources for one in _secrets_in(source)), *others]
    found: set[str] = set()
    for secret in given:
        if secret is None:
            continue
        text = secret.get_secret_value()
        found.add(text)
        try:
            password = urlsplit(text).password
        except ValueError:
            password = None
        if password:
            found |= {password, unquote(password)}
    return sorted((text for text in found if len(text) >= SHORTEST_SECRET), key=len, reverse=True)


def _secrets_in(part: object) -> Iterator[SecretStr]:
    """Wherever they stand in a source: its address, its token, what its `auth` holds."""
    if isinstance(part, SecretStr):
        yield part
    elif isinstance(part, BaseModel):
        for _, value in part:
            yield from _secrets_in(value)
    elif isinstance(part, dict):
        for value in part.values():
            yield from _secrets_in(value)


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASKED_SECRET)
    return text


def cleaned(problem: Problem, settings: Settings, secrets: Iterable[str]) -> Problem:
    """The problem as it may be written down and sent. Its other sentences are Retain's own, about names in retain.yml."""
    secrets = list(secrets)

    def clean(text: str) -> str:
        return masked_text(without_secrets(text, secrets))

    country, entity = settings.business.country, problem.key.entity
    keys = dict.fromkeys(masked_key(without_secrets(key, secrets), entity, country) for key in problem.keys)
    return replace(
        problem,
        reasons=tuple(clean(reason) for reason in problem.reasons),
        keys=tuple(keys)[:KEYS_SHOWN],
    )
