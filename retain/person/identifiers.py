"""What a person is known by, in one way of writing; its digest under a key outside the warehouse; and what stands in its place.

The key is a secret of the state folder: a plain hash of a telephone number is found by trying all numbers, an HMAC is not.
Pseudonyms are drawn at random, so that not even the key leads from one back to the person.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql

from retain.config import Settings
from retain.errors import Refused
from retain.phones import PSEUDONYM, to_e164
from retain.state_folder import secret

CUSTOMER_ID, EMAIL, PHONE, CARD, ORDER_ID = "customer_id", "email", "phone", "loyalty_card", "order_id"
CONTACTS = (EMAIL, PHONE, CARD)
BLOCK = 64  # bytes: of SHA-256, as RFC 2104 has it
EVERY = sql.SQL("")
SPELLED = sql.Identifier("pg_temp", "spelled")
# As dbt's macro plain_text has it: digits of any script, and marks that nobody sees.
DIGITS = "".join(chr(start + n) for start in (0x06F0, 0x0660) for n in range(10))
UNSEEN = "\u00a0\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def pseudonym(kind: str) -> str:
    """A new random one, which passes for an identifier of its kind and is left as it is by every way of normalising."""
    drawn = f"{PSEUDONYM}{secrets.token_hex(16)}"
    if kind == EMAIL:
        return f"{drawn}@erased.invalid"
    return drawn.replace("-", "").upper() if kind == CARD else drawn


def use_key(connection: psycopg.Connection[Any], settings: Settings) -> bytes:
    """Let `digest` work until the transaction ends; returns what the key makes of a constant, by which another is told.

    Raises Refused when erasures were made with another key: nobody would be recognised.
    """
    key = hashlib.sha256(secret(settings.state_folder, "erasure_key").encode()).digest().ljust(BLOCK, b"\0")
    for name, pad in (("inner", 0x36), ("outer", 0x5C)):
        value = bytes(byte ^ pad for byte in key).hex()
        connection.execute("select set_config(%s, %s, true)", [f"retain.erasure_{name}", value])
    check = hmac.digest(key, b"retain erasure key", "sha256")
    other = connection.execute("select 1 from ops.erasures where key_check <> %s limit 1", [check]).fetchone()
    if other is not None:
        raise Refused(
            f"The key of the erasures is not the one in {settings.state_folder / 'secrets.json'} (erasure_key): people who were "
            "erased would come back unrecognised. Nothing was loaded or changed.",
            hint="Put the state folder's secrets.json of the time of the erasures back.",
        )
    return check


def digest(kind: str, normal: sql.Composable) -> sql.Composed:
    """HMAC-SHA256 of a kind and a normalised value, as bytea; null of null."""
    said = sql.SQL("convert_to({} || chr(31) || ({}), 'UTF8')").format(sql.Literal(kind), normal)
    pad = "decode(current_setting('retain.erasure_{}'), 'hex')"
    inner = sql.SQL("sha256(" + pad.format("inner") + " || {})").format(said)
    return sql.SQL("sha256(" + pad.format("outer") + " || {})").format(inner)


def normal(kind: str, value: sql.Composable, settings: Settings, source: sql.Composable) -> sql.Composed:
    """A value in one way of writing, as the models compare it; null when it identifies nobody. Phones by pg_temp.spelled."""
    if kind in (CUSTOMER_ID, ORDER_ID):
        return sql.SQL("{} || ':' || nullif(btrim({}), '')").format(source, value)
    if kind == PHONE:
        return sql.SQL("(select known.e164 from {} as known where known.phone = {})").format(SPELLED, value)
    plain = sql.SQL("translate({}, {}, '01234567890123456789')").format(value, sql.Literal(DIGITS + UNSEEN))
    if kind == CARD:
        return sql.SQL("nullif(upper(regexp_replace({}, '[^[:alnum:]]', '', 'g')), '')").format(plain)
    return sql.SQL(
        "(select case when address not like '%_@_%' then null when split_part(address, '@', 2) = any({domains}) then nullif("
        "replace(split_part(split_part(address, '@', 1), '+', 1), '.', '') || '@' || split_part(address, '@', 2), "
        "'@' || split_part(address, '@', 2)) else address end from (select lower(trim({plain})) as address) as plain)"
    ).format(domains=sql.Literal(list(settings.identity.dotless_domains)), plain=plain)


def replaced(
    kind: str,
    value: sql.Composable,
    settings: Settings,
    source: sql.Composable,
    table: sql.Composable,
    which: sql.Composable = EVERY,
) -> sql.Composed:
    """What stands in the place of a value by `table` (kind, digest, pseudonym); null for one that it does not know.

    `which`: the order in which one is chosen of several, where the table may have them.
    """
    return sql.SQL(
        "(select coalesce(sought.pseudonym, {value}) from {table} as sought where sought.kind = {kind} and sought.digest = {digest}{which})"
    ).format(
        value=value,
        table=table,
        kind=sql.Literal(kind),
        digest=digest(kind, normal(kind, value, settings, source)),
        which=which,
    )


def make_spelled(connection: psycopg.Connection[Any]) -> None:
    connection.execute("drop table if exists pg_temp.spelled")
    connection.execute("create temporary table spelled (phone text primary key, e164 text) on commit drop")


def spell(connection: psycopg.Connection[Any], settings: Settings, phones: sql.Composable) -> None:
    """Add to pg_temp.spelled what the numbers are that `phones`, a select of one column, gives, in any spelling."""
    connection.execute(
        sql.SQL(
            "insert into pg_temp.spelled select phone, e164 from raw.phone_numbers where phone in ({}) on conflict do nothing"
        ).format(phones)
    )
    unknown = connection.execute(
        sql.SQL(
            "select distinct phone from ({}) as given (phone) where phone is not null "
            "and not exists (select 1 from pg_temp.spelled where spelled.phone = given.phone)"
        ).format(phones)
    ).fetchall()
    write_spelled(connection, settings, [row[0] for row in unknown])


def write_spelled(connection: psycopg.Connection[Any], settings: Settings, phones: Iterable[str]) -> None:
    with connection.cursor().copy("copy pg_temp.spelled from stdin") as copy:
        for phone in phones:
            copy.write_row((phone, to_e164(phone, settings.business.country)))
