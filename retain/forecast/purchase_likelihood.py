"""How likely the observed purchases are under BG/NBD or MBG/NBD, with exact first and second derivatives."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import expit, gammaln, polygamma, psi

from retain.forecast.maximum_likelihood import Evaluation
from retain.forecast.statistics import States

FloatArray = npt.NDArray[np.float64]


class PurchaseLikelihood:
    """Log-likelihood of (r, alpha, a, b) over states; `chances_at_start` is 0 for BG/NBD and 1 for MBG/NBD.

    With m = x + chances_at_start, a customer's likelihood is (Fader, Hardie & Lee 2005, equation 6, rearranged)

        Gamma(r+x)/Gamma(r) · alpha^r/(alpha+T)^(r+x) · B(a, b+m)/B(a, b) · (1 + Q),
        Q = [m > 0] · a/(b+m-1) · ((alpha+T)/(alpha+t_x))^(r+x),

    the odds of having left. Everything is kept in logarithms, so no count is too large. Gamma functions are taken once
    a different x; what is left is a few passes over the states."""

    names = ("r", "alpha", "a", "b")

    def __init__(self, states: States, chances_at_start: int = 0) -> None:
        self._states, self._chances = states, chances_at_start
        self._x, of_x = np.unique(states.x, return_inverse=True)
        self._customers_of_x = np.bincount(of_x, weights=states.customers, minlength=len(self._x))
        first = int(
            np.searchsorted(states.x, 1.0 - chances_at_start)
        )  # states are sorted by x: those who could have left are a tail of them
        self._could_leave = slice(first, None)

    def thinned(self, states: int) -> "PurchaseLikelihood":
        return PurchaseLikelihood(self._states.thinned(states), self._chances)

    def starts(self) -> Sequence[Sequence[float]]:
        occasions, weeks = self._states.customers @ self._states.x, self._states.customers @ self._states.t
        between = max(float(weeks), 1.0) / max(float(occasions), 1.0)  # weeks between occasions, if nobody had left
        return [(0.5, 0.5 * between, 0.8, 2.5), (2.0, 2.0 * between, 0.3, 3.0)]

    def of_states(self, parameters: FloatArray) -> FloatArray:
        """Log-likelihood of one customer of each state."""
        r, alpha, a, b = (float(value) for value in parameters)
        x, t_x, t = self._states.x, self._states.t_x, self._states.t
        m = x + self._chances
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = np.log(a) - np.log(b + m - 1) + (r + x) * np.log((alpha + t) / (alpha + t_x))
            left = np.where(m > 0, np.logaddexp(0.0, odds), 0.0)  # where m = 0 the odds are no number
        counts = gammaln(r + x) - gammaln(r) + gammaln(b + m) - gammaln(b) + gammaln(a + b) - gammaln(a + b + m)
        return np.asarray(counts + r * np.log(alpha) - (r + x) * np.log(alpha + t) + left)

    def __call__(self, parameters: FloatArray) -> Evaluation:
        parts = (self._of_counts(parameters), self._of_silence(parameters), self._of_having_left(parameters))
        upper = np.sum([part.hessian for part in parts], axis=0)
        return Evaluation(
            value=sum(part.value for part in parts),
            gradient=np.sum([part.gradient for part in parts], axis=0),
            hessian=upper + np.triu(upper, 1).T,
        )

    def _of_counts(self, parameters: FloatArray) -> Evaluation:
        """The terms that depend on x alone (upper triangle of the Hessian, as below)."""
        r, alpha, a, b = parameters
        n, x = self._customers_of_x, self._x
        m, everyone = x + self._chances, self._customers_of_x.sum()
        value = everyone * r * np.log(alpha)
        value += n @ (gammaln(r + x) - gammaln(r) + gammaln(b + m) - gammaln(b) + gammaln(a + b) - gammaln(a + b + m))
        to_stay = n @ (psi(a + b) - psi(a + b + m))
        gradient = np.array(
            [
                everyone * np.log(alpha) + n @ (psi(r + x) - psi(r)),
                everyone * r / alpha,
                to_stay,
                to_stay + n @ (psi(b + m) - psi(b)),
            ]
        )
        to_stay = n @ (polygamma(1, a + b) - polygamma(1, a + b + m))
        hessian = np.zeros((4, 4))
        hessian[0, 0] = n @ (polygamma(1, r + x) - polygamma(1, r))
        hessian[0, 1] = everyone / alpha
        hessian[1, 1] = -everyone * r / alpha**2
        hessian[2, 2] = hessian[2, 3] = to_stay
        hessian[3, 3] = to_stay + n @ (polygamma(1, b + m) - polygamma(1, b))
        return Evaluation(float(value), gradient, hessian)

    def _of_silence(self, parameters: FloatArray) -> Evaluation:
        """-(r + x) log(alpha + T): bought x times and was quiet the rest of the time."""
        r, alpha = parameters[:2]
        n, watched = self._states.customers, alpha + self._states.t
        log_watched, weight = np.log(watched), n * (r + self._states.x)
        per_week = 1.0 / watched
        hessian = np.zeros((4, 4))
        hessian[0, 1] = -(n @ per_week)
        hessian[1, 1] = weight @ per_week**2
        gradient = np.array([-(n @ log_watched), -(weight @ per_week), 0.0, 0.0])
        return Evaluation(-float(weight @ log_watched), gradient, hessian)

    def _of_having_left(self, parameters: FloatArray) -> Evaluation:
        """log(1 + Q), for those who could have left."""
        r, alpha, a, b = parameters
        n, x, t_x, t = (
            column[self._could_leave]
            for column in (self._states.customers, self._states.x, self._states.t_x, self._states.t)
        )
        rate, stays = r + x, b + x + (self._chances - 1.0)
        per_watched, per_seen = 1.0 / (alpha + t), 1.0 / (alpha + t_x)
        longer, sooner = np.log(per_seen) - np.log(per_watched), per_watched - per_seen
        odds = np.log(a) - np.log(stays) + rate * longer
        slopes = (longer, rate * sooner, np.full_like(x, 1.0 / a), -1.0 / stays)
        left = expit(odds)
        n_left = n * left
        doubt = n_left * (1.0 - left)
        hessian = np.zeros((4, 4))
        for row in range(4):
            weighted = doubt * slopes[row]
            for column in range(row, 4):
                hessian[row, column] = weighted @ slopes[column]
        hessian[0, 1] += n_left @ sooner
        hessian[1, 1] += n_left @ (rate * (per_seen**2 - per_watched**2))
        hessian[2, 2] -= n_left.sum() / a**2
        hessian[3, 3] += n_left @ slopes[3] ** 2
        return Evaluation(float(n @ np.logaddexp(0.0, odds)), np.array([n_left @ slope for slope in slopes]), hessian)
