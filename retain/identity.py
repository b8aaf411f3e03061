"""What a person decides about who is one customer: identities joined or split by hand, recorded, and reverted if need be.

A decision is about identities (`source:id`), so that it holds however often the marts are built or rebuilt. The next build
applies it, before every rule of retain.yml.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from retain.config import Settings
from retain.decisions import os_user
from retain.errors import Refused, UserError
from retain.relations import exists
from retain.warehouse import connect

DECISION_LOCK = 727_008


@dataclass(frozen=True)
class Decision:
    """One row of ops.identity_decisions."""

    decision_id: int
    decision: str
    source_ids: list[str]
    reason: str
    decided_by: str
    decided_at: datetime
    reverted_at: datetime | None
    reverted_by: str | None
    reverted_because: str | None


def join(settings: Settings, source_ids: Iterable[str], reason: str, decided_by: str | None = None) -> int:
    """Decide that these identities are one customer, whatever the rules say; returns the decision's number.

    Raises UserError for fewer than two, one that is not known, or no reason; Refused when it is decided already.
    """
    wanted = sorted(set(source_ids))
    if len(wanted) < 2:
        raise UserError("Two identities at least are joined.", hint="retain identity join webshop:1001 tills:AM100001")
    with connect(settings) as connection:
        _hold(connection)
        _customers_of(connection, wanted)
        return _decide(connection, "join", wanted, reason, decided_by)


def split(settings: Settings, source_ids: Iterable[str], reason: str, decided_by: str | None = None) -> int:
    """Decide that these identities, of one customer, are a customer of their own; returns the decision's number.

    It ends what joined them by hand before. Raises UserError for identities that are not known or of several customers, for
    a whole customer, or no reason; Refused when it is decided already.
    """
    wanted = sorted(set(source_ids))
    if not wanted:
        raise UserError("One identity at least is split off.", hint="retain identity split tills:AM100001")
    with connect(settings) as connection:
        _hold(connection)
        _refuse_repeated(connection, "split", wanted)
        customers = set(_customers_of(connection, wanted).values())
        if len(customers) > 1:
            raise UserError(
                f"{', '.join(wanted)} are of {len(customers)} customers; nothing was split.",
                hint="Split the identities of one customer at a time; `retain identity show` says which they are.",
            )
        members = connection.execute(
            "select count(*) from intermediate.int_identity_components where root_id = %s", [customers.pop()]
        ).fetchone()
        if members is not None and members[0] == len(wanted):
            raise UserError(f"{', '.join(wanted)} is the whole customer: there is nothing to split it from.")
        return _decide(connection, "split", wanted, reason, decided_by)


def revert(settings: Settings, decision_id: int, reason: str, reverted_by: str | None = None) -> Decision:
    """End a decision: the rules speak again from the next build on. It stays on record. Returns the decision.

    Raises UserError when there is none of that number, it was reverted before, or no reason is given.
    """
    _require(reason)
    with connect(settings) as connection:
        _hold(connection)
        found = read(connection, decision_id=decision_id)
        if not found:
            raise UserError(f"There is no decision {decision_id}.", hint="`retain identity list` shows those in force.")
        if (before := found[0]).reverted_at is not None:
            raise UserError(
                f"Decision {decision_id} was reverted on {before.reverted_at:%Y-%m-%d} by {before.reverted_by}: "
                f"{before.reverted_because}"
            )
        connection.execute(
            "update ops.identity_decisions set reverted_at = clock_timestamp(), reverted_by = %s, reverted_because = %s "
            "where decision_id = %s",
            [reverted_by or os_user(), reason.strip(), decision_id],
        )
        return read(connection, decision_id=decision_id)[0]


def read(
    connection: psycopg.Connection[Any],
    *,
    decision_id: int | None = None,
    about: Iterable[str] | None = None,
    with_reverted: bool = True,
) -> list[Decision]:
    """The decisions, oldest first; those of a number, about any of some identities, or all."""
    rows = connection.execute(
        "select decision_id, decision, source_ids, reason, decided_by, decided_at, reverted_at, reverted_by, "
        "reverted_because from ops.identity_decisions where (%(number)s::numeric is null or decision_id = %(number)s) "
        "and (%(about)s::text[] is null or source_ids && %(about)s) "
        "and (%(with_reverted)s or reverted_at is null) order by decision_id",
        {
            "number": decision_id,
            "about": None if about is None else sorted(about),
            "with_reverted": with_reverted,
        },
    ).fetchall()
    return [Decision(*row) for row in rows]


def is_built(connection: psycopg.Connection[Any]) -> bool:
    """Whether a build has resolved identities yet."""
    return exists(connection, "intermediate.int_identity_components")


def _customers_of(connection: psycopg.Connection[Any], source_ids: list[str]) -> dict[str, str]:
    """Identity to the identity that its customer is called by."""
    if not is_built(connection):
        raise UserError("No customer is known yet.", hint="`retain build` resolves who is one; then decide.")
    found = dict(
        connection.execute(
            "select source_id, root_id from intermediate.int_identity_components where source_id = any(%s)",
            [source_ids],
        ).fetchall()
    )
    unknown = [name for name in source_ids if name not in found]
    if unknown:
        raise UserError(
            f"There is no identity {', '.join(unknown[:5])} in the last build. Nothing was decided.",
            hint="An identity is written source:id; dim_customers.source_ids holds those of every customer.",
        )
    return found


def _hold(connection: psycopg.Connection[Any]) -> None:
    """One decision at a time; the lock ends with the transaction."""
    connection.execute("select pg_advisory_xact_lock(%s)", [DECISION_LOCK])


def _require(reason: str) -> None:
    if not reason.strip():
        raise UserError(
            "A decision about customers needs a reason.", hint='--reason "…", as it will be read in a year.'
        )


def _refuse_repeated(connection: psycopg.Connection[Any], decision: str, source_ids: list[str]) -> None:
    for before in read(connection, about=source_ids, with_reverted=False):
        if (before.decision, before.source_ids) == (decision, source_ids):
            raise Refused(
                f"That is decided already: decision {before.decision_id} by {before.decided_by}, {before.reason}",
                hint="The next build applies it, if it has not been applied yet.",
            )


def _decide(
    connection: psycopg.Connection[Any], decision: str, source_ids: list[str], reason: str, decided_by: str | None
) -> int:
    _require(reason)
    _refuse_repeated(connection, decision, source_ids)
    row = connection.execute(
        "insert into ops.identity_decisions (decision, source_ids, reason, decided_by) values (%s, %s, %s, %s) "
        "returning decision_id",
        [decision, source_ids, reason.strip(), decided_by or os_user()],
    ).fetchone()
    assert row is not None
    return int(row[0])
