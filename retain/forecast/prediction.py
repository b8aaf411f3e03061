"""From fitted models to what is expected of every customer over a horizon."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retain.forecast.gamma_gamma import GammaGamma
from retain.forecast.outcomes import simulate
from retain.forecast.purchase_model import PurchaseModel
from retain.forecast.seasons import NO_SEASONS, Seasons
from retain.forecast.statistics import History, States

FloatArray = npt.NDArray[np.float64]

HORIZONS = (30, 90, 180, 365)
DAYS_A_YEAR = 365.0
INTERVAL = 0.8
SMALLEST_SCALE = 1e-9  # currency units, of a customer who is not expected to spend anything
NODES_OF_DISCOUNT = 4  # Gauss-Legendre points: the discount of a year is then right to nine digits


@dataclass(frozen=True)
class Prediction:
    """One horizon of `days`, one entry a customer of the history, in its order. Everything is finite but `p_alive`,
    which is NaN under a rule that knows no such thing.

    expected_occasions  mean number of occasions in the horizon
    expected_spend      mean net amount of an occasion, currency units
    value               expected_occasions · expected_spend
    low, high           80 % of outcomes lie between them, or more (see `interval_levels`); `value` always does too
    interval_holds      probability that the models give to an outcome from `low` to `high`
    discounted          value, every occasion discounted from the day it is expected on
    p_no_order          probability of no occasion in the horizon
    """

    days: int
    p_alive: FloatArray
    expected_occasions: FloatArray
    expected_spend: FloatArray
    value: FloatArray
    low: FloatArray
    high: FloatArray
    interval_holds: FloatArray
    discounted: FloatArray
    p_no_order: FloatArray


def predict(
    model: PurchaseModel,
    spend: GammaGamma | None,
    history: History,
    states: States,
    *,
    discount_rate: float,
    seed: int,
    horizons: Sequence[int] = HORIZONS,
    seasons: Seasons = NO_SEASONS,
    intervals: bool = True,
) -> Iterator[Prediction]:
    """One prediction a horizon, made when asked for, so that only one is in memory. `seasons` are those of `states`;
    without `intervals`, which cost most, everything about them is NaN.

    Without a `spend` model a customer's spend is their own mean over all occasions. `discount_rate` is a year's: money
    that comes after d days counts (1 + rate)^(-d/365), continuously in d."""
    known = _Known(
        p_alive=model.p_alive(states.x, states.t_x, states.t),
        pairs=_pairs(states),
        expected_spend=_expected_spend(spend, history),
        discount_rate=discount_rate,
        seed=seed,
        seasons=seasons,
        intervals=intervals,
    )
    for days in horizons:
        yield _one_horizon(days, model, spend, history, states, known)


@dataclass(frozen=True)
class _Known:
    """What all horizons share."""

    p_alive: FloatArray
    pairs: "_Pairs"
    expected_spend: FloatArray
    discount_rate: float
    seed: int
    seasons: Seasons
    intervals: bool


def _expected_spend(spend: GammaGamma | None, history: History) -> FloatArray:
    if spend is None:
        return np.maximum(history.mean_spend, 0.0)
    counted = np.where(history.repeat_cents > 0, history.x, 0)  # repeats without an amount say nothing of spend
    return spend.expected_spend(counted.astype(np.float64), history.mean_repeat_spend)


def _one_horizon(
    days: int, model: PurchaseModel, spend: GammaGamma | None, history: History, states: States, known: _Known
) -> Prediction:
    weeks, of_customer = known.seasons.weeks_ahead(history.until, days), states.state_of
    pairs, p_alive = known.pairs, known.p_alive
    occasions = (p_alive * model.occasions_if_alive(pairs.x, pairs.t, weeks)[pairs.pair_of])[of_customer]
    discounted = (p_alive * _discounted(model, pairs, history.until, days, known)[pairs.pair_of])[of_customer]
    value = occasions * known.expected_spend
    p_no_order = model.p_no_order(states.x, states.t_x, states.t, weeks)
    low = high = holds = np.full(len(history), np.nan)
    if known.intervals:
        low, high, holds = _interval(model, spend, history, states, known, p_no_order, weeks, value)
    return Prediction(
        days=days,
        p_alive=p_alive[of_customer],
        expected_occasions=occasions,
        expected_spend=known.expected_spend,
        value=value,
        low=low,
        high=high,
        interval_holds=holds,
        discounted=discounted * known.expected_spend,
        p_no_order=p_no_order[of_customer],
    )


def _interval(
    model: PurchaseModel,
    spend: GammaGamma | None,
    history: History,
    states: States,
    known: _Known,
    p_no_order: FloatArray,
    weeks: float,
    value: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Both ends and what lies between them, one a customer: quantiles of the state, times the customer's scale (see
    `outcomes`), and stretched where they leave out the mean `value`."""
    outcomes = simulate(model, spend, states.x, states.t, weeks, known.seed)
    # gamma + x·mean, written so that it also holds for a customer whose repeats were set aside.
    scale = 1.0 if spend is None else (spend.p * history.x + spend.q - 1.0) / spend.p
    scale = scale * known.expected_spend
    low, high = (np.where(level > 0, outcomes.quantile(level), 0.0) for level in interval_levels(p_no_order))
    low, high, nothing = low[states.state_of] * scale, high[states.state_of] * scale, p_no_order[states.state_of]
    holds = np.maximum(INTERVAL, nothing)
    stretched = np.flatnonzero((low > value) | (high < value))
    low, high = np.minimum(low, value), np.maximum(high, value)
    of, unit = states.state_of[stretched], np.maximum(np.broadcast_to(scale, low.shape)[stretched], SMALLEST_SCALE)
    share = outcomes.share_up_to(high[stretched] / unit, of)
    left_out = np.where(low[stretched] > 0, outcomes.share_up_to(low[stretched] / unit, of), 0.0)
    below = np.where(low[stretched] > 0, nothing[stretched], 0.0)
    holds[stretched] = nothing[stretched] - below + (1.0 - nothing[stretched]) * (share - left_out)
    return low, high, holds


def interval_levels(p_no_order: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The two ends of the 80 % interval as probabilities *given at least one order*; 0 where the end is "nothing at
    all".

    Usually a tenth is left out on either side. Where no order at all has a chance of a tenth or more, nothing is the
    lowest outcome there is: the interval starts at 0 and leaves out the highest fifth. Where that chance is above 80 %,
    0 alone already holds 80 %."""
    tail = (1.0 - INTERVAL) / 2
    orders = np.maximum(1.0 - p_no_order, 1e-12)
    from_nothing = p_no_order >= tail
    lower = np.where(from_nothing, 0.0, (tail - p_no_order) / orders)
    upper = (np.where(from_nothing, INTERVAL, 1.0 - tail) - p_no_order) / orders
    return lower, np.maximum(upper, 0.0)


@dataclass(frozen=True)
class _Pairs:
    """The different (x, T): what becomes of a customer who has not left depends on nothing else. `pair_of` each state."""

    x: FloatArray
    t: FloatArray
    pair_of: npt.NDArray[np.int64]


def _pairs(states: States) -> _Pairs:
    together = states.x * 1e9 + np.round(states.t * 1e3)  # x and T, exact in a double; T to a thousandth of a week
    _, first, pair_of = np.unique(together, return_index=True, return_inverse=True)
    return _Pairs(states.x[first], states.t[first], pair_of)


def _discounted(model: PurchaseModel, pairs: _Pairs, until: int, days: int, known: _Known) -> FloatArray:
    """Expected occasions of a customer who has not left, each discounted from its day.

    By parts: the integral of discount · d expected is the discounted end plus force · the integral of discount · expected.
    """
    rate, ahead = known.discount_rate, known.seasons.weeks_ahead
    force = np.log1p(rate) / DAYS_A_YEAR
    total = np.exp(-force * days) * model.occasions_if_alive(pairs.x, pairs.t, ahead(until, days))
    points, weights = np.polynomial.legendre.leggauss(NODES_OF_DISCOUNT if rate > 0 else 1)
    for point, weight in zip((points + 1) / 2 * days, weights / 2 * days, strict=True):
        expected = model.occasions_if_alive(pairs.x, pairs.t, ahead(until, point))
        total = total + force * weight * np.exp(-force * point) * expected
    return np.asarray(total)
