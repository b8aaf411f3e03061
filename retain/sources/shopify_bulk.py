"""Bulk operations of Shopify: begun, waited for, and their result read line by line; each is one query, run at Shopify."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from retain.errors import OutOfReach
from retain.sources.http_answers import KEPT
from retain.sources.http_lines import Export, cut_off, records_from
from retain.sources.http_pace import PATIENCE, Throttled, after_now
from retain.sources.http_records import Record
from retain.sources.json_paths import value_at
from retain.sources.shopify_graphql import Denied, Shop
from retain.sources.shopify_records import PARENT

FIRST_POLL_SECONDS, LAST_POLL_SECONDS = 0.5, 15.0
WAITED_SECONDS = 6 * 3600  # for one operation; it goes on at Shopify, and the next load waits on

BEGIN = (
    "mutation($query: String!) { bulkOperationRunQuery(query: $query, groupObjects: false) "
    "{ bulkOperation { id status } userErrors { field message code } } }"
)
LOOK = (
    "query($id: ID!) { node(id: $id) { ... on BulkOperation "
    "{ id status errorCode objectCount rootObjectCount fileSize url partialDataUrl } } }"
)
UNDER_WAY = ("CREATED", "RUNNING", "CANCELING")
TRY_AGAIN = ("OPERATION_IN_PROGRESS", "LIMIT_REACHED")


class Failed(OutOfReach):
    """An operation ended without its whole result: less may be asked for at once. `is_gone`: it is not known any more."""

    def __init__(self, message: str, *, is_gone: bool = False) -> None:
        super().__init__(message, hint=KEPT)
        self.is_gone = is_gone


@dataclass(frozen=True)
class Done:
    """An operation that is complete: its file, None where nothing was found, and what Shopify counted."""

    name: str
    export: Export | None
    objects: int
    roots: int


def begin(shop: Shop, query: str) -> str:
    """Start an operation; returns its id. Waits for others of the app, of which Shopify runs only so many at once."""
    until, pause = time.monotonic() + PATIENCE.total_seconds(), FIRST_POLL_SECONDS
    while True:
        answer = shop.ask(BEGIN, {"query": query})[0].get("bulkOperationRunQuery") or {}
        operation, problems = answer.get("bulkOperation"), answer.get("userErrors") or []
        if operation and not problems:
            return str(operation["id"])
        first: dict[str, Any] = problems[0] if problems else {}
        words = " ".join(str(first.get("message") or "no word why").split())[:300]
        if first.get("code") not in TRY_AGAIN and "already in progress" not in words:
            raise OutOfReach(f"Source {shop.name}: Shopify does not begin a bulk operation: {words}.", hint=KEPT)
        if time.monotonic() + pause > until:
            raise Throttled(shop.name, after_now(PATIENCE.total_seconds()))
        time.sleep(pause)
        pause = min(pause * 2, LAST_POLL_SECONDS)


def wait(shop: Shop, operation: str) -> Done:
    """What an operation has come to, once it has. Raises Failed where it has come to nothing, Denied for a missing scope."""
    until, pause = time.monotonic() + WAITED_SECONDS, FIRST_POLL_SECONDS
    while True:
        found: dict[str, Any] = shop.ask(LOOK, {"id": operation})[0].get("node") or {}
        status = found.get("status")
        if status == "COMPLETED":
            size, url = found.get("fileSize"), found.get("url")
            return Done(
                shop.name,
                Export(shop.name, url, int(size) if size else None) if url else None,
                int(found.get("objectCount") or 0),
                int(found.get("rootObjectCount") or 0),
            )
        if status not in UNDER_WAY:
            raise _failure(shop.name, status, found)
        if time.monotonic() > until:
            raise OutOfReach(
                f"Source {shop.name}: Shopify is at a bulk operation for more than {WAITED_SECONDS // 3600} hours.",
                hint="It goes on there, and the next load waits for it.",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, LAST_POLL_SECONDS)


def _failure(name: str, status: Any, found: Any) -> Failed | Denied:
    code = value_at(found, "errorCode")
    if code == "ACCESS_DENIED":
        return Denied(
            f"Source {name}: the app may not read all that is asked for (ACCESS_DENIED).",
            hint="`retain sources check` says which scope is missing.",
        )
    if status is None:
        return Failed(f"Source {name}: Shopify does not know the bulk operation any more.", is_gone=True)
    if status == "FAILED":
        return Failed(f"Source {name}: Shopify's bulk operation failed ({code or 'without saying why'}).")
    return Failed(f"Source {name}: Shopify's bulk operation is {str(status).lower()}.", is_gone=True)


def records_of_operation(done: Done, after: int = 0) -> Iterator[Record]:
    """The records of its file, but for the first `after`. Raises CutOff when not all of them are there."""
    if done.export is None:
        if done.objects:
            raise cut_off(done.name, "of a bulk operation", f"it has no address, and {done.objects:,} objects")
        return
    roots = 0
    for record in records_from(done.export, after):
        roots += record.values is not None and PARENT not in record.values
        yield record
    if done.export.size is None and not after and roots < done.roots:
        raise cut_off(done.name, "of a bulk operation", f"{roots:,} of {done.roots:,} objects came")
