"""Any system that answers in JSON, as retain.yml describes it: its records land whole, as the text that was sent."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from retain.config import RestEntity, RestSource, Settings
from retain.entities import ENTITIES
from retain.errors import UserError
from retain.sources import BEGINNING, Batch, Column, State, Step, Window
from retain.sources.copy_text import copy_text
from retain.sources.http_client import AnswersAsSent, open_client
from retain.sources.http_load import HttpExtract, HttpPlan, changed_since, progress_of, state_after, taken_up
from retain.sources.http_paging import Listing, Page, Walk, pages_of
from retain.sources.http_records import each_of, key_texts
from retain.sources.http_spans import whole
from retain.sources.http_window import moment_of, window_after
from retain.sources.json_paths import path_of, value_at
from retain.sources.listed import listed
from retain.sources.rest_export import Files
from retain.sources.rest_rows import days_of, rows_of
from retain.sources.rest_seen import Seen
from retain.sources.rest_start import list_of, start_of

RESUMABLE = timedelta(hours=24)  # a cursor or a link of a system is good for as long, not for ever
FAR_BEFORE = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class RestPlan(HttpPlan):
    """What a load asks for and where it begins: at the first page, or at the page where an earlier try stopped."""

    start: Walk | None  # None: the earlier try had read the last page
    cursor: str | None = None  # of a feed of changes: how far it was read
    days: dict[str, int] = field(default_factory=dict)  # what an earlier try had read of each day

    @property
    def is_first_look(self) -> bool:
        """Whether the mapping was not tried on the system before: of a few changes, none may have a value in a field."""
        return self.before is None or bool(self.warnings)


class RestReader:
    """Reads the entities of one system. See `retain.sources.Source` for what each method answers."""

    def __init__(self, settings: Settings, source: RestSource) -> None:
        self.name = source.name
        self._source = source
        self._config = settings.path.name
        self._zone = ZoneInfo(settings.timezone_of(source.name))

    @cached_property
    def _client(self) -> AnswersAsSent:
        client = open_client(self.name, self._source.url, self._source.auth, self._source.rate, self._source.headers)
        client.hints, client.quota = self._source.hints, self._source.quota
        client.links_at = self._source.links_at or ""
        client.empty = {one.records: one.empty for one in self._source.entities.values() if one.records and one.empty}
        return client

    def columns(self, entity: str) -> list[Column]:
        """Of the records of the first page: a system that answers in JSON tells nothing more of itself."""
        shape = self._shape(entity)
        names: dict[str, None] = {}
        for record in self._first_page(entity, None).records:
            names.update(dict.fromkeys(record.values or ()))
        return [Column(name, "json") for name in names] or [
            Column(path, "json") for path in self._paths(shape).values()
        ]

    def check(self, entity: str) -> list[tuple[str, str]]:
        shape, seen = self._shape(entity), self._seen(entity)
        page = self._first_page(entity, None)
        for record in page.records:
            seen.see(record.values or {})
        if page.number == 1:
            seen.refuse_unmapped(len(page.records))
        # The few records that are looked at of an export need not have all that others of it have.
        missing = seen.unseen if page.records and shape.export is None else {}
        told = [
            (f"no record of the first page has a value at {path}", "Correct `fields`.") for path in missing.values()
        ]
        told += self._client.doubts_of_the_clock()
        if shape.export is not None and not page.records:
            told.append(("it has no record of the last day", "If there are some, check the address, or the region."))
        if shape.window is not None and shape.export is None and shape.replaces is None and page.records:
            now = datetime.now(UTC)
            since_now = self._first_page(entity, Window(now, now + timedelta(days=1)))
            if [record.text for record in since_now.records] == [record.text for record in page.records]:
                sentence = f"the system does not know `{shape.window.since}`: asked for what changed since now, it sends the same"
                told.append((sentence, "Correct `window`: until then everything is read each time."))
        return told

    def _first_page(self, entity: str, window: Window | None) -> Page:
        shape = list_of(self._shape(entity), window)
        start = self._start(shape, window)
        if (files := self._files(shape)) is not None:
            return files.sample(start, window or self._asked_for(shape, None, datetime.now(UTC)))
        return next(self._pages(entity, shape, start))

    def _files(self, shape: RestEntity) -> Files | None:
        """The files that a list comes as; None of one that comes in pages."""
        if shape.export is None or shape.window is None:
            return None
        return Files(self._client, shape.export, shape.window, self._zone)

    def _asked_for(self, shape: RestEntity, until: str | None, now: datetime, window: Window | None = None) -> Window:
        """What a load asks for after one whose window ended at `until`, or of a window of the past."""
        own = shape.window.overlap_minutes if shape.window else None
        minutes = (self._source.overlap_minutes if own is None else own, self._source.settle_minutes)
        overlap, settle = (timedelta(minutes=n) for n in minutes)
        chosen = window or window_after(until, now, overlap, settle)
        if shape.export is None or shape.window is None:
            return chosen
        return whole(chosen, shape.window.format, self._zone, shape.export.first_day, now - settle)

    def _pages(self, entity: str, shape: RestEntity, start: Walk, *, shrinks: bool = False) -> Iterator[Page]:
        """The pages of a list, as the records that rows are made of."""
        keys, only_first = self._key_paths(entity), tuple(shape.start)
        listing = Listing(
            self._client, shape.paging, shape.records, keys, shrinks, only_first, shape.related, shape.body,
            shape.form, shape.tell, self._source.reserve,
        )  # fmt: skip
        for page in pages_of(listing, start):
            if shape.each is None:
                yield page
            else:
                yield replace(page, records=[one for record in page.records for one in each_of(record, shape.each)])

    def plan(
        self, entity: str, state: State | None, now: datetime, *, full: bool = False, window: Window | None = None
    ) -> Batch:
        shape = self._shape(entity)
        if window is not None and (shape.window is None or shape.window.until is None):
            raise UserError(
                f"Source {self.name}, {entity}: a window of time cannot be read, because no `window` with `since` and `until` "
                "is configured.",
                hint="Load everything instead.",
            )
        is_anew, warnings = changed_since(state, self._fingerprint(shape), shape)
        until = state.get("until") if state and shape.window and not full and not is_anew else None
        chosen = self._asked_for(shape, until, now, window)
        cursor = state.get("cursor") if state and shape.paging.keep and not full and not is_anew else None
        plan = RestPlan(
            window=chosen, before=state, is_again=window is not None, began_at=now, warnings=warnings,
            start=self._start(list_of(shape, chosen), chosen, cursor), cursor=cursor,
        )  # fmt: skip
        return Batch(entity, chosen, plan)

    def resume(self, entity: str, state: State | None, progress: dict[str, Any], now: datetime) -> Batch | None:
        known = taken_up(progress, state, self._fingerprint(self._shape(entity)), now, RESUMABLE)
        if known is None:
            return None
        kept = f"{progress['rows']:,} records of an earlier try, that ended before its last page, were kept"
        start = Walk(**progress["next"]) if progress["next"] else None
        plan = RestPlan(
            **known, warnings=(kept,), start=start, cursor=progress.get("cursor"), days=progress.get("days", {})
        )
        return Batch(entity, plan.window, plan)

    @contextmanager
    def read(self, batch: Batch) -> "Iterator[RestExtract]":
        plan, shape = batch.plan, self._shape(batch.entity)
        assert isinstance(plan, RestPlan)
        extract = RestExtract(plan.rows_before, list(plan.warnings), state_after(plan, self._fingerprint(shape), shape))
        if shape.paging.keep and not plan.is_again:
            extract.state_after["cursor"] = plan.cursor
        if shape.replaces is not None:
            extract.days = {**days_of(shape, plan.window, self._zone), **plan.days}
        files = self._files(shape)
        if files is None:
            extract.steps = self._steps(batch.entity, shape, plan, extract)
        else:
            extract.steps = self._file_steps(batch.entity, files, plan, extract)
            extract.sample = lambda: self._first_page(batch.entity, plan.window)
        yield extract

    def keys(self, entity: str) -> Iterator[tuple[str, ...]] | None:
        """By reading the whole list, where retain.yml says that it holds every record."""
        shape = self._shape(entity)
        return self._keys(entity, shape) if shape.find_deleted else None

    def _keys(self, entity: str, shape: RestEntity) -> Iterator[tuple[str, ...]]:
        paths = self._key_paths(entity)
        shape = list_of(shape, None)
        for page in self._pages(entity, shape, self._start(shape, None)):
            for record in page.records:
                if (key := key_texts(record, paths)) is not None:
                    yield key

    def _shape(self, entity: str) -> RestEntity:
        return listed(self._source.entities, entity, self.name, self._config)

    def _fingerprint(self, shape: RestEntity) -> str:
        """Changes when another list, or other records, would now be read."""
        not_asked = {"fields", "defaults", "where", "deleted", "find_deleted", "paging", "export"}
        first_day = shape.export.first_day if shape.export else ""
        how = shape.model_dump_json(exclude=not_asked, exclude_none=True)
        return hashlib.sha256(f"{self._source.url}{how}{self._zone.key}{first_day}".encode()).hexdigest()[:16]

    def _start(self, shape: RestEntity, window: Window | None, cursor: str | None = None) -> Walk:
        return start_of(self._source.url, shape, self._zone, window, cursor)

    def _key_paths(self, entity: str) -> list[str]:
        fields = self._shape(entity).fields
        paths = [path_of(fields.get(name, "")) for name in ENTITIES[entity].key]
        return [path for path in paths if path is not None]

    def _paths(self, shape: RestEntity) -> dict[str, str]:
        """The paths that fields are read from, by field, where a field is nothing but a path."""
        return {name: path for name, text in shape.fields.items() if (path := path_of(text))}

    def _steps(self, entity: str, shape: RestEntity, plan: RestPlan, extract: "RestExtract") -> Iterator[Step]:
        asked = list_of(shape, plan.window)
        shrinks = asked.window is not None and asked.window.until is not None
        seen = self._seen(entity, extract)
        for page in self._pages(entity, asked, plan.start, shrinks=shrinks) if plan.start else ():
            for record in page.records:
                seen.see(record.values or {})
            if page.number == 1 and plan.is_first_look and shape.where is None:
                seen.refuse_unmapped(len(page.records))
            self._look_at_times(shape, plan.window, page, extract)
            extract.rows_sent += len(page.records)
            extract.warnings += [sentence for sentence in page.told if sentence not in extract.warnings]
            rows = rows_of(page, shape.replaces, extract.days)
            if shape.paging.keep:
                extract.state_after["cursor"] = page.reached or extract.state_after["cursor"]
            yield Step(b"".join(copy_text(rows)), len(page.records), self._progress(shape, plan, extract, page.next))
        self._tell_unseen(seen, plan, extract)

    def _file_steps(self, entity: str, files: Files, plan: RestPlan, extract: "RestExtract") -> Iterator[Step]:
        """A span that was not landed to its end is landed from its beginning: another file need not be in the same order."""
        shape, seen = self._shape(entity), self._seen(entity, extract)
        may_refuse = plan.is_first_look and shape.where is None
        for span, walk, after in files.left(plan.start, plan.window) if plan.start else ():
            for rows in files.rows_of(span, walk, seen):
                if may_refuse and rows.count:
                    seen.refuse_unmapped(rows.count)
                    may_refuse = False
                count = rows.count
                extract.rows_sent += count
                yield Step(rows.taken(), count, self._progress(shape, plan, extract, walk))
            yield Step(b"", 0, self._progress(shape, plan, extract, after))
        self._tell_unseen(seen, plan, extract)

    def _progress(
        self, shape: RestEntity, plan: RestPlan, extract: "RestExtract", after: Walk | None
    ) -> dict[str, Any]:
        return {
            **progress_of(plan, self._fingerprint(shape), extract.rows_sent),
            "cursor": extract.state_after.get("cursor"),
            "days": dict(extract.days),
            "next": after.kept() if after else None,
        }

    def _seen(self, entity: str, extract: "RestExtract | None" = None) -> Seen:
        return Seen(self.name, entity, self._paths(self._shape(entity)), extract.offered if extract else {})

    def _tell_unseen(self, seen: Seen, plan: RestPlan, extract: "RestExtract") -> None:
        if extract.rows_sent > plan.rows_before and plan.is_first_look:
            extract.warnings += seen.told()

    def _look_at_times(self, shape: RestEntity, window: Window, page: Page, extract: "RestExtract") -> None:
        """A system that does not know the name of a parameter ignores it, and sends everything each time."""
        if shape.window is None or shape.window.cursor is None or window.start <= BEGINNING or extract.is_unfiltered:
            return
        for record in page.records:
            values = record.values if shape.each is None else value_at(record.values, "parent")
            moment = moment_of(value_at(values, shape.window.cursor), self._zone)
            if moment is not None and moment < window.start - FAR_BEFORE:
                extract.is_unfiltered = True
                extract.warnings.append(
                    f"records come that changed long before {window.start:%Y-%m-%d %H:%M}: the system does not know "
                    f"`{shape.window.since}`, and sends everything each time"
                )
                return


@dataclass
class RestExtract(HttpExtract):
    is_unfiltered: bool = False
    sample: Callable[[], Page] | None = None
    days: dict[str, int] = field(default_factory=dict)  # of a list that replaces days: their records

    @property
    def control_totals(self) -> dict[str, Any]:
        return {**super().control_totals, **({"files": dict(self.days)} if self.days else {})}

    @property
    def copy_chunks(self) -> Iterator[bytes]:
        """Of files the newest records: to see some, nobody waits for all of the first file. Asked for when they are taken."""
        return super().copy_chunks if self.sample is None else self._sampled(self.sample)

    def _sampled(self, sample: Callable[[], Page]) -> Iterator[bytes]:
        yield from copy_text(rows_of(sample(), None, {}))
