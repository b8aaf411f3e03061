"""Maximum likelihood for small positive parameter vectors: a bounded search, then Newton to the last digit, then a
check that the data fix the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

FloatArray = npt.NDArray[np.float64]

LOWEST, HIGHEST = 1e-3, 1e4  # a parameter that wants to leave this range has no finite best value in these data
LOOSEST_LOG_ERROR = (
    2.0  # standard error of log(parameter): beyond it the 95 % interval spans a factor of 2,500, so nothing was learnt
)
SMALLEST_CURVATURE = 1e-8  # of the Hessian scaled to a unit diagonal: below it two parameters cannot be told apart
ROUGH_STATES = 1_500  # the search for a start looks at no more states than this
CONVERGED = 1e-11  # expected gain of one more Newton step, in units of log-likelihood, relative to the log-likelihood
NEWTON_STEPS = 50


@dataclass(frozen=True)
class Evaluation:
    """A log-likelihood with its first and second derivatives by the parameters (not their logarithms)."""

    value: float
    gradient: FloatArray
    hessian: FloatArray


class Likelihood(Protocol):
    """What a model must offer to be fitted."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def __call__(self, parameters: FloatArray, /) -> Evaluation: ...

    def thinned(self, states: int) -> "Likelihood":
        """The same likelihood on about so many states, taken evenly: for a start, never for an answer."""
        ...

    def starts(self) -> Sequence[Sequence[float]]:
        """Rough parameters to begin from, the most likely one first."""
        ...


@dataclass(frozen=True)
class Fit:
    """The best parameters found, and whether the data determine them.

    `standard_errors` come from the observed information (the inverse of the negative Hessian) and are NaN where it has
    no inverse. `reason` says in words why a fit is not identified, and is None where it is."""

    names: tuple[str, ...]
    parameters: FloatArray
    standard_errors: FloatArray
    log_likelihood: float
    reason: str | None

    @property
    def is_identified(self) -> bool:
        return self.reason is None


def maximise(likelihood: Likelihood, near: Sequence[float] | None = None) -> Fit:
    """Fit `likelihood`. Never raises for difficult data: what cannot be fitted comes back as not identified, with the
    reason. `near`: the parameters of a fit to almost the same data, from which the top is a few steps away."""
    # One thread: the sums are too short to share, waiting for a second thread on a busy machine cost ten times the work,
    # and a sum must not depend on how many cores there are.
    with threadpool_limits(limits=1, user_api="blas"):
        return _maximise(likelihood, near)


def _maximise(likelihood: Likelihood, near: Sequence[float] | None) -> Fit:
    log_parameters = _newton(likelihood, np.log(near)) if near is not None else None
    if log_parameters is not None:
        return _described(likelihood, log_parameters, converged=True)
    rough = likelihood.thinned(ROUGH_STATES)
    found = max(
        (_search(rough, np.log(start)) for start in likelihood.starts()), key=lambda point: rough(np.exp(point)).value
    )
    log_parameters = _newton(likelihood, found)
    if log_parameters is None:  # the thinned data misled, or the top is flat: search on everything before giving up
        found = _search(likelihood, found)
        log_parameters = _newton(likelihood, found)
    converged = log_parameters is not None
    return _described(likelihood, found if log_parameters is None else log_parameters, converged)


def _described(likelihood: Likelihood, log_parameters: FloatArray, converged: bool) -> Fit:
    best = np.exp(log_parameters)
    evaluation = likelihood(best)
    errors = _standard_errors(best, evaluation)
    reason = _why_not_identified(likelihood.names, best, evaluation, errors, converged)
    return Fit(likelihood.names, best, errors, evaluation.value, reason)


def by_logarithms(parameters: FloatArray, evaluation: Evaluation) -> Evaluation:
    """The same derivatives by the logarithms of the parameters (chain rule)."""
    gradient = parameters * evaluation.gradient
    hessian = np.outer(parameters, parameters) * evaluation.hessian + np.diag(gradient)
    return Evaluation(evaluation.value, gradient, hessian)


def _search(likelihood: Likelihood, start: FloatArray) -> FloatArray:
    def downhill(point: FloatArray) -> tuple[float, FloatArray]:
        evaluation = by_logarithms(np.exp(point), likelihood(np.exp(point)))
        return -evaluation.value, -evaluation.gradient

    low, high = np.log(LOWEST), np.log(HIGHEST)
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7}
    point = minimize(
        downhill,
        np.clip(start, low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=[(low, high)] * len(start),
        options=options,
    ).x
    return np.asarray(point, dtype=np.float64)


def _newton(likelihood: Likelihood, point: FloatArray) -> FloatArray | None:
    """Climb to the top from nearby; None where the surface is not a hill or the top lies outside the bounds."""
    here = by_logarithms(np.exp(point), likelihood(np.exp(point)))
    for _ in range(NEWTON_STEPS):
        try:
            np.linalg.cholesky(-here.hessian)
        except np.linalg.LinAlgError:
            return None
        step = np.linalg.solve(-here.hessian, here.gradient)
        gain = float(here.gradient @ step) / 2
        if gain <= CONVERGED * max(1.0, abs(here.value)) / 1e3:
            return point + step if np.all(np.abs(step) < 1e-3) else point
        step *= min(1.0, 2.0 / np.max(np.abs(step)))
        for _ in range(30):
            there = np.exp(point + step)
            if np.all((there > LOWEST) & (there < HIGHEST)):
                evaluation = by_logarithms(there, likelihood(there))
                if evaluation.value > here.value:
                    break
            step = step / 2
        else:
            return point if gain <= CONVERGED * max(1.0, abs(here.value)) else None
        point, here = point + step, evaluation
    return None


def _standard_errors(parameters: FloatArray, evaluation: Evaluation) -> FloatArray:
    """Square roots of the diagonal of the inverse information; NaN for all when it has none."""
    information = -by_logarithms(parameters, evaluation).hessian + np.diag(parameters * evaluation.gradient)
    try:
        variance = np.diag(np.linalg.inv(information))
    except np.linalg.LinAlgError:
        return np.full(len(parameters), np.nan)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            parameters * np.sqrt(variance), dtype=np.float64
        )  # the inverse is of log scale: back to the parameter's own


def _why_not_identified(
    names: tuple[str, ...], parameters: FloatArray, evaluation: Evaluation, errors: FloatArray, converged: bool
) -> str | None:
    if not np.isfinite(evaluation.value):
        return "the likelihood is not finite"
    at_bound = [
        f"{name} = {value:g}"
        for name, value in zip(names, parameters, strict=True)
        if value < LOWEST * 1.05 or value > HIGHEST / 1.05
    ]
    if at_bound:
        return f"a parameter ran to its bound ({', '.join(at_bound)})"
    curvature = -by_logarithms(parameters, evaluation).hessian
    scale = np.sqrt(np.abs(np.diag(curvature)))
    if np.any(scale == 0) or np.linalg.eigvalsh(curvature / np.outer(scale, scale))[0] < SMALLEST_CURVATURE:
        return "the likelihood is flat around its best point: several sets of parameters explain the data equally well"
    loose = [
        f"{name} = {value:.4g} ± {error:.2g}"
        for name, value, error in zip(names, parameters, errors, strict=True)
        if not error / value <= LOOSEST_LOG_ERROR
    ]
    if loose:
        return f"the data say almost nothing about a parameter ({', '.join(loose)})"
    if not converged:
        return "the search for the best parameters did not settle"
    return None
