"""What the models would have said on a past day, and whether it would have been right: grades without waiting for them."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import psycopg

from retain.errors import UserError
from retain.forecast import due, ledger
from retain.forecast.churn import ChurnModel, train
from retain.forecast.churn.facts import facts_at
from retain.forecast.forecaster import Forecaster, ForecastOptions, ModelCard, make_forecaster
from retain.forecast.graded import Said, baselines, grade_all
from retain.forecast.grading import Grades, grade
from retain.forecast.prediction import HORIZONS
from retain.forecast.reading import day_number, day_of
from retain.forecast.risk import Scores, cards_of_risk
from retain.forecast.same_rate import NAME as SAME_RATE
from retain.forecast.seasons import NO_SEASONS
from retain.forecast.statistics import Occasions

BASELINE = "the baseline that a model has to beat"
BY_ITSELF = (365, 180)  # days back, where nothing is configured: every horizon has closed on one of them
WARMING_UP = 180  # days of history before a day that is chosen without being asked


def backcast_days(
    connection: psycopg.Connection[Any], asked: Sequence[date], occasions: Occasions, until: date
) -> list[tuple[date, bool]]:
    """The past days to forecast, oldest first, and whether each was asked for. A ledger without any is given some:
    those of an earlier run stay as they are. Raises UserError when nobody had bought yet on a day that was asked for."""
    begins = day_of(int(occasions.day.min())) if len(occasions.day) else None
    if begins and asked and min(asked) < begins:
        raise UserError(
            f"forecast.backcast_on: {min(asked)} is before {begins}, the day of the first purchase.",
            hint="Give a day on which there was somebody to forecast, or leave the line out: a year and half a year ago are taken.",
        )
    chosen = ledger.backcast_days(connection, until)
    if not chosen and begins:
        chosen = [until - timedelta(days=back) for back in (BY_ITSELF[:1] if asked else BY_ITSELF)]
        chosen = [day for day in chosen if (day - begins).days >= WARMING_UP]
        if any((until - day).days >= BY_ITSELF[0] for day in asked):
            chosen = []
    return sorted([(day, True) for day in asked] + [(day, False) for day in chosen if day not in asked])


def make_backcast(
    connection: psycopg.Connection[Any],
    occasions: Occasions,
    options: ForecastOptions,
    day: date,
    until: date,
    data: str,
    is_asked: bool,
) -> str | None:
    """Fit with what was known on `day`, write beside it how that compares with what happened until `until`, and return
    the version. A day that was not asked for is done once and for all. None where nobody has bought by then."""
    if day >= until:
        raise UserError(
            f"forecast.backcast_on: {day} is not before {until}, the last day that has been observed.",
            hint="Give a day with some time after it, so that the forecast of that day can be graded.",
        )
    if not is_asked and (known := ledger.newest_backcast(connection, day)):
        return known
    version = ledger.version_of("backcast", day, until, data, options)
    version, is_new = ledger.next_version(connection, "backcast", day, version)
    if not is_new:
        return version
    if not len(occasions.history(day_number(day))):
        return None  # the shop had not begun: there is nothing to grade
    forecaster = make_forecaster(occasions, day_number(day), options)
    churn = train(occasions, forecaster)
    for card, grades in _graded(forecaster, occasions, until):
        ledger.write_card(connection, card, forecaster, version, day, "backcast", grades)
    for card in cards_of_risk(churn):
        ledger.write_card(connection, card, forecaster, version, day, "backcast", None)
    for days, said in _closed(forecaster, churn, occasions, until):
        happened, cents = occasions.between(forecaster.history, day_number(day) + days)
        due.write_grades(connection, grade_all(said, happened, cents), day, version, days, "backcast")
    return version


def _closed(
    forecaster: Forecaster, churn: ChurnModel, occasions: Occasions, until: date
) -> Iterator[tuple[int, list[Said]]]:
    """What was said for each horizon that has closed by `until`: as it would have been published, by the purchasing model
    alone, and by the baselines."""
    history = forecaster.history
    scores = Scores(churn, forecaster, facts_at(occasions, history), occasions)
    horizons = [days for days in HORIZONS if history.until + days <= day_number(until)]
    for prediction in forecaster.predictions(horizons):
        p, name = scores.risk(prediction)
        said = [Said(name, p, is_published=True)]
        if name != forecaster.model:
            said.append(Said(forecaster.model, prediction.p_no_order))
        value = (prediction.value, prediction.low, prediction.high, prediction.interval_holds)
        said.append(Said(forecaster.model, None, *value, is_published=True))
        naive = baselines(occasions, history, prediction.days)
        yield prediction.days, [*said, *(one for one in naive if one.model != forecaster.model)]


def _graded(forecaster: Forecaster, occasions: Occasions, until: date) -> list[tuple[ModelCard, Grades | None]]:
    """Every card with its grades over all days since, the rule's among them: no model is read without the baseline
    beside it."""
    history = forecaster.history
    end = day_number(until)
    happened, cents = occasions.between(history, end)
    horizon = [end - history.until]
    grades: dict[str, Grades] = {}
    for name, candidate in forecaster.candidates.items():
        speaks = candidate is forecaster.purchases  # intervals cost most, and only one model's are published
        (prediction,) = forecaster.predictions_by(candidate, horizon, intervals=speaks)
        grades[name] = grade(prediction, history, happened, cents, candidate, forecaster.seasons)
    (prediction,) = forecaster.same_rate(horizon)
    grades[SAME_RATE] = grade(prediction, history, happened, cents, None, NO_SEASONS)
    cards = list(forecaster.cards)
    if all(card.model != SAME_RATE for card in cards):
        cards.append(ModelCard(SAME_RATE, len(history), {}, {}, None, is_identified=False, notes=BASELINE))
    return [(card, grades.get(card.model)) for card in cards]
