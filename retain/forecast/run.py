"""One forecast of a shop: read purchases, fit, grade against the past, publish to the ledger."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from retain.forecast import due, ledger, promotions
from retain.forecast.backcast import backcast_days, make_backcast
from retain.forecast.churn import train
from retain.forecast.churn.facts import facts_at
from retain.forecast.drift import REFERENCE_DAYS, measure
from retain.forecast.forecaster import ForecastOptions, ModelCard, make_forecaster
from retain.forecast.grading import Grades
from retain.forecast.reading import day_number, fingerprint, read_occasions
from retain.forecast.risk import Scores, cards_of_risk
from retain.forecast.same_rate import NAME as SAME_RATE
from retain.forecast.statistics import Occasions

if TYPE_CHECKING:
    from retain.config import Settings


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
    """What the ledger now says about this day: `model` speaks; `is_new` tells whether this run wrote anything.

    graded     horizons that had come due and were graded by this run
    decisions  (role, is_promoted, reason) of this version
    drifted    (name, stability index, level) of what has moved since a past day, what has not left out
    """

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
    graded: int
    decisions: tuple[tuple[str, bool, str], ...]
    drifted: tuple[tuple[str, float, str], ...]

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
    """Forecast as of `settings.as_of_on`, grade what has come due and the back-casts, and append what is new to the
    ledger, in one transaction.

    The same purchases, options and day are recognised by their version: nothing is fitted or written again. A first
    installation back-casts at past days by itself, so that its forecasts have grades at once.
    Raises UserError when the purchases have not been built or a back-cast day lies outside them.
    """
    say = progress or (lambda text: None)
    started = time.perf_counter()
    options, as_of_on = options_of(settings), settings.as_of_on
    until = settings.observed_until_on - timedelta(days=1)
    with connection.transaction():
        ledger.lock(connection)
        say("reading purchases")
        occasions = read_occasions(connection, as_of_on)
        data = fingerprint(occasions)
        coming_due = due.find(connection, min(until, as_of_on))
        for number, one in enumerate(coming_due, 1):
            say(f"grading the {one.days} days after {one.as_of_on} ({number} of {len(coming_due)})")
            due.grade_due(connection, one, occasions)
        published = []
        for day, is_asked in backcast_days(connection, settings.forecast.backcast_on, occasions, until):
            say(f"back-casting at {day}")
            version = make_backcast(connection, occasions, options, day, until, data, is_asked)
            published += _models(connection, version, day) if version else []
        say("fitting and scoring")
        version, rows = _publish(connection, occasions, options, as_of_on, data, say)
        published += _models(connection, version, as_of_on)
        if (keep := settings.forecast.keep_days) is not None:
            ledger.forget(connection, as_of_on - timedelta(days=keep))
        totals = ledger.totals_of(connection, version, as_of_on)
        decisions = promotions.decisions_of(connection, version, as_of_on)
        drifted = ledger.drift_of(connection, version, as_of_on)
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
        graded=len(coming_due),
        decisions=tuple((row["role"], row["is_promoted"], row["reason"]) for row in decisions),
        drifted=tuple((row["name"], row["stability_index"], row["level"]) for row in drifted),
    )


def _publish(
    connection: "psycopg.Connection[Any]",
    occasions: Occasions,
    options: ForecastOptions,
    as_of_on: date,
    data: str,
    say: Callable[[str], None],
) -> tuple[str, int]:
    """The version that stands for this day and these data, and how many predictions had to be written for it."""
    version = ledger.version_of("current", as_of_on, None, data, options)
    version, is_new = ledger.next_version(connection, "current", as_of_on, version)
    if not is_new or not len(occasions.keys):
        return version, 0
    until = day_number(as_of_on)
    forecaster = make_forecaster(occasions, until, options, promotions.purchases_in_use(connection, version, as_of_on))
    say("learning who stays silent")
    churn = train(occasions, forecaster, promotions.silence_in_use(connection, version, as_of_on))
    for card in [*forecaster.cards, *cards_of_risk(churn)]:
        ledger.write_card(connection, card, forecaster, version, as_of_on, "current", None)
    promotions.write(connection, forecaster, churn, version, as_of_on)
    facts = facts_at(occasions, forecaster.history)
    scores = Scores(churn, forecaster, facts, occasions)
    say("writing predictions")
    predictions = forecaster.predictions()
    rows = ledger.write_predictions(connection, forecaster, predictions, scores.risk, occasions.keys, version, as_of_on)
    say("finding reasons")
    ledger.write_reasons(connection, scores.reasons(), version, as_of_on)
    before = facts_at(occasions, occasions.history(until - REFERENCE_DAYS))
    due.write_drift(connection, measure(churn, before, facts, occasions.channels), version, as_of_on)
    return version, rows


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
