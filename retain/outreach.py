"""The list of customers to win back, with contact data: the one place outside raw where it can be read, by whom it is granted to."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from retain.config import Settings
from retain.errors import UserError
from retain.relations import exists

SOURCE = "win_back_candidates"  # the mart that the list is taken from
COLUMNS = (
    "customer_key", "name", "email", "phone", "region", "last_order_on", "value_at_stake", "currency",
    "suggested_reason", "as_of_on",
)  # fmt: skip
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

# Contact data and consent are read when the list is asked for: who refused or left since the build is not on it.
WIN_BACK_VIEW = """
create view outreach.win_back as
select
    listed.customer_key,
    contact.name,
    contact.email,
    contact.phone,
    listed.region,
    listed.last_order_on,
    listed.value_at_stake,
    listed.currency,
    listed.suggested_reason,
    listed.as_of_on
from outreach.win_back_list as listed
cross join lateral (
    select
        customers.full_name as name,
        case when accounts.has_own_email and customers.email like '%_@_%' then btrim(customers.email) end as email,
        case when accounts.has_own_phone then phones.e164 end as phone
    from outreach.win_back_accounts as accounts
    inner join raw.customers as customers
        on accounts.source = customers.source and accounts.customer_id = customers.customer_id
    left join raw.phone_numbers as phones on customers.phone = phones.phone
    where
        accounts.customer_key = listed.customer_key
        and customers.accepts_marketing
        and not coalesce(customers.is_closed, customers.closed_at is not null)
        and not customers.is_deleted
        and (
            (accounts.has_own_email and customers.email like '%_@_%')
            or (accounts.has_own_phone and phones.e164 is not null)
        )
    order by accounts.place
    limit 1
) as contact
where not exists (
    select 1
    from outreach.win_back_accounts as accounts
    inner join raw.customers as customers
        on accounts.source = customers.source and accounts.customer_id = customers.customer_id
    where accounts.customer_key = listed.customer_key and customers.accepts_marketing is false
);
comment on view outreach.win_back is
    'Customers worth winning back who agreed to be written to, with how to reach them. Grant this view, never the tables.';
"""

FILL = """
truncate outreach.win_back_list, outreach.win_back_accounts;
insert into outreach.win_back_list
select customer_key, as_of_on, region, last_occasion_on, value_at_stake, currency, suggested_reason
from marts.win_back_candidates;
insert into outreach.win_back_accounts
select
    identities.customer_key,
    identities.source,
    identities.customer_id,
    row_number() over (
        partition by identities.customer_key order by customers.changed_at desc nulls last, identities.source_id
    ),
    not exists (
        select 1 from intermediate.int_identity_links as links
        where links.source_id = identities.source_id and links.rule = 'email' and links.is_blocked
    ),
    not exists (
        select 1 from intermediate.int_identity_links as links
        where links.source_id = identities.source_id and links.rule = 'phone' and links.is_blocked
    )
from intermediate.int_customer_identities as identities
inner join outreach.win_back_list as listed on identities.customer_key = listed.customer_key
inner join raw.customers as customers
    on identities.source = customers.source and identities.customer_id = customers.customer_id
"""


@dataclass(frozen=True)
class Written:
    """The file that was written, how many customers are in it, and what they are worth together."""

    path: Path
    customers: int
    value_at_stake: Any
    currency: str | None


def make_view(connection: psycopg.Connection[Any]) -> None:
    """Make outreach.win_back where it is not there yet: it needs the tables of raw, which no migration makes."""
    if not exists(connection, "outreach.win_back"):
        connection.execute(WIN_BACK_VIEW.encode())


def fill(connection: psycopg.Connection[Any]) -> None:
    """Take the list from the marts that are being shown, in their transaction."""
    connection.execute(FILL.encode())


def write_win_back(settings: Settings, path: Path | None, format: str) -> Written:
    """Write the list, highest value first, to a file that only its owner can read; by default below the state folder.

    Raises UserError when no build has made the list, or the file cannot be written.
    """
    from retain.warehouse import connect

    with connect(settings) as connection:
        if not exists(connection, "marts.win_back_candidates"):
            raise UserError("No build has made the win-back list yet.", hint="Run `retain run`, or `retain build`.")
        rows = connection.execute(
            f"select {', '.join(COLUMNS)} from outreach.win_back order by value_at_stake desc, customer_key".encode()
        ).fetchall()
    target = path or settings.state_folder / "outreach" / f"win_back.{format}"
    write_for_owner(target, {"csv": _as_csv, "json": _as_json}[format](rows))
    amounts = [row[COLUMNS.index("value_at_stake")] for row in rows]
    currency = rows[0][COLUMNS.index("currency")] if rows else None
    return Written(target, len(rows), sum(amounts), currency)


def _as_csv(rows: Sequence[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([harmless(name, value) for name, value in zip(COLUMNS, row, strict=True)])
    return text.getvalue()


def harmless(column: str, value: Any) -> Any:
    """A spreadsheet takes a text that begins with = for a formula, whoever wrote it into a shop's form."""
    if column in ("name", "email", "region") and isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value


def _as_json(rows: Sequence[tuple[Any, ...]]) -> str:
    import json

    records = [
        dict(zip(COLUMNS, (None if value is None else str(value) for value in row), strict=True)) for row in rows
    ]
    return json.dumps(records, indent=1, ensure_ascii=False) + "\n"


def write_for_owner(path: Path, text: str) -> None:
    """Write the whole file or nothing, readable for its owner only. Raises UserError when it cannot be written."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        unfinished.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.", hint="Name another file.") from None
