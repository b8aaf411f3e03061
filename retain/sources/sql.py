"""Any SQL database as a source: one select an entity, in the database's own SQL, from one snapshot of it."""

import difflib
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from retain.config import Settings, SqlEntity, SqlSource
from retain.entities import ENTITIES
from retain.errors import UserError
from retain.sources import Batch, Column, State, Window
from retain.sources.listed import listed
from retain.sources.sql_cursor import (
    Bounds,
    Clock,
    Kind,
    bounds_of,
    bounds_of_window,
    condition,
    cursor_after,
    start_of,
)
from retain.sources.sql_session import Database, QueryRejected, Session, Totals

PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class SqlPlan:
    """How one load reads a table: from the cursor that was left (None: from the beginning), or a window again."""

    clock: Clock
    cursor: State | None
    before: State | None
    again: Window | None
    warnings: tuple[str, ...] = ()


def open_database(settings: Settings, source: SqlSource) -> "SqlReader":
    """The reader of a database; PostgreSQL's is by COPY, any other's by SQLAlchemy. Connects to nothing yet."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(source.url.get_secret_value())
    except (ArgumentError, ValueError):  # int() of a port that is none
        raise UserError(
            f"Source {source.name}: its `url` is not an address.",
            hint="It looks like postgresql://user:${PASSWORD}@host:5432/database; write @ : / in a password as %40 %3A %2F.",
        ) from None
    if url.get_backend_name() in ("postgresql", "postgres"):
        from retain.sources.sql_postgres import PostgresDatabase

        return SqlReader(settings, source, PostgresDatabase(source.name, url))
    from retain.sources.sql_any import AnyDatabase

    return SqlReader(settings, source, AnyDatabase(source.name, url, settings.path.parent))


class SqlReader:
    """Reads the entities of one database. See `retain.sources.Source` for what each method answers."""

    def __init__(self, settings: Settings, source: SqlSource, database: Database) -> None:
        self.name = source.name
        self._source = source
        self._database = database
        self._zone = ZoneInfo(settings.timezone_of(source.name))

    def columns(self, entity: str) -> list[Column]:
        shape = self._shape(entity)
        with self._database.snapshot() as session:
            return self._offered(session, shape, entity)

    def check(self, entity: str) -> list[tuple[str, str]]:
        shape = self._shape(entity)
        with self._database.snapshot() as session:
            self._offered(session, shape, entity)
            self._described(session, shape, entity, self._where(session, shape, None))
        return []

    def plan(
        self, entity: str, state: State | None, now: datetime, *, full: bool = False, window: Window | None = None
    ) -> Batch:
        shape = self._shape(entity)
        clock = Clock(
            now,
            self._zone,
            timedelta(minutes=self._source.overlap_minutes),
            timedelta(minutes=self._source.settle_minutes),
        )
        if window is not None:
            if shape.cursor is None:
                raise UserError(
                    f"Source {self.name}, {entity}: a window of time cannot be read, because no `cursor` is configured.",
                    hint="Load everything instead.",
                )
            return Batch(entity, window, SqlPlan(clock, None, state, window))
        warnings: tuple[str, ...] = ()
        cursor = state.get("cursor") if state and shape.cursor else None
        if state and state.get("mapping") != self._fingerprint(shape):
            cursor, warnings = None, ("retain.yml maps this entity differently than before: everything was read again",)
        cursor = None if full else cursor
        return Batch(
            entity, Window(start_of(cursor, clock), clock.until), SqlPlan(clock, cursor, state, None, warnings)
        )

    @contextmanager
    def read(self, batch: Batch) -> "Iterator[SqlExtract]":
        shape, plan = self._shape(batch.entity), batch.plan
        assert isinstance(plan, SqlPlan)
        with self._database.snapshot() as session:
            columns, kind, sample = self._described(session, shape, batch.entity, None)
            extract = SqlExtract(list(shape.fields), list(plan.warnings))
            bounds = self._bounds(batch, shape, kind, sample, extract.warnings)
            try:
                where = self._where(session, shape, bounds)
                totals = self._totals(session, shape, batch.entity, columns, bounds, where)
                fields = dict(zip(shape.fields, columns, strict=True))
                values = {name: session.value(shape.fields[name], fields[name]) for name in shape.fields}
                query = selection(shape, values, where)
                extract.control_totals = {"rows": totals.rows, "sums": totals.sums}
                extract.state_after = self._state_after(shape, plan, kind, totals)
                extract.copy_chunks = self._chunks(session, query, extract, batch.entity)
                yield extract
            except QueryRejected as error:
                raise self._unfit(batch.entity, error) from None

    def keys(self, entity: str) -> Iterator[tuple[str, ...]]:
        shape = self._shape(entity)
        with self._database.snapshot() as session:
            names = ENTITIES[entity].key
            try:
                expressions = {name: shape.fields[name] for name in names}
                columns = session.describe(selection(shape, expressions, None))
                values = {
                    name: session.value(expressions[name], column) for name, column in zip(names, columns, strict=True)
                }
                yield from session.texts(selection(shape, values, self._where(session, shape, None)))
            except QueryRejected as error:
                raise self._explained(session, shape, entity, error) from None

    def _shape(self, entity: str) -> SqlEntity:
        return listed(self._source.entities, entity, self.name, "retain.yml")

    def _fingerprint(self, shape: SqlEntity) -> str:
        """Changes when the same row of the source would now be read as another one."""
        return hashlib.sha256(f"{shape.model_dump_json()}{self._zone.key}".encode()).hexdigest()[:16]

    def _described(
        self, session: Session, shape: SqlEntity, entity: str, where: str | None
    ) -> tuple[list[Column], Kind | None, Any]:
        """The columns of the fields, and what sort of cursor there is; raises UserError where the database cannot read them."""
        try:
            columns = session.describe(selection(shape, shape.fields, where))
            kind, sample = session.cursor_kind(shape.cursor, source_of(shape)) if shape.cursor else (None, None)
        except QueryRejected as error:
            raise self._explained(session, shape, entity, error) from None
        return columns, kind, sample

    def _bounds(
        self, batch: Batch, shape: SqlEntity, kind: Kind | None, sample: Any, warnings: list[str]
    ) -> Bounds | None:
        plan: SqlPlan = batch.plan
        if shape.cursor is None or (kind is None and sample is None):
            return None  # no cursor, or no row that has one
        if kind is None:
            raise UserError(
                f"Source {self.name}, {batch.entity}.cursor: {shape.cursor} is no cursor: it is {sample}.",
                hint="A cursor is a time, a day or a number that grows; cast it, or leave `cursor` out to read everything.",
            )
        if plan.again is not None:
            bounds = bounds_of_window(kind, plan.again, plan.clock, sample)
            if bounds is None:
                raise UserError(
                    f"Source {self.name}, {batch.entity}: the cursor {shape.cursor} is a number; no window of time can be read.",
                    hint="Load everything instead.",
                )
            return bounds
        cursor = plan.cursor
        if cursor is not None and cursor["kind"] != kind:
            warnings.append(
                f"the cursor {shape.cursor} has become a {kind} (it was a {cursor['kind']}): everything was read"
            )
            cursor = None
        return bounds_of(kind, cursor, plan.clock, sample)

    def _state_after(self, shape: SqlEntity, plan: SqlPlan, kind: Kind | None, totals: Totals) -> dict[str, Any]:
        if plan.again is not None:
            return dict(plan.before or {})
        cursor = cursor_after(kind, plan.cursor, totals.high, plan.clock) if kind else None
        return {"mapping": self._fingerprint(shape), "cursor": cursor}

    def _where(self, session: Session, shape: SqlEntity, bounds: Bounds | None) -> str | None:
        parts = [f"({shape.where}\n)"] if shape.where else []
        if bounds is not None and shape.cursor and (new := condition(shape.cursor, bounds, session.show)):
            parts.append(f"({new})")
        return " and ".join(parts) or None

    def _totals(
        self,
        session: Session,
        shape: SqlEntity,
        entity: str,
        columns: list[Column],
        bounds: Bounds | None,
        where: str | None,
    ) -> Totals:
        """Count, sums of the money fields, and the newest cursor below the upper bound, as the source computes them."""
        rows_from = f"{source_of(shape)}{where_clause(where)}"
        types = dict(zip(shape.fields, columns, strict=True))
        sums = {}
        for name in ENTITIES[entity].of_type("money"):
            if name in types and (text := session.sum_of(shape.fields[name], types[name], rows_from)):
                sums[name] = text
        high = "null"
        if shape.cursor and bounds is not None:
            cursor = shape.cursor
            if bounds.high is not None:
                cursor = f"case when ({cursor}) < {session.show(bounds.high)} then ({cursor}) end"
            high = f"max({cursor})"
        row = session.row(f"select {', '.join(['count(*)', high, *sums.values()])} from {rows_from}")
        return Totals(int(row[0]), dict(zip(sums, map(session.sum_text, row[2:]), strict=True)), moment_text(row[1]))

    def _chunks(self, session: Session, query: str, extract: "SqlExtract", entity: str) -> Iterator[bytes]:
        try:
            yield from session.copy(query)
        except QueryRejected as error:
            raise self._unfit(entity, error) from None
        extract.rows_sent = session.rows_read

    def _offered(self, session: Session, shape: SqlEntity, entity: str) -> list[Column]:
        try:
            return session.describe(f"select * from {source_of(shape)}")
        except QueryRejected as error:
            place, near = f"`query` of {entity}", ""
            if shape.table:
                place = f"{entity}.table {shape.table}"
                names = session.tables()
                near = _offer(shape.table, names, "the database has")
            raise UserError(f"Source {self.name}: {place} cannot be read: {error}.", hint=near or None) from None

    def _explained(self, session: Session, shape: SqlEntity, entity: str, error: QueryRejected) -> UserError:
        """Find which expressions are at fault, by trying each alone."""
        offered = self._offered(session, shape, entity)
        names = [column.name for column in offered]
        parts = {f"fields.{name}": text for name, text in shape.fields.items()}
        if shape.cursor:
            parts["cursor"] = shape.cursor
        wrong = []
        for place, text in parts.items():
            if refusal := self._refusal(session, shape, text, None):
                wrong.append(f"  {entity}.{place}: {text} — {refusal}{_meant(text, names)}")
        if shape.where and (refusal := self._refusal(session, shape, "1", f"({shape.where}\n)")):
            wrong.append(f"  {entity}.where: {shape.where} — {refusal}")
        listed = "\n".join(wrong) or f"  {entity}: {error}"
        what = shape.table or "the query"
        return UserError(
            f"Source {self.name}: {what} does not have what retain.yml asks of it.\n{listed}\n"
            f"The columns of {what} are: {', '.join(names)}."
        )

    def _refusal(self, session: Session, shape: SqlEntity, text: str, where: str | None) -> str | None:
        try:
            session.describe(selection(shape, {"tried": text}, where))
        except QueryRejected as error:
            return str(error)
        return None

    def _unfit(self, entity: str, error: QueryRejected) -> UserError:
        return UserError(
            f"Source {self.name}: the database could not evaluate the mapping of {entity}: {error}.",
            hint="Change the expression in retain.yml so that it holds for every row.",
        )


@dataclass
class SqlExtract:
    """The rows of one snapshot on their way; see `retain.sources.Extract`."""

    columns: list[str]
    warnings: list[str]
    copy_chunks: Iterator[bytes] = field(default_factory=lambda: iter(()))
    rows_sent: int = 0
    control_totals: dict[str, Any] = field(default_factory=dict)
    state_after: dict[str, Any] = field(default_factory=dict)


def source_of(shape: SqlEntity) -> str:
    """The table, or the query in brackets, to select from."""
    if shape.table:
        return shape.table
    assert shape.query is not None
    return f"(\n{shape.query.rstrip().rstrip(';')}\n) source_rows"


def selection(shape: SqlEntity, values: dict[str, str], where: str | None) -> str:
    """A select of expressions by name. Each stands on lines of its own: a comment in retain.yml ends with its line."""
    expressions = [f"(\n{text}\n) as {quoted(name)}" for name, text in values.items()]
    return f"select {', '.join(expressions)} from {source_of(shape)}{where_clause(where)}"


def quoted(name: str) -> str:
    return f'"{name}"'


def where_clause(where: str | None) -> str:
    return f" where {where}" if where else ""


def moment_text(value: Any) -> str | None:
    """A cursor's value as it is remembered."""
    if value is None:
        return None
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _meant(text: str, names: list[str]) -> str:
    """What to write instead of a name, as it stands in a YAML file: a name in quotes needs quotes around these."""
    bare = text.strip('"')
    near = difflib.get_close_matches(bare.lower(), [name.lower() for name in names], n=1, cutoff=0.6)
    if not near or not (PLAIN_NAME.fullmatch(bare) or bare.lower() == near[0]):
        return ""
    name = next(name for name in names if name.lower() == near[0])
    if name == name.lower() and PLAIN_NAME.fullmatch(name):
        return f"; did you mean {name}?"
    return f"; did you mean {quoted(name)}? Write it in both kinds of quotes: '{quoted(name)}'"


def _offer(wanted: str, names: list[str], words: str) -> str:
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]}?"
    return f"{words.capitalize()}: {', '.join(names[:20])}{', …' if len(names) > 20 else ''}." if names else ""
