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

# Contact data and consent are read when the list is asked for: who refused, unsubscribed or left since the build is not on
# it. What is said here of now, int_withdrawals and int_contacts say of the as-of day.
WIN_BACK_VIEW = """
create or replace view outreach.win_back as
with merged as (
    select distinct source, btrim(gone) as customer_id
    from raw.customers
    cross join unnest(string_to_array(merged_ids, ';')) as gone
    where merged_ids is not null and btrim(gone) <> btrim(customer_id) and btrim(customer_id) <> ''
),

accounts as materialized (
    select
        listed.customer_key,
        listed.place,
        customers.source,
        customers.customer_id,
        customers._load_id as load_id,
        customers.full_name as name,
        (
            nullif(btrim(customers.merged_into), btrim(customers.customer_id)) <> '' or merged.customer_id is not null
        ) is true as is_merged_away,
        case
            when not listed.has_own_email then null
            when outreach.is_one_address(btrim(outreach.plain_text(customers.email)))
                then btrim(outreach.plain_text(customers.email))
            when outreach.is_one_address(outreach.normal_email(customers.email, dotless.domains))
                then outreach.normal_email(customers.email, dotless.domains)
        end as email,
        case when listed.has_own_phone then phones.e164 end as phone,
        'email:' || outreach.normal_email(customers.email, dotless.domains) as email_identifier,
        'phone:' || phones.e164 as phone_identifier,
        customers.accepts_marketing,
        not coalesce(customers.is_closed, customers.closed_at is not null) and not customers.is_deleted as is_open,
        customers.changed_at,
        customers.registered_at
    from outreach.win_back_accounts as listed
    inner join raw.customers as customers
        on listed.source = customers.source and listed.customer_id = customers.customer_id
    left join merged on listed.source = merged.source and listed.customer_id = merged.customer_id
    left join raw.phone_numbers as phones on customers.phone = phones.phone
    cross join (select coalesce(array_agg(domain), '{}') as domains from outreach.dotless_domains) as dotless
),

events as (
    select
        sends.*,
        coalesce(nullif(btrim(sends.message_id), ''), sends.send_id) as message,
        greatest(sends.unsubscribed_at, sends.complained_at) as withdrawn_at,
        coalesce(
            nullif(btrim(sends.customer_id), ''), outreach.normal_email(sends.email, '{}'), sends.phone,
            outreach.normal_card(sends.loyalty_card)
        ) is not null as names_somebody
    from raw.sends
    where (sends.unsubscribed_at is not null or sends.complained_at is not null) and not sends.is_deleted
),

records as (
    select source, customer_source, customer_id, email, phone, loyalty_card, withdrawn_at from events where names_somebody
    union all
    select
        others.source, others.customer_source, others.customer_id, others.email, others.phone, others.loyalty_card,
        events.withdrawn_at
    from events
    inner join raw.sends as others
        on events.source = others.source
        and events.message = coalesce(nullif(btrim(others.message_id), ''), others.send_id)
    where not events.names_somebody and not others.is_deleted
),

found as materialized (
    select
        md5('account:' || records.account_source || ':' || records.account)::uuid as account,
        customers.customer_id is not null as is_account,
        outreach.normal_email(customers.email, records.domains) as account_email,
        account_phones.e164 as account_phone,
        outreach.normal_email(records.email, records.domains) as email,
        phones.e164 as phone,
        outreach.normal_card(records.loyalty_card) as card,
        records.withdrawn_at
    from (
        select
            records.*,
            nullif(btrim(records.customer_id), '') as account,
            coalesce(nullif(btrim(records.customer_source), ''), records.source) as account_source,
            dotless.domains
        from records
        cross join (select coalesce(array_agg(domain), '{}') as domains from outreach.dotless_domains) as dotless
    ) as records
    left join raw.phone_numbers as phones on records.phone = phones.phone
    left join raw.customers as customers
        on records.account_source = customers.source and records.account = customers.customer_id
    left join raw.phone_numbers as account_phones on customers.phone = account_phones.phone
),

given as (
    select 'email:' || email as identifier, is_account, withdrawn_at from found where email is not null
    union all
    select 'phone:' || phone, is_account, withdrawn_at from found where phone is not null
    union all
    select 'loyalty_card:' || card, is_account, withdrawn_at from found where card is not null
),

withdrawn_customers as materialized (
    select known.customer_key, max(told.withdrawn_at) as withdrawn_at
    from (
        select account as identifier, withdrawn_at from found where account is not null
        union all
        select md5(identifier)::uuid, withdrawn_at from given where not is_account
    ) as told
    inner join outreach.win_back_identifiers as known on told.identifier = known.identifier
    group by known.customer_key
),

withdrawn_identifiers as materialized (
    select identifier, max(withdrawn_at) as withdrawn_at
    from (
        select identifier, withdrawn_at from given
        union all
        select 'email:' || account_email, withdrawn_at from found where account_email is not null
        union all
        select 'phone:' || account_phone, withdrawn_at from found where account_phone is not null
    ) as told
    group by identifier
),

refusing as (
    select email, phone
    from raw.customers
    where
        accepts_marketing is false
        and not coalesce(is_closed, closed_at is not null)
        and not is_deleted
),

refused as materialized (
    select 'email:' || outreach.normal_email(customers.email, dotless.domains) as identifier
    from refusing as customers
    cross join (select coalesce(array_agg(domain), '{}') as domains from outreach.dotless_domains) as dotless
    union
    select 'phone:' || phones.e164
    from refusing as customers
    inner join raw.phone_numbers as phones on customers.phone = phones.phone
    where phones.e164 is not null
),

judged as (
    select
        accounts.*,
        refused_emails.identifier is not null as is_email_refused,
        refused_phones.identifier is not null as is_phone_refused,
        of_customer.withdrawn_at,
        of_email.withdrawn_at as email_withdrawn_at,
        of_phone.withdrawn_at as phone_withdrawn_at,
        case
            when coalesce(of_customer.withdrawn_at, of_email.withdrawn_at, of_phone.withdrawn_at) is not null
                then greatest(accounts.registered_at, (
                    select max(least(followed.changed_at, greatest(followed.changed_before_at, loads.started_at)))
                    from (
                        select
                            versions.*,
                            lag(load_id) over by_load as load_id_before,
                            lag(changed_at) over by_load as changed_before_at,
                            lag(accepts_marketing) over by_load as accepted_before
                        from (
                            select accounts.load_id, accounts.accepts_marketing, accounts.changed_at
                            union all
                            select earlier._load_id, earlier.accepts_marketing, earlier.changed_at
                            from history.customers as earlier
                            where
                                earlier.source = accounts.source
                                and earlier.customer_id = accounts.customer_id
                                and earlier._load_id < accounts.load_id
                        ) as versions
                        window by_load as (order by load_id)
                    ) as followed
                    left join ops.loads as loads
                        on loads.source = accounts.source
                        and loads.entity = 'customers'
                        and loads.kind in ('incremental', 'full')
                        and loads.status = 'published'
                        and loads.load_id < followed.load_id
                    where
                        followed.load_id_before is not null
                        and followed.accepts_marketing
                        and followed.accepted_before is not true
                        and followed.changed_at is not null
                        and coalesce(followed.changed_before_at, loads.started_at) is not null
                ))
        end as accepted_after
    from accounts
    left join withdrawn_customers as of_customer on accounts.customer_key = of_customer.customer_key
    left join withdrawn_identifiers as of_email on accounts.email_identifier = of_email.identifier
    left join withdrawn_identifiers as of_phone on accounts.phone_identifier = of_phone.identifier
    left join refused as refused_emails on accounts.email_identifier = refused_emails.identifier
    left join refused as refused_phones on accounts.phone_identifier = refused_phones.identifier
),

reachable as (
    select
        customer_key,
        place,
        name,
        case
            when not is_email_refused and (email_withdrawn_at is null or email_withdrawn_at < accepted_after) then email
        end as email,
        case
            when not is_phone_refused and (phone_withdrawn_at is null or phone_withdrawn_at < accepted_after) then phone
        end as phone
    from judged
    where
        accepts_marketing
        and is_open
        and not is_merged_away
        and (withdrawn_at is null or withdrawn_at < accepted_after)
),

contacts as (
    select distinct on (customer_key) customer_key, name, email, phone
    from reachable
    where coalesce(email, phone) is not null
    order by customer_key, place
)

select
    listed.customer_key,
    contacts.name,
    contacts.email,
    contacts.phone,
    listed.region,
    listed.last_order_on,
    listed.value_at_stake,
    listed.currency,
    listed.suggested_reason,
    listed.as_of_on
from outreach.win_back_list as listed
inner join contacts on listed.customer_key = contacts.customer_key
where not exists (
    select 1 from accounts where accounts.customer_key = listed.customer_key and accounts.accepts_marketing is false
);
comment on view outreach.win_back is
    'Customers worth winning back who agreed to be written to, with how to reach them. Grant this view, never the tables.';
"""

FILL = """
truncate outreach.win_back_list, outreach.win_back_accounts, outreach.win_back_identifiers, outreach.dotless_domains;
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
    coalesce(contacts.has_own_email, false),
    coalesce(contacts.has_own_phone, false)
from intermediate.int_customer_identities as identities
inner join outreach.win_back_list as listed on identities.customer_key = listed.customer_key
inner join raw.customers as customers
    on identities.source = customers.source and identities.customer_id = customers.customer_id
left join intermediate.int_contacts as contacts on identities.source_id = contacts.source_id;
insert into outreach.win_back_identifiers
select identities.customer_key, md5('account:' || identities.source_id)::uuid
from intermediate.int_customer_identities as identities
inner join outreach.win_back_list as listed on identities.customer_key = listed.customer_key
where not identities.is_guest
union
select identities.customer_key, md5(links.identifier)::uuid
from intermediate.int_customer_identities as identities
inner join outreach.win_back_list as listed on identities.customer_key = listed.customer_key
inner join intermediate.int_identity_links as links on identities.source_id = links.source_id
where links.rule in ('email', 'phone', 'loyalty_card') and not links.is_blocked
union
select identities.customer_key, md5(unasked.identifier)::uuid
from intermediate.int_customer_identities as identities
inner join outreach.win_back_list as listed on identities.customer_key = listed.customer_key
inner join intermediate.int_unasked_identifiers as unasked on identities.source_id = unasked.source_id
where not unasked.is_shared;
"""


@dataclass(frozen=True)
class Written:
    """The file that was written, how many customers are in it, and what they are worth together."""

    path: Path
    customers: int
    value_at_stake: Any
    currency: str | None


def make_view(connection: psycopg.Connection[Any]) -> None:
    """Make outreach.win_back where it is not there: it needs the tables of raw, which no migration makes.

    A migration that changes it takes its comment: it is made anew then, in its place, so that what was granted stays.
    """
    row = connection.execute("select obj_description(to_regclass('outreach.win_back'), 'pg_class')").fetchone()
    if row is None or row[0] is None:
        connection.execute(WIN_BACK_VIEW.encode())


def fill(connection: psycopg.Connection[Any], dotless_domains: Sequence[str]) -> None:
    """Take the list from the marts that are being shown, in their transaction.

    Where only some models were built, and not yet those of this release that say whom to write to, the list stays.
    """
    if not exists(connection, "intermediate.int_contacts"):
        return
    connection.execute(FILL.encode())
    connection.execute(
        "insert into outreach.dotless_domains select distinct lower(unnest(%s::text[]))", [list(dotless_domains)]
    )


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
