"""Which model of purchasing speaks: each is fitted without the shop's last weeks and asked how likely these were."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from retain.forecast.bg_nbd import BgNbd
from retain.forecast.maximum_likelihood import Fit, maximise
from retain.forecast.purchase_model import BY_NAME, IN_ORDER, LIKELIHOOD, Kind, PurchaseModel
from retain.forecast.seasons import (
    FEWEST_DAYS,
    NO_SEASONS,
    Seasons,
    expected_by_day,
    measure_seasons,
    month_of,
)
from retain.forecast.statistics import DAYS_A_WEEK, History, Occasions, states

FloatArray = npt.NDArray[np.float64]

HELD_OUT_DAYS = 90
SHORTEST_HELD_OUT = 14
CLEARLY = 2.0  # standard errors of the difference between two models, customer by customer
FREE_MONTHS = 11  # parameters of seasons: twelve months with a mean of 1
MOST_CUSTOMERS = 60_000  # to compare models; the one that speaks is fitted on all of them


@dataclass(frozen=True)
class InUse:
    """The purchasing model that spoke last: its parameters, the seasons it was fitted with, and its version."""

    model: str
    parameters: tuple[float, ...]
    seasons: Seasons
    version: str


@dataclass(frozen=True)
class HeldOut:
    """The last `days` of a history, and how likely each model, fitted without them, finds what each customer did.

    log_likelihood  by model name, one number a customer who had bought before these days; of fits that did not see them
    as_they_stand   the same of the fits that would speak, by model name, and of the model in use, by version
    """

    from_day: int
    days: int
    log_likelihood: dict[str, FloatArray]
    as_they_stand: dict[str, FloatArray]

    def beats(self, model: str, other: str, errors: float = CLEARLY) -> bool:
        """Whether `model` is better than `other` by more than `errors` standard errors of the difference."""
        mean, error = difference(self.log_likelihood[model], self.log_likelihood[other])
        return mean > errors * error and mean > 0


def difference(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """Mean of one minus the other, and its standard error."""
    apart = one - other
    return float(apart.mean()), float(apart.std() / np.sqrt(len(apart)))


def in_words(errors: float) -> str:
    """The one-sided chance that a difference of so many standard errors is only noise."""
    return f"p = {float(ndtr(-abs(errors))):.2g}"


def fit(kind: Kind, history: History, seasons: Seasons, near: Sequence[float] | None = None) -> Fit:
    """Fit one model to a history."""
    return maximise(LIKELIHOOD[kind.name](states(history, seasons)), near)


def model_of(kind: Kind, parameters: Sequence[float] | FloatArray) -> PurchaseModel:
    return kind(*(float(value) for value in parameters))


def hold_out(
    occasions: Occasions, history: History, seasons: Seasons, fits: dict[str, Fit], in_use: InUse | None = None
) -> HeldOut | None:
    """Judge the `fits` (of the whole history, by name) on its last days by fits of the same kind that did not see them;
    and beside the model in use, as they stand: it has mostly seen these days too, and would win over a fit that has not.
    None when the history is too short to hold anything out."""
    if history.first_day is None:
        return None
    days = min(HELD_OUT_DAYS, (history.until - history.first_day) // 4)
    cut = history.until - days
    before = occasions.history(cut)
    if days < SHORTEST_HELD_OUT or len(before) < 2:
        return None
    after = history.only(np.isin(history.customer, before.customer))
    found, stand = {}, {}
    for name, whole in fits.items():
        stand[name] = _of_customers(name, whole.parameters, before, after, occasions, seasons)
        twin = fit(BY_NAME[name], before, seasons, tuple(whole.parameters))
        if twin.is_identified:
            found[name] = _of_customers(name, twin.parameters, before, after, occasions, seasons)
    if in_use is not None:
        parameters = np.array(in_use.parameters)
        stand[in_use.version] = _of_customers(in_use.model, parameters, before, after, occasions, in_use.seasons)
    return HeldOut(cut + 1, days, found, stand)


def _of_customers(
    name: str, parameters: FloatArray, before: History, after: History, occasions: Occasions, seasons: Seasons
) -> FloatArray:
    """Log-likelihood of what each customer of `before` did until the end of `after`, given the past.

    A likelihood is that of the times of the purchases, so that of the future given the past is a quotient of two."""
    known = _likelihood(name, parameters, before, occasions, seasons)
    return np.asarray(_likelihood(name, parameters, after, occasions, seasons) - known)


def _likelihood(
    name: str, parameters: FloatArray, history: History, occasions: Occasions, seasons: Seasons
) -> FloatArray:
    """Log-likelihood of each customer's repeat occasions until the end of `history`, by the calendar's days: in elapsed
    time an occasion on a busy day is spread thinner, which is taken back."""
    grouped = states(history, seasons)
    found = LIKELIHOOD[name](grouped).of_states(parameters)[grouped.state_of]
    if seasons.is_flat:
        return np.asarray(found)
    counted = occasions.day <= history.until
    counted[occasions.starts] = False
    busy = np.log(np.asarray(seasons.index))[month_of(occasions.day[counted])]
    by_customer = np.bincount(occasions.customer[counted], weights=busy, minlength=len(occasions.keys))
    return np.asarray(found + by_customer[history.customer])


def find_seasons(occasions: Occasions, history: History) -> Seasons:
    """The shop's seasons, where its history is long enough to tell them and what everybody did is clearly likelier with
    them than without, after taking off what eleven more parameters gain by themselves.

    It is not the last weeks that decide: those of a quiet spring say nothing of December."""
    if history.first_day is None or history.until - history.first_day < FEWEST_DAYS:
        return NO_SEASONS
    flat = fit(BgNbd, history, NO_SEASONS)
    seasons = _measured(occasions, history, flat)
    stretched = fit(BgNbd, history, seasons, tuple(flat.parameters))
    if seasons.is_flat or not stretched.is_identified:
        return NO_SEASONS
    gain, error = difference(
        _likelihood(BgNbd.name, stretched.parameters, history, occasions, seasons),
        _likelihood(BgNbd.name, flat.parameters, history, occasions, NO_SEASONS),
    )
    return seasons if gain - FREE_MONTHS / len(history) > CLEARLY * error else NO_SEASONS


def _measured(occasions: Occasions, history: History, flat: Fit) -> Seasons:
    """Busy months beside those of a shop without seasons; then once more, with what such a shop would be by then."""
    if not flat.is_identified:
        return NO_SEASONS
    first = _beside(occasions, history, flat)
    again = fit(BgNbd, history, first, tuple(flat.parameters))
    return _beside(occasions, history, again) if again.is_identified else first


def _beside(occasions: Occasions, history: History, flat: Fit) -> Seasons:
    assert history.first_day is not None
    length = history.until - history.first_day + 1
    known = occasions.day <= history.until
    day = np.bincount(occasions.day[known] - history.first_day, minlength=length).astype(np.float64)
    newcomers = np.bincount(history.until - history.t_days - history.first_day, minlength=length).astype(np.float64)
    ages = np.arange(length) / DAYS_A_WEEK
    expected = expected_by_day(newcomers, model_of(BgNbd, flat.parameters).expected_from_start(ages))
    return measure_seasons(day - newcomers, expected, history.first_day)


def choose(fits: dict[str, Fit], held_out: HeldOut | None) -> str | None:
    """Name of the model that speaks: the first in order that is identified, unless a later one is clearly better on
    what was held out. None when none is identified."""
    chosen: str | None = None
    for kind in IN_ORDER:
        if kind.name not in fits or not fits[kind.name].is_identified:
            continue
        judged = held_out.log_likelihood if held_out else {}
        if chosen is None or (
            held_out and kind.name in judged and (chosen not in judged or held_out.beats(kind.name, chosen))
        ):
            chosen = kind.name
    return chosen
