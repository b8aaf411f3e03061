"""Erasures that a warehouse does not know, because it came out of an older backup, done again from the register."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from retain import warehouse
from retain.config import Settings
from retain.errors import Refused
from retain.identity import is_built
from retain.person import register, searching
from retain.person.erasure import erase_person, let_go, nobody_else_at_work
from retain.person.finding import person_of
from retain.person.identifiers import CARD, CUSTOMER_ID, EMAIL, PHONE, digest, use_key

# What the last build knows an identity by, normalised as the digests are; an e-mail or a phone only where it is a guest's,
# since an account is known by its number.
KNOWN_BY = {
    CUSTOMER_ID: ("source || ':' || customer_id", "customer_id is not null"),
    EMAIL: ("email", "is_guest"),
    PHONE: ("e164", "is_guest"),
    CARD: ("loyalty_card", "is_guest"),
}
FOUND = """
with given as materialized ({given}),

erased as (
    select given.source_id, given.is_guest, known.erasure_id
    from given
    join ops.erased_identifiers as known on known.kind = given.kind and known.digest = given.digest
    where known.erasure_id = any(%(erasures)s) and known.recognises
        and (not given.is_guest or given.known_since_on <= (known.erased_at at time zone 'UTC')::date)
)

select
    identities.customer_key,
    min(erased.erasure_id) as erasure_id,
    bool_or(identities.customer_id is not null and erased.source_id is null) as has_others
from intermediate.int_customer_identities as identities
left join erased on erased.source_id = identities.source_id
where identities.customer_key in (
    select one.customer_key from intermediate.int_customer_identities as one join erased on erased.source_id = one.source_id
)
group by identities.customer_key
order by erasure_id, identities.customer_key
"""


def repeat(settings: Settings) -> tuple[int, int]:
    """Do again, in one transaction, what the register has and this warehouse has not: (erasures entered, customers erased).

    Who came after the backup is not here to be erased, and is recognised when a source sends them. Raises Refused when a load
    or a build is running, when the register was written with another key, and when an erased account was then taken for one
    customer with one that was not erased. Nothing is changed then.
    """
    named = searching.Names(())
    rows: dict[str, int] = {}
    with warehouse.connect(settings) as connection, nobody_else_at_work(connection, settings), connection.transaction():
        entries = {register.enter(connection, entry): entry for entry in register.missing(connection, settings)}
        found = _found(connection, settings, list(entries)) if entries else []
        unused = {erasure_id: UUID(entry["customer_key"]) for erasure_id, entry in entries.items()}
        for customer_key, erasure_id in found:
            entry = entries[erasure_id]
            person = person_of(connection, customer_key)
            done, names = erase_person(
                connection,
                settings,
                person,
                f"{entry['reason']} (again, after a restore)",
                entry["erased_by"],
                unused.pop(erasure_id) if erasure_id in unused else uuid4(),
                erasure_id,
            )
            connection.execute(  # whoever came back after that day is still a new customer
                "update ops.erased_identifiers set erased_at = %s::timestamptz where erasure_id = %s",
                [entry["erased_at"], done.erasure_id],
            )
            connection.execute("discard temp")  # the tables of the next person have the same names
            named = searching.Names((*named.said, *names.said), (*named.codes, *names.codes))
            rows |= done.rows
    searching.replace_in_files(settings, named)
    let_go(settings, rows)
    return len(entries), len(found)


def _found(connection: psycopg.Connection[Any], settings: Settings, erasures: list[int]) -> list[tuple[UUID, int]]:
    """The customers of the last build whom these erasures are of, each with the number of the erasure."""
    use_key(connection, settings)
    if not is_built(connection):
        raise Refused(
            "Nothing was built in this backup, so nobody can say who in it has been erased since.",
            hint="Restore a later backup; or begin with an empty warehouse and let the sources send everything.",
        )
    given = sql.SQL(" union all ").join(
        sql.SQL(
            "select source_id, is_guest, known_since_on, {kind} as kind, {digest} as digest from intermediate.int_identities where {where}"
        ).format(kind=sql.Literal(kind), digest=digest(kind, sql.SQL(value)), where=sql.SQL(where))
        for kind, (value, where) in KNOWN_BY.items()
    )
    rows = connection.execute(sql.SQL(FOUND).format(given=given), {"erasures": erasures}).fetchall()
    mixed = [str(customer_key) for customer_key, _, has_others in rows if has_others]
    if mixed:
        raise Refused(
            f"In this backup {len(mixed)} customers are people who were erased together with accounts that were not: "
            f"{', '.join(mixed[:5])}. Which of their orders are whose, only a person can say.",
            hint=f"Restore a later backup. Without one: move {register.path_of(settings)} away, restore, separate them by `retain "
            "identity split` and `retain build`, put the file back, and run `retain person repeat`.",
        )
    return [(customer_key, erasure_id) for customer_key, erasure_id, _ in rows]
