"""What a dashboard is made of: measures, datasets, charts, filters and their places. Plain values; `files.py` writes them down."""

from dataclasses import dataclass, field
from typing import Any, Literal

COUNT, PERCENT, DAYS = ",d", ".1%", ",d"
SHORT_MONEY, MONEY, WHOLE_MONEY = ",.3s", ",.2f", ",.0f"


@dataclass(frozen=True)
class Measure:
    """A number of a dataset: an SQL aggregate, and how it is written. `is_money`: with the currency of the row beside it."""

    name: str
    label: str
    expression: str
    format: str = COUNT
    is_money: bool = False


def total(column: str, label: str) -> Measure:
    return Measure(column, label, f"sum({column})")


def money(name: str, label: str, expression: str, format: str = SHORT_MONEY) -> Measure:
    return Measure(name, label, expression, format, is_money=True)


def rate(name: str, label: str, numerator: str, denominator: str, format: str = PERCENT) -> Measure:
    """Numerators and denominators are added up first, and divided then."""
    return Measure(name, label, f"sum({numerator})::numeric / nullif(sum({denominator}), 0)", format)


@dataclass(frozen=True)
class Calculated:
    """A column that the dashboards derive from those of the mart; SQL of one row."""

    name: str
    label: str
    expression: str
    type: str = "TEXT"


@dataclass(frozen=True)
class Dataset:
    """A mart, or a select over marts (`sql`, with `reads` naming the marts whose columns it passes on).

    `time` is the column that a filter by period narrows; `has_currency`: its money is in the column `currency`.
    """

    name: str
    measures: tuple[Measure, ...] = ()
    calculated: tuple[Calculated, ...] = ()
    time: str | None = None
    sql: str | None = None
    reads: tuple[str, ...] = ()
    description: str = ""
    has_currency: bool = False
    labels: tuple[tuple[str, str], ...] = ()  # what a column is called where its name would not be understood

    def measure(self, name: str) -> Measure:
        return next(measure for measure in self.measures if measure.name == name)


Value = str | int | bool
Condition = tuple[str, Literal["==", "!=", ">", ">=", "<=", "IN", "IS NOT NULL"], Value | tuple[Value, ...] | None]


@dataclass(frozen=True)
class Chart:
    """One picture: `kind` and `options` are Superset's, `where` narrows the dataset whatever the filters say."""

    name: str
    title: str
    dataset: Dataset
    kind: str
    options: dict[str, Any]
    width: int
    height: int = 46
    where: tuple[Condition, ...] = ()
    description: str = ""
    ignores: frozenset[str] = field(default_factory=frozenset)  # filters that would say something else than meant


@dataclass(frozen=True)
class Text:
    """A line of Markdown across the page."""

    words: str
    width: int = 12
    height: int = 8


@dataclass(frozen=True)
class Filter:
    """A field above the charts. It narrows every chart whose dataset has `column` (for `time`: a column of time)."""

    name: str
    label: str
    dataset: Dataset | None
    column: str | None
    default: tuple[str, ...] = ()
    is_required: bool = False  # one value, always
    description: str = ""


@dataclass(frozen=True)
class Dashboard:
    """A page: rows of charts, twelve columns wide, and its filters."""

    name: str
    title: str
    description: str
    rows: tuple[tuple[Chart | Text, ...], ...]
    filters: tuple[Filter, ...]

    @property
    def charts(self) -> list[Chart]:
        return [part for row in self.rows for part in row if isinstance(part, Chart)]
