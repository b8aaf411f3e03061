"""One forecast of a shop: read purchases, fit, grade against the past, publish to the ledger."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from retain.errors import UserError
from retain.forecast import ledger
from retain.forecast.forecaster import Forecaster, ForecastOptions, ModelCard, make_forecaster
from retain.forecast.grading import Grades, grade
from retain.forecast.same_rate import NAME as SAME_RATE
from retain.forecast.statistics import Occasions

if TYPE_CHECKING:
    from retain.config import Settings

BASELINE = "the baseline that a model has to beat"


@dataclass(frozen=True)
class PublishedModel:
    """A row of forecast.models."""

    card: ModelCard
    version: str
    as_of_on: date
    purpose: str
    grades: Grades | None


@dataclass(frozen=True)
class HorizonTotal:
    """Sums over all customers for one horizon; money in the reporting currency. `no_order` is the mean probability of
    no order."""

    days: int
    occasions: float
    value: float
    discounted_value: float
    no_order: float


@dataclass(frozen=True)
class ForecastResult:
    """What the ledger now says about this day: `model` speaks; `is_new` tells whether this run wrote anything."""

    shop: str
    as_of_on: date
    currency: str
    version: str
    model: str
    customers: int
    occasions: int
    models: tuple[PublishedModel, ...]
    totals: tuple[HorizonTotal, ...]
    not_predictable_reason: str | None
    discount_rate: float
    predictions: int
    is_new: bool
    seconds: float

    @property
    def is_predictable(self) -> bool:
        return self.not_predictable_reason is None

    @property
    def backcasts(self) -> tuple[PublishedModel, ...]:
        """Every model that was graded, oldest day first."""
        return tuple(model for model in self.models if model.purpose == "backcast")

    @property
    def summary(self) -> str:
        """One line: for the end of a progress line."""
        if not self.customers:
            return "no purchases yet, so nothing to forecast"
        said = (
            f"{self.customers:,} customers, {self.model}"
            if self.is_new
            else f"{self.customers:,} customers, nothing new"
        )
        return said if self.is_predictable else f"{said} (not predictable)"


def options_of(settings: "Settings") -> ForecastOptions:
    """What of retain.yml decides a forecast."""
    forecast = settings.forecast
    return ForecastOptions(
        min_customers=forecast.min_customers,
        min_history_days=forecast.min_history_days,
        discount_rate=float(settings.business.discount_rate),
        seed=forecast.seed,
    )


def run_forecast(
    connection: "psycopg.Connection[Any]", settings: "Settings", progress: Callable[[str], None] | None = None
) -> ForecastResult:
    """Forecast as of `settings.as_of_on`, grade the back-casts, and append what is new to the ledger, in one
    transaction.

    The same purchases, options and day are recognised by their version: nothing is fitted or written again.
    Raises UserError when the purchases have not been built or a back-cast day lies outside them.
    """
    say = progress or (lambda text: None)
    started = time.perf_counter()
    options, as_of_on = options_of(settings), settings.as_of_on
    until = settings.observed_until_on - timedelta(days=1)
    with connection.transaction():
        ledger.lock(connection)
        say("reading purchases")
        occasions = ledger.read_occasions(connection, as_of_on)
        data = ledger.fingerprint(occasions)
        published = []
        for day in sorted(settings.forecast.backcast_on):
            say(f"back-casting at {day}")
            published += _backcast(connection, occasions, options, day, until, data)
        say("fitting and scoring")
        version, rows = _publish(connection, occasions, options, as_of_on, data)
        published += _models(connection, version, as_of_on)
        totals = ledger.totals_of(connection, version, as_of_on)
    model = totals[0]["model"] if totals else SAME_RATE
    return ForecastResult(
        shop=settings.business.name,
        as_of_on=as_of_on,
        currency=settings.business.reporting_currency,
        version=version,
        model=model,
        customers=len(occasions.keys),
        occasions=len(occasions.day),
        models=tuple(published),
        totals=tuple(
            HorizonTotal(
                days=total["horizon_days"],
                occasions=total["occasions"],
                value=float(total["value"]),
                discounted_value=float(total["discounted_value"]),
                no_order=total["no_order"],
            )
            for total in totals
        ),
        not_predictable_reason=totals[0]["reason"] if totals else "nobody has bought yet",
        discount_rate=options.discount_rate,
        predictions=rows,
        is_new=rows > 0,
        seconds=time.perf_counter() - started,
    )


def _publish(
    connection: "psycopg.Connection[Any]", occasions: Occasions, options: ForecastOptions, as_of_on: date, data: str
) -> tuple[str, int]:
    """The version that stands for this day and these data, and how many predictions had to be written for it."""
    version = ledger.version_of("current", as_of_on, None, data, options)
    version, is_new = ledger.next_version(connection, "current", as_of_on, version)
    if not is_new or not len(occasions.keys):
        return version, 0
    forecaster = make_forecaster(occasions.history(ledger.day_number(as_of_on)), options)
    for card in forecaster.cards:
        ledger.write_card(connection, card, forecaster, version, as_of_on, "current", None)
    return version, ledger.write_predictions(
        connection, forecaster, forecaster.predictions(), occasions.keys, version, as_of_on
    )


def _backcast(
    connection: "psycopg.Connection[Any]",
    occasions: Occasions,
    options: ForecastOptions,
    day: date,
    until: date,
    data: str,
) -> list[PublishedModel]:
    """Fit with what was known on `day`, and write beside it how that compares with what happened until `until`."""
    if day >= until:
        raise UserError(
            f"forecast.backcast_on: {day} is not before {until}, the last day that has been observed.",
            hint="Give a day with some time after it, so that the forecast of that day can be graded.",
        )
    version = ledger.version_of("backcast", day, until, data, options)
    version, is_new = ledger.next_version(connection, "backcast", day, version)
    if is_new:
        history = occasions.history(ledger.day_number(day))
        if not len(history):
            return []  # the shop had not begun: there is nothing to grade
        forecaster = make_forecaster(history, options)
        for card, grades in _graded(forecaster, occasions, until):
            ledger.write_card(connection, card, forecaster, version, day, "backcast", grades)
    return _models(connection, version, day)


def _graded(forecaster: Forecaster, occasions: Occasions, until: date) -> list[tuple[ModelCard, Grades | None]]:
    """Every card with its grades, the rule's among them: no model is read without the baseline beside it."""
    history = forecaster.history
    end = ledger.day_number(until)
    happened, cents = occasions.between(history, end)
    horizon = [end - history.until]
    grades: dict[str, Grades] = {}
    for candidate in forecaster.candidates:
        (prediction,) = forecaster.predictions_by(candidate, horizon)
        grades[candidate.name] = grade(prediction, history, happened, cents, candidate)
    (prediction,) = forecaster.same_rate(horizon)
    grades[SAME_RATE] = grade(prediction, history, happened, cents, None)
    cards = list(forecaster.cards)
    if all(card.model != SAME_RATE for card in cards):
        cards.append(ModelCard(SAME_RATE, len(history), {}, {}, None, is_identified=False, notes=BASELINE))
    return [(card, grades.get(card.model)) for card in cards]


def _models(connection: "psycopg.Connection[Any]", version: str, as_of_on: date) -> list[PublishedModel]:
    return [
        PublishedModel(
            card=ModelCard(
                model=row["model"],
                customers=row["customers"],
                parameters=row["parameters"],
                standard_errors=row["standard_errors"] or {},
                log_likelihood=row["log_likelihood"],
                is_identified=row["is_identified"],
                notes=row["notes"],
            ),
            version=version,
            as_of_on=as_of_on,
            purpose=row["purpose"],
            grades=row["grades"],
        )
        for row in ledger.cards_of(connection, version, as_of_on)
    ]
