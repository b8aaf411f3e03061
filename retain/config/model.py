"""What retain.yml can say, as frozen models: `Settings` and its parts."""

import functools
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, field_serializer

from retain.config.alerting import Alerts
from retain.config.gating import Gate, GateOfSource, SourceGate
from retain.config.identity import Identity
from retain.config.keeping import Landing, Maintenance
from retain.config.part import Mapping, Part
from retain.config.rest import RestSource
from retain.config.segments import Segments
from retain.config.shopify import ShopifySource

FileFormat = Literal["csv", "jsonl", "parquet"]
FORMAT_OF_SUFFIX: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


class Business(Part):
    name: str = Field(default="My shop", min_length=1, description="The name of the shop, as printed on the report.")
    timezone: str = Field(description="IANA time zone in which the shop's days begin and end, e.g. Asia/Yerevan.")
    week_start: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = Field(
        default="monday", description="The first day of a week."
    )
    calendar: Literal["gregorian", "jalali"] = Field(
        default="gregorian", description="The calendar of months and quarters."
    )
    reporting_currency: str = Field(description="ISO 4217 code of the currency in which the marts count money.")
    country: str | None = Field(
        default=None, description="ISO 3166 alpha-2 code: how a phone number without a country prefix is read."
    )
    active_days: int = Field(
        default=365,
        ge=1,
        le=3660,
        description="A customer is active for so many days after a purchase (customer flow).",
    )
    lapse_days: int | None = Field(
        default=None,
        ge=1,
        le=3660,
        description="Days without a purchase after which a customer has lapsed; measured if absent.",
    )
    count_free_orders: bool = Field(
        default=False, description="Whether an order of which nothing was charged is a purchase."
    )
    discount_rate: Decimal = Field(
        default=Decimal("0.10"),
        ge=0,
        lt=10,
        description="Yearly rate at which future value is discounted; 0.10 is 10 %.",
    )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Forecast(Part):
    min_customers: int = Field(default=300, ge=2, description="With fewer customers than this no model is fitted.")
    min_history_days: int = Field(default=180, ge=1, description="With less history than this no model is fitted.")
    backcast_on: tuple[date, ...] = Field(default=(), description="Past days for which a forecast is made and graded.")
    seed: int = Field(default=20250101, ge=0, lt=2**32, description="Seed of everything random in the forecast.")
    keep_days: int | None = Field(
        default=None,
        ge=366,
        le=36600,
        description="Graded predictions are deleted after so many days, their grades never; nothing is if absent.",
    )


class Warehouse(Part):
    folder: Path | None = Field(
        default=None,
        description="Folder of all that Retain keeps itself: the embedded PostgreSQL (without `url`), logs, the report.",
    )
    url: SecretStr | None = Field(
        default=None, description="PostgreSQL 16+ to use instead: postgresql://user:password@host/db."
    )
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of the embedded server; a free one if absent."
    )
    bi_password: SecretStr | None = Field(
        default=None, description="Password of the role that BI tools read the marts with; Retain makes one if absent."
    )


class SqlEntity(Mapping):
    table: str | None = Field(default=None, min_length=1, description="Table or view, with its schema if it needs one.")
    query: str | None = Field(
        default=None, min_length=1, description="A select of the source's own SQL, instead of `table`."
    )
    cursor: str | None = Field(
        default=None,
        min_length=1,
        description="Column or expression that grows when a row changes; absent: read all each time.",
    )


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Glob = Annotated[str, StringConstraints(min_length=1)]


class FilesEntity(Mapping):
    files: Annotated[tuple[Glob, ...], BeforeValidator(_as_list)] = Field(
        min_length=1, description="Which files of the folder, as a glob, e.g. orders-*.csv, or a list of globs."
    )
    together: bool = Field(
        default=False,
        description="Whether the files are read as one: rows of several make a group, and each has some of the columns. "
        "When one changes all are read again.",
    )
    format: FileFormat | None = Field(default=None, description="Format of the files; by their suffix if absent.")
    delimiter: Annotated[str, StringConstraints(strip_whitespace=False)] = Field(
        default=",", description="What separates the values of a CSV file: one character, or `whitespace`."
    )
    encoding: str = Field(default="utf-8", description="Character encoding of the text files.")
    header: bool = Field(default=True, description="Whether the first line of a CSV file names its columns.")
    columns: tuple[str, ...] | None = Field(
        default=None, description="Names of the columns, where the file has no header."
    )
    skip_lines: int = Field(
        default=0, ge=0, description="Lines of a CSV file above its header, such as the title of a report."
    )
    group_by: tuple[str, ...] | None = Field(
        default=None,
        description="Columns that rows are grouped by; the fields are then aggregates, e.g. sum(amount::numeric).",
    )
    replaces: bool = Field(
        default=False,
        description="Whether a file that is written again is all there is of it: what it had before, and has no more, is deleted.",
    )

    @property
    def file_format(self) -> FileFormat:
        return self.format or FORMAT_OF_SUFFIX[Path(self.files[0]).suffix.lower()]

    @property
    def pattern(self) -> str:
        """Which files, as a person reads it."""
        return ", ".join(self.files)

    @field_serializer("files")
    def _as_written(self, files: tuple[str, ...]) -> str | tuple[str, ...]:
        return files[0] if len(files) == 1 else files


class SqlSource(Part):
    type: Literal["sql"] = "sql"
    name: str = Field(description="Short name of the source: it is part of every key.")
    url: SecretStr = Field(
        description="SQLAlchemy address of the database, e.g. postgresql://user:${PASSWORD}@host/db."
    )
    timezone: str | None = Field(default=None, description="Zone of times without one; the shop's if absent.")
    overlap_minutes: int = Field(
        default=60, ge=0, description="How far each load reaches back before the last one, for rows committed late."
    )
    settle_minutes: int = Field(default=0, ge=0, description="Rows younger than this are left for the next load.")
    entities: dict[str, SqlEntity] = Field(min_length=1, description="What the source holds.")
    gate: GateOfSource | None = Field(  # type: ignore[valid-type]
        default=None, description="Thresholds of the gate that are different for this source."
    )


class FilesSource(Part):
    type: Literal["files"] = "files"
    name: str = Field(description="Short name of the source: it is part of every key.")
    folder: Path = Field(description="Folder of the files, relative to retain.yml.")
    timezone: str | None = Field(default=None, description="Zone of times without one; the shop's if absent.")
    date_order: Literal["YMD", "DMY", "MDY"] = Field(default="YMD", description="How 03/04/2025 is read.")
    entities: dict[str, FilesEntity] = Field(min_length=1, description="What the files hold.")
    gate: GateOfSource | None = Field(  # type: ignore[valid-type]
        default=None, description="Thresholds of the gate that are different for this source."
    )


AnySource = SqlSource | FilesSource | RestSource | ShopifySource
Source = Annotated[AnySource, Field(discriminator="type")]


class Settings(Part):
    path: Path = Field(description="The file that was read, absolute.")
    as_of: date | None = Field(default=None, description="The last day that counts; today if absent.")
    business: Business
    forecast: Forecast = Forecast()
    gate: Gate = Gate()
    alerts: Alerts = Alerts()
    identity: Identity = Identity()
    segments: Segments = Segments()
    landing: Landing = Landing()
    maintenance: Maintenance = Maintenance()
    warehouse: Warehouse = Warehouse()
    sources: tuple[Source, ...] = Field(min_length=1, description="Where the shop's data is.")

    @property
    def today_on(self) -> date:
        """Today in the shop's time zone."""
        return datetime.now(self.business.zone).date()

    @property
    def as_of_on(self) -> date:
        """The last day that counts."""
        return self.as_of or self.today_on

    @property
    def observed_until_on(self) -> date:
        """The day until which, exclusive, everything has been seen: the running day has not ended yet."""
        return min(self.as_of_on + timedelta(days=1), self.today_on)

    @property
    def state_folder(self) -> Path:
        """Where Retain keeps what is its own: the embedded server, logs, dbt's target, the report."""
        return self.warehouse.folder or self.path.parent / ".retain"

    @functools.cached_property
    def _by_name(self) -> dict[str, AnySource]:
        return {source.name: source for source in self.sources}

    def source(self, name: str) -> AnySource:
        """The source of that name. Raises `KeyError` when there is none."""
        return self._by_name[name]

    def sources_of(self, entity: str) -> list[str]:
        """Names of the sources that hold an entity, in the order of retain.yml."""
        return [source.name for source in self.sources if entity in source.entities]

    def timezone_of(self, name: str) -> str:
        """The zone in which a source's times without a zone are meant."""
        return self.source(name).timezone or self.business.timezone

    def gate_of(self, name: str) -> Gate:
        """The thresholds of the gate as they hold for a source."""
        own: SourceGate | None = self.source(name).gate
        return self.gate.of_source(own)
