"""Gamma-Gamma: what a customer spends an occasion, when occasions vary around a mean that differs between customers.

Each occasion of a customer is gamma(p, nu); nu differs between customers as a gamma(q, gamma). Spend does not depend on
how often one buys. It is fitted on the mean of the *repeat* occasions (the first is left out, as the purchasing models
leave it out), of customers who have one.

Source: Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value (equations 1a, 5). gamma is in currency units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, polygamma, psi

from retain.forecast.maximum_likelihood import Evaluation, Fit, maximise
from retain.forecast.statistics import History

FloatArray = npt.NDArray[np.float64]

FEWEST_CUSTOMERS = 50  # repeat customers below which three parameters are guesswork
LEAST_VARIATION = (
    1e-6  # standard deviation of log mean spend: below it everybody spends the same, and there is nothing to model
)
WORST_MEAN = (
    2.0  # a fitted mean this many times the observed one (or this many times too small) is a broken fit, not a finding
)


@dataclass(frozen=True)
class GammaGamma:
    """One set of parameters: p and q are pure numbers, gamma is in currency units."""

    p: float
    q: float
    gamma: float

    name: ClassVar[str] = "gamma_gamma"
    title: ClassVar[str] = "Gamma-Gamma"

    @property
    def mean(self) -> float:
        """Mean spend an occasion over all customers, in currency units; what is expected of one who has not
        repeated."""
        return self.p * self.gamma / (self.q - 1.0)

    def expected_spend(self, x: FloatArray, mean_repeat_spend: FloatArray) -> FloatArray:
        """Expected mean spend of a customer with `x` repeat occasions of `mean_repeat_spend`: between their own mean
        and everybody's."""
        return self.p * (self.gamma + x * mean_repeat_spend) / (self.p * x + self.q - 1.0)


@dataclass(frozen=True)
class SpendFit:
    """`model` is None where the data do not carry one, and `reason` says why. `set_aside` customers had repeats but no
    positive spend."""

    model: GammaGamma | None
    fit: Fit | None
    customers: int
    set_aside: int
    reason: str | None


def fit_spend(history: History) -> SpendFit:
    """Fit on the repeat customers of `history` with positive spend, or refuse with the reason in words. Never raises
    for difficult data."""
    usable = (history.x > 0) & (history.repeat_cents > 0)
    customers, set_aside = int(usable.sum()), int(((history.x > 0) & (history.repeat_cents <= 0)).sum())

    def refused(reason: str, fit: Fit | None = None) -> SpendFit:
        return SpendFit(None, fit, customers, set_aside, reason)

    if customers < FEWEST_CUSTOMERS:
        return refused(
            f"only {customers} customers bought again with a positive amount; the spend model needs {FEWEST_CUSTOMERS}"
        )
    x, spend = history.x[usable].astype(np.float64), history.mean_repeat_spend[usable]
    if np.std(np.log(spend)) < LEAST_VARIATION:
        return refused(
            f"every repeat customer spends the same, {spend[0]:.2f} an occasion: there is no difference to learn from"
        )
    unit = float(np.median(spend))  # rials and dinars alike are fitted near 1, and only then given back their unit
    fit = _in_units(maximise(SpendLikelihood(x, spend / unit)), unit, customers)
    if fit.reason:
        return refused(f"the spend model is not identified: {fit.reason}", fit)
    model = GammaGamma(*(float(value) for value in fit.parameters))
    observed = float(history.repeat_cents[usable].sum() / history.x[usable].sum()) / 100.0
    if model.q <= 1.0:
        return refused(
            f"spend is so uneven that the fitted model has no mean (q = {model.q:.3f}, it must be above 1)", fit
        )
    if not observed / WORST_MEAN <= model.mean <= observed * WORST_MEAN:
        return refused(
            f"the fitted mean spend of {model.mean:.2f} is far from the observed {observed:.2f} an occasion", fit
        )
    return SpendFit(model, fit, customers, set_aside, None)


class SpendLikelihood:
    """Log-likelihood of (p, q, gamma) for customers with `x` > 0 repeat occasions of mean `spend` > 0; gradient and
    Hessian are exact."""

    names = ("p", "q", "gamma")

    def __init__(self, x: FloatArray, spend: FloatArray) -> None:
        self._x, self._spend, self._total = x, spend, x * spend
        self._counts, of_count = np.unique(x, return_inverse=True)
        self._customers = np.bincount(of_count, minlength=len(self._counts)).astype(np.float64)
        self._sum_x, self._sum_log_spend = float(x.sum()), float(np.log(spend).sum())
        self._sum_x_log_total = float((x * np.log(self._total)).sum())

    def thinned(self, states: int) -> "SpendLikelihood":
        every = slice(None, None, max(1, -(-len(self._x) // states)))
        return SpendLikelihood(self._x[every], self._spend[every])

    def starts(self) -> Sequence[Sequence[float]]:
        mean = float(self._total.sum() / self._sum_x)
        return [(2.0, 4.0, 1.5 * mean), (10.0, 3.0, 0.2 * mean)]

    def __call__(self, parameters: FloatArray) -> Evaluation:
        p, q, gamma = (float(value) for value in parameters)
        n, count, everyone = self._customers, self._counts, len(self._x)
        shape, scale = p * count + q, gamma + self._total
        log_scale, per_scale = np.log(scale), 1.0 / scale
        x_log_scale, x_per_scale = float(self._x @ log_scale), float(self._x @ per_scale)
        sum_log_scale, sum_per_scale = float(log_scale.sum()), float(per_scale.sum())
        weight = p * self._x + q
        value = n @ (gammaln(shape) - gammaln(p * count)) - everyone * gammaln(q) + everyone * q * np.log(gamma)
        value += p * self._sum_x_log_total - self._sum_log_spend - p * x_log_scale - q * sum_log_scale
        gradient = np.array(
            [
                n @ (count * (psi(shape) - psi(p * count))) + self._sum_x_log_total - x_log_scale,
                n @ psi(shape) - everyone * psi(q) + everyone * np.log(gamma) - sum_log_scale,
                everyone * q / gamma - float(weight @ per_scale),
            ]
        )
        bend = polygamma(1, shape)
        hessian = np.zeros((3, 3))
        hessian[0, 0] = n @ (count**2 * (bend - polygamma(1, p * count)))
        hessian[0, 1] = hessian[1, 0] = n @ (count * bend)
        hessian[0, 2] = hessian[2, 0] = -x_per_scale
        hessian[1, 1] = n @ bend - everyone * polygamma(1, q)
        hessian[1, 2] = hessian[2, 1] = everyone / gamma - sum_per_scale
        hessian[2, 2] = float(weight @ per_scale**2) - everyone * q / gamma**2
        return Evaluation(float(value), gradient, hessian)


def _in_units(fit: Fit, unit: float, customers: int) -> Fit:
    """Undo the division of spend by `unit`: gamma scales with it, and each customer's density is per currency unit."""
    scale = np.array([1.0, 1.0, unit])
    return Fit(
        fit.names,
        fit.parameters * scale,
        fit.standard_errors * scale,
        fit.log_likelihood - customers * float(np.log(unit)),
        fit.reason,
    )
