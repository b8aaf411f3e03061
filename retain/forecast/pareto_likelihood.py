"""How likely the observed purchases are under Pareto/NBD, with exact first and second derivatives."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, polygamma, psi

from retain.forecast.maximum_likelihood import Evaluation
from retain.forecast.pareto_nbd import ROWS_A_BLOCK, leaving_points, log_terms
from retain.forecast.statistics import States

FloatArray = npt.NDArray[np.float64]


class ParetoLikelihood:
    """Log-likelihood of (r, alpha, s, beta) over states.

    A customer's likelihood is Gamma(r+x)/Gamma(r) · alpha^r times the sum of two parts: still there at T, or left at
    some tau between t_x and T,

        beta^s (alpha+T)^-(r+x) (beta+T)^-s  +  integral of s beta^s (alpha+tau)^-(r+x) (beta+tau)^-(s+1) d tau

    (Fader & Hardie 2005, before the integral becomes a 2F1, whose derivatives by its parameters have no closed form).
    The limits of the integral do not depend on the parameters, so it is differentiated under its sign: the derivatives
    are averages over the moments of leaving, each weighed by how likely it is."""

    names = ("r", "alpha", "s", "beta")

    def __init__(self, states: States) -> None:
        self._states = states
        self._x, of_x = np.unique(states.x, return_inverse=True)
        self._customers_of_x = np.bincount(of_x, weights=states.customers, minlength=len(self._x))

    def thinned(self, states: int) -> "ParetoLikelihood":
        return ParetoLikelihood(self._states.thinned(states // 4))  # a state costs many points here

    def starts(self) -> Sequence[Sequence[float]]:
        occasions, weeks = self._states.customers @ self._states.x, self._states.customers @ self._states.t
        between = max(float(weeks), 1.0) / max(float(occasions), 1.0)
        return [(0.5, 0.6 * between, 0.6, 12.0), (1.5, 1.5 * between, 1.5, 60.0)]

    def of_states(self, parameters: FloatArray) -> FloatArray:
        """Log-likelihood of one customer of each state."""
        r, alpha, s, beta = (float(value) for value in parameters)
        found = np.empty(len(self._states))
        for rows in self._blocks():
            x, t_x, t = self._states.x[rows], self._states.t_x[rows], self._states.t[rows]
            found[rows] = _added(log_terms(r, alpha, s, beta, x, *leaving_points((r, alpha, s, beta), x, t_x, t)))[0]
        return np.asarray(found + gammaln(r + self._states.x) - gammaln(r) + r * np.log(alpha))

    def __call__(self, parameters: FloatArray) -> Evaluation:
        r, alpha, s, beta = (float(value) for value in parameters)
        n, x, everyone = self._customers_of_x, self._x, float(self._customers_of_x.sum())
        value = float(n @ (gammaln(r + x) - gammaln(r))) + everyone * r * np.log(alpha)
        gradient = np.array([n @ (psi(r + x) - psi(r)) + everyone * np.log(alpha), everyone * r / alpha, 0.0, 0.0])
        hessian = np.zeros((4, 4))
        hessian[0, 0] = n @ (polygamma(1, r + x) - polygamma(1, r))
        hessian[0, 1] = everyone / alpha
        hessian[1, 1] = -everyone * r / alpha**2
        for rows in self._blocks():
            block = self._of_leaving(r, alpha, s, beta, rows)
            value, gradient, hessian = value + block.value, gradient + block.gradient, hessian + block.hessian
        return Evaluation(value, gradient, hessian + np.triu(hessian, 1).T)

    def _blocks(self) -> list[slice]:
        return [slice(start, start + ROWS_A_BLOCK) for start in range(0, len(self._states), ROWS_A_BLOCK)]

    def _of_leaving(self, r: float, alpha: float, s: float, beta: float, rows: slice) -> Evaluation:
        """Sum over states of the logarithm of the two parts (upper triangle of the Hessian)."""
        states = self._states
        n, x, t_x, t = states.customers[rows], states.x[rows], states.t_x[rows], states.t[rows]
        moment, log_weight = leaving_points((r, alpha, s, beta), x, t_x, t)
        total, share = _added(log_terms(r, alpha, s, beta, x, moment, log_weight))
        per_bought, per_stayed, rate = 1.0 / (alpha + moment), 1.0 / (beta + moment), (r + x)[:, None]
        has_left = np.ones(moment.shape[1])
        has_left[0] = 0.0
        slopes = (
            np.log(per_bought),
            -rate * per_bought,
            np.log(beta) + np.log(per_stayed) + has_left / s,
            s / beta - (s + has_left) * per_stayed,
        )
        bends = {
            (0, 1): -per_bought,
            (1, 1): rate * per_bought**2,
            (2, 2): np.broadcast_to(-has_left / s**2, moment.shape),
            (2, 3): 1.0 / beta - per_stayed,
            (3, 3): (s + has_left) * per_stayed**2 - s / beta**2,
        }
        means = np.stack([np.einsum("ij,ij->i", share, slope) for slope in slopes])
        hessian = np.zeros((4, 4))
        weighed = share * n[:, None]
        for row in range(4):
            shared = weighed * slopes[row]
            for column in range(row, 4):
                hessian[row, column] = np.vdot(shared, slopes[column]) - (n * means[row]) @ means[column]
        for at, bend in bends.items():
            hessian[at] += np.vdot(weighed, bend)
        return Evaluation(float(n @ total), means @ n, hessian)


def _added(terms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Logarithm of the sum of each row's exponentials, and each one's share of it."""
    largest = terms.max(axis=1, keepdims=True)
    parts = np.exp(terms - largest)
    total = parts.sum(axis=1, keepdims=True)
    return (largest + np.log(total))[:, 0], parts / total
