"""A Shopify shop: what changed in a span of time, by a bulk operation of its GraphQL Admin API, record by record as sent."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from retain.config import Settings, ShopifyEntity, ShopifySource
from retain.entities import ENTITIES
from retain.errors import OutOfReach
from retain.sources import BEGINNING, Batch, Column, State, Step, Window
from retain.sources.http_answers import KEPT
from retain.sources.http_lines import Rows
from retain.sources.http_load import HttpExtract, changed_since, progress_of, state_after, taken_up
from retain.sources.http_records import NotWhatWasAsked, Record, list_in, records_of
from retain.sources.http_window import window_after
from retain.sources.json_paths import value_at
from retain.sources.listed import listed
from retain.sources.shopify_bulk import Failed, begin, records_of_operation, wait
from retain.sources.shopify_entities import SHAPES, VERSION, Shape, newest_of, query_of
from retain.sources.shopify_graphql import Denied, Shop
from retain.sources.shopify_plan import ShopifyPlan, Span, search_of
from retain.sources.shopify_records import PARENT, People, key_of, records_in

RESUMABLE = timedelta(days=6)  # Shopify keeps the result of an operation for seven
SAMPLE = 10
PROTECTED = "Ask Shopify for access to protected customer data, if the app has none: it leaves out who people are, without a word."
NEWER = "Take a newer Retain: fields may mean something else there."
SCOPES = "{ currentAppInstallation { accessScopes { handle } } }"
ALL_ORDERS = "read_all_orders"
DAYS_SEEN = 60


class ShopifyReader:
    """Reads the entities of one shop. See `retain.sources.Source` for what each method answers."""

    def __init__(self, settings: Settings, source: ShopifySource) -> None:
        self.name = source.name
        self._source = source
        self._config = settings.path.name

    @cached_property
    def _shop(self) -> Shop:
        return Shop(self._source)

    @cached_property
    def _scopes(self) -> frozenset[str] | None:
        """What the app may do; None where it cannot be asked."""
        try:
            scopes = value_at(self._shop.ask(SCOPES)[0], "currentAppInstallation.accessScopes")
        except Denied:
            return None
        return frozenset(str(one["handle"]) for one in scopes) if scopes else None

    def columns(self, entity: str) -> list[Column]:
        names: dict[str, None] = {}
        for record in self._newest(entity):
            names.update(dict.fromkeys(record.values or ()))
        return [Column(name, "json") for name in names]

    def check(self, entity: str) -> list[tuple[str, str]]:
        shape, records = self._shape(entity), self._newest(entity)
        told: list[tuple[str, str]] = []
        people = People()
        for record in records:
            people.look_at(shape, record)
        told += [(words, PROTECTED) for words in people.doubts(shape)]
        scopes = self._scopes
        if scopes is not None and (missing := [one for one in shape.scopes if not is_granted(one, scopes)]):
            told.append(
                (f"the app has no scope {', '.join(missing)}", "Give it to the app, and install the app again.")
            )
        if self._sees_not_all(shape):
            sentence = (
                f"the app has no scope {ALL_ORDERS}: Shopify shows it the orders of the last {DAYS_SEEN} days alone"
            )
            told.append((sentence, f"Ask Shopify for {ALL_ORDERS}, and then load everything: --full."))
        told += [(sentence, NEWER) for sentence in self._version_doubts()]
        told += self._shop.client.doubts_of_the_clock()
        return told

    def _version_doubts(self) -> list[str]:
        """Shopify answers in the oldest version that it still serves when the one that was asked for is gone."""
        served = self._shop.version
        if served in (None, VERSION):
            return []
        return [f"Shopify answers in version {served} of its API, and was asked in {VERSION}"]

    def _sees_not_all(self, shape: Shape) -> bool:
        return shape.connection == "orders" and self._scopes is not None and ALL_ORDERS not in self._scopes

    def _newest(self, entity: str) -> list[Record]:
        """A few records, of those that changed last, as a bulk operation would send them."""
        shape = self._shape(entity)
        body = self._shop.ask(newest_of(shape, self._selection(entity), SAMPLE))[1]
        try:
            nodes = records_of(body, f"data.{shape.connection}.nodes")
        except NotWhatWasAsked as refusal:
            raise OutOfReach(
                f"Source {self.name}: {self._source.address} answered with {refusal}.", hint=KEPT
            ) from None
        if shape.children is None:
            return [one for node in nodes for one in records_in(shape, node)]
        return [
            Record(
                f'{child.text[:-1]}, "{PARENT}": "{node.values["id"]}"}}', {**child.values, PARENT: node.values["id"]}
            )
            for node in nodes
            if node.values is not None
            for child in list_in(node, f"{shape.children}.nodes")
            if child.values is not None
        ]

    def plan(
        self, entity: str, state: State | None, now: datetime, *, full: bool = False, window: Window | None = None
    ) -> Batch:
        is_anew, warnings = changed_since(state, self._fingerprint(entity), self._entity(entity))
        until = state.get("until") if state and not full and not is_anew else None
        overlap, settle = (timedelta(minutes=n) for n in (self._source.overlap_minutes, self._source.settle_minutes))
        chosen = window or window_after(until, now, overlap, settle)
        span = Span(None if chosen.start <= BEGINNING else chosen.start, chosen.end)
        plan = ShopifyPlan(
            window=chosen, before=state, is_again=window is not None, began_at=now, warnings=warnings, left=(span,)
        )
        return Batch(entity, chosen, plan)

    def resume(self, entity: str, state: State | None, progress: dict[str, Any], now: datetime) -> Batch | None:
        known = taken_up(progress, state, self._fingerprint(entity), now, RESUMABLE)
        if known is None:
            return None
        rows = progress["rows"]
        kept = (f"{rows:,} records of an earlier try, that ended before the last one, were kept",) if rows else ()
        left = tuple(Span.of(one) for one in progress["left"])
        plan = ShopifyPlan(**known, warnings=kept, left=left, operation=progress["operation"], lines=progress["lines"])
        return Batch(entity, plan.window, plan)

    @contextmanager
    def read(self, batch: Batch) -> "Iterator[ShopifyExtract]":
        plan = batch.plan
        assert isinstance(plan, ShopifyPlan)
        state = state_after(plan, self._fingerprint(batch.entity), self._entity(batch.entity))
        extract = ShopifyExtract(plan.rows_before, list(plan.warnings), state, sample=self._sample(batch.entity))
        extract.steps = self._steps(batch.entity, plan, extract)
        yield extract

    def _sample(self, entity: str) -> Iterator[bytes]:
        """What is shown before anything is loaded: a bulk operation would read the whole shop for it."""
        rows = Rows("newest", f"{self._asked_of(entity)}, the newest")
        for line, record in enumerate(self._newest(entity), 1):
            rows.add(record, line)
        yield rows.taken()

    def keys(self, entity: str) -> Iterator[tuple[str, ...]] | None:
        """By a bulk operation that asks for ids alone. None where retain.yml makes its own keys or leaves records out, and
        where the app does not see every order: what it does not see is not deleted."""
        shape, configured = self._shape(entity), self._entity(entity)
        is_own = any(configured.fields.get(name) != shape.fields[name] for name in ENTITIES[entity].key)
        if is_own or configured.where != shape.where or self._scopes is None or self._sees_not_all(shape):
            return None
        return self._keys(shape)

    def _keys(self, shape: Shape) -> Iterator[tuple[str, ...]]:
        done = wait(self._shop, begin(self._shop, query_of(shape, shape.key_selection)))
        for record in records_of_operation(done):
            for one in records_in(shape, record):
                if (key := key_of(shape, one)) is not None:
                    yield key

    def _shape(self, entity: str) -> Shape:
        listed(self._source.entities, entity, self.name, self._config)
        return SHAPES[entity]

    def _entity(self, entity: str) -> ShopifyEntity:
        return listed(self._source.entities, entity, self.name, self._config)

    def _selection(self, entity: str) -> str:
        return " ".join(filter(None, [SHAPES[entity].selection, self._entity(entity).select]))

    def _fingerprint(self, entity: str) -> str:
        """Changes when something else would now be asked for."""
        query = query_of(SHAPES[entity], self._selection(entity))
        return hashlib.sha256(f"{self._source.address}{query}".encode()).hexdigest()[:16]

    def _asked_of(self, entity: str) -> str:
        return f"/admin/api/{self._shop.version or VERSION}/graphql.json {SHAPES[entity].connection}"

    def _steps(self, entity: str, plan: ShopifyPlan, extract: "ShopifyExtract") -> Iterator[Step]:
        shape, query = self._shape(entity), self._selection(entity)
        left, operation, lines = list(plan.left), plan.operation, plan.lines

        def step(rows: Rows | None = None) -> Step:
            """What came, and where to go on after it."""
            progress = {
                **progress_of(plan, self._fingerprint(entity), extract.rows_sent),
                "left": [one.kept() for one in left],
                "operation": operation,
                "lines": lines,
            }
            count = rows.count if rows else 0
            return Step(rows.taken() if rows else b"", count, progress)

        while left:
            if operation is None:
                operation, lines = begin(self._shop, query_of(shape, query, search_of(left[0]))), 0
                yield step()
            try:
                done = wait(self._shop, operation)
            except Failed as error:
                was_resumed = operation == plan.operation
                halves, operation = left[0].halves(), None
                if not error.is_gone and halves:
                    left[:1] = halves
                yield step()
                if (error.is_gone and not was_resumed) or not (error.is_gone or halves):
                    raise
                continue
            rows = Rows(f"bulk {operation.rpartition('/')[2]}", f"{self._asked_of(entity)} {search_of(left[0])}")
            for line in records_of_operation(done, lines):
                lines += 1
                for record in records_in(shape, line):
                    extract.rows_sent += 1
                    extract.look_at(shape, record)
                    rows.add(record, extract.rows_sent)
                if rows.is_full:
                    yield step(rows)
            yield step(rows)
            if lines < done.objects:
                extract.warnings.append(f"Shopify counted {done.objects:,} objects, and its file holds {lines:,}")
            left.pop(0)
            operation = None
        extract.warnings += [f"{words}. {PROTECTED}" for words in extract.people.doubts(shape)]
        extract.warnings += [f"{words}. {NEWER}" for words in self._version_doubts()]


@dataclass
class ShopifyExtract(HttpExtract):
    sample: Iterator[bytes] = field(default_factory=lambda: iter(()))
    people: People = field(default_factory=People)

    @property
    def copy_chunks(self) -> Iterator[bytes]:
        return self.sample

    def look_at(self, shape: Shape, record: Record) -> None:
        """GraphQL answers with every field that was asked for, so one record has the columns of all."""
        if not self.offered and record.values is not None:
            self.offered = dict.fromkeys(record.values, "json")
        self.people.look_at(shape, record)


def is_granted(scope: str, scopes: frozenset[str]) -> bool:
    """Whoever may write may read."""
    return scope in scopes or scope.replace("read_", "write_", 1) in scopes
