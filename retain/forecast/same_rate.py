"""`same_rate_as_before`: the rule that is used where no model can be trusted, and the baseline that every model has to
beat."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import pdtr, pdtrik

from retain.forecast.prediction import DAYS_A_YEAR, HORIZONS, Prediction, interval_levels
from retain.forecast.statistics import History

FloatArray = npt.NDArray[np.float64]

NAME = "same_rate_as_before"
TITLE = "Same rate as before"
SHARED_DAYS = 90.0


def shared_rate(x: npt.ArrayLike, t_days: npt.ArrayLike, shop: float) -> FloatArray:
    """Repeat occasions a day of customers with `x` of them in `t_days`, as if watched for another 90 days at the `shop`'s
    own average rate."""
    return np.asarray((np.asarray(x) + SHARED_DAYS * shop) / (np.asarray(t_days) + SHARED_DAYS))


def shop_rate(history: History) -> float:
    """Repeat occasions a customer and day."""
    watched = float(history.t_days.sum())
    return float(history.x.sum()) / watched if watched > 0 else 0.0


def predict_same_rate(
    history: History, *, discount_rate: float, horizons: Sequence[int] = HORIZONS
) -> Iterator[Prediction]:
    """A customer goes on repeating as often as before, at the mean spend of before; nobody ever leaves.

    The rate is the customer's repeat occasions over the days since the first one, as if everybody had been watched for
    another 90 days at the shop's own average rate: somebody who bought twice this week is not expected to buy a hundred
    times a year, and somebody who came for the first time yesterday is not expected to stay away for ever. Occasions
    are Poisson around it."""
    rate = shared_rate(history.x, history.t_days, shop_rate(history))
    spend = np.maximum(history.mean_spend, 0.0)
    force = np.log1p(discount_rate) / DAYS_A_YEAR
    for days in horizons:
        expected = rate * days
        p_no_order = np.exp(-expected)
        lower, upper = interval_levels(p_no_order)
        orders = 1.0 - p_no_order
        low, high = (
            np.where(level > 0, np.ceil(pdtrik(np.clip(p_no_order + level * orders, 0, 1), expected)), 0.0)
            for level in (lower, upper)
        )
        low, high = np.minimum(np.nan_to_num(low), expected), np.maximum(np.nan_to_num(high), expected)
        below = np.where(low > 0, pdtr(np.ceil(low) - 1.0, expected), 0.0)
        value = expected * spend
        yield Prediction(
            days=days,
            p_alive=np.full(len(history), np.nan),
            expected_occasions=expected,
            expected_spend=spend,
            value=value,
            low=low * spend,
            high=high * spend,
            interval_holds=pdtr(np.floor(high), expected) - below,
            discounted=value * (-np.expm1(-force * days) / (force * days) if force > 0 else 1.0),
            p_no_order=p_no_order,
        )
