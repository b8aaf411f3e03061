"""Was a forecast right: what it said for the customers of a past day, beside what they did afterwards."""

import numpy as np

from retain.forecast.prediction import Prediction
from retain.forecast.purchase_model import PurchaseModel
from retain.forecast.seasons import NO_SEASONS, Seasons
from retain.forecast.statistics import DAYS_A_WEEK, History, IntArray

Grades = dict[str, float | int | str | None]


def grade(
    prediction: Prediction,
    history: History,
    occasions: IntArray,
    cents: IntArray,
    model: PurchaseModel | None,
    seasons: Seasons = NO_SEASONS,
) -> Grades:
    """Grades of one model over one holdout of `prediction.days` days.

    occasions_*        sum over customers, and the correlation customer by customer
    cumulative_*       repeat occasions from each customer's first one to the end of the holdout. Expected: what a new
                       customer makes in as long a time, summed over customers. It uses the parameters and nobody's own
                       past, so it tests the model as a whole (Fader, Hardie & Lee 2005, figure 4)
    value_*            the same for net amount; bias is (expected - actual) / actual
    interval_*         share of customers whose actual value lay in the 80 % interval (coverage), and the mean of what
                       the intervals were said to hold (promised); None without intervals
    no_order_*         share of customers without an order, mean of the probabilities, and Brier score
    """
    actual_value = cents / 100.0
    silent = occasions == 0
    ends = seasons.elapsed(np.full(1, history.until + prediction.days))
    weeks = (ends - seasons.elapsed(history.until - history.t_days)) / DAYS_A_WEEK
    cumulative = float(model.expected_from_start(weeks).sum()) if model else None
    inside = (actual_value >= np.floor(prediction.low * 100) / 100) & (
        actual_value <= np.ceil(prediction.high * 100) / 100
    )
    has_intervals = bool(np.isfinite(prediction.high).all())
    return {
        "holdout_days": prediction.days,
        "customers": len(history),
        "occasions_expected": _rounded(prediction.expected_occasions.sum()),
        "occasions_actual": int(occasions.sum()),
        "occasions_correlation": _correlation(prediction.expected_occasions, occasions.astype(np.float64)),
        "cumulative_repeat_occasions_expected": None if cumulative is None else _rounded(cumulative),
        "cumulative_repeat_occasions_actual": int(history.x.sum() + occasions.sum()),
        "value_expected": _rounded(prediction.value.sum()),
        "value_actual": _rounded(actual_value.sum()),
        "value_bias": _rounded(prediction.value.sum() / actual_value.sum() - 1.0) if actual_value.sum() > 0 else None,
        "value_mean_absolute_error": _rounded(np.abs(prediction.value - actual_value).mean()),
        "value_correlation": _correlation(prediction.value, actual_value),
        "interval_coverage": _rounded(inside.mean()) if has_intervals else None,
        "interval_promised": _rounded(prediction.interval_holds.mean()) if has_intervals else None,
        "no_order_expected": _rounded(prediction.p_no_order.mean()),
        "no_order_actual": _rounded(silent.mean()),
        "no_order_brier": _rounded(((prediction.p_no_order - silent) ** 2).mean()),
    }


def _correlation(expected: np.ndarray, actual: np.ndarray) -> float | None:
    """Pearson's; None where one side does not vary."""
    if len(expected) < 2 or expected.std() == 0 or actual.std() == 0:
        return None
    return _rounded(np.corrcoef(expected, actual)[0, 1])


def _rounded(number: float) -> float:
    return round(float(number), 6)
