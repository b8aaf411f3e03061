"""Pareto/NBD: customers buy at a rate of their own until they leave for good, at any time and without saying so.

A customer buys at random with rate lambda (a week) and leaves with rate mu; lambda differs between customers as a
gamma(r, alpha), mu as a gamma(s, beta), independently. Known of a customer is x (repeat occasions), t_x (weeks from
the first occasion to the last) and T (weeks from the first occasion until today).

Sources: Schmittlein, Morrison & Colombo (1987), Counting Your Customers, Management Science 33(1); Fader & Hardie
(2005), A Note on Deriving the Pareto/NBD Model and Related Expressions.
All times are weeks. Arrays broadcast; results are float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

FloatArray = npt.NDArray[np.float64]

NODES = 20  # Gauss-Legendre points over the moment of leaving: ten digits, see the tests against the closed form
POINT, WEIGHT = (
    (part + offset) / 2 for part, offset in zip(np.polynomial.legendre.leggauss(NODES), (1, 0), strict=True)
)
SMOOTH_POINT, SMOOTH_WEIGHT = (
    (part + offset) / 2 for part, offset in zip(np.polynomial.legendre.leggauss(10), (1, 0), strict=True)
)
ENOUGH = 30.0  # e^-30 is 1e-13
ROWS_A_BLOCK = 20_000  # rows times points then fit a processor's cache


@dataclass(frozen=True)
class ParetoNbd:
    """One set of parameters: r and s are pure numbers, alpha and beta are in weeks."""

    r: float
    alpha: float
    s: float
    beta: float

    name: ClassVar[str] = "pareto_nbd"
    title: ClassVar[str] = "Pareto/NBD"

    def p_alive(self, x: FloatArray, t_x: FloatArray, t: FloatArray) -> FloatArray:
        """Probability of not having left by T; below 1 for one-time buyers too, as anybody can leave at any time."""
        x, t_x, t = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (x, t_x, t)))
        alive = np.empty(x.shape)
        for start in range(0, x.size, ROWS_A_BLOCK):
            rows = slice(start, start + ROWS_A_BLOCK)
            parts = (x.ravel()[rows], t_x.ravel()[rows], t.ravel()[rows])
            moment, log_weight = leaving_points((self.r, self.alpha, self.s, self.beta), *parts)
            terms = log_terms(self.r, self.alpha, self.s, self.beta, parts[0], moment, log_weight)
            alive.ravel()[rows] = 1.0 / np.exp(terms - terms[:, :1]).sum(axis=1)
        return alive

    def occasions_if_alive(self, x: FloatArray, t: FloatArray, weeks: FloatArray | float) -> FloatArray:
        """Expected occasions in the next `weeks` of a customer who has not left (Fader & Hardie, equation 41)."""
        watched = self.beta + np.asarray(t, dtype=np.float64)
        stays = np.log(watched) - np.log(watched + weeks)
        power = self.s - 1.0
        share = -stays if abs(power) < 1e-9 else -np.expm1(power * stays) / power
        return np.asarray((self.r + x) * watched / (self.alpha + t) * share)

    def expected_occasions(
        self, x: FloatArray, t_x: FloatArray, t: FloatArray, weeks: FloatArray | float
    ) -> FloatArray:
        """Expected occasions in the next `weeks`, given the customer's past."""
        return self.p_alive(x, t_x, t) * self.occasions_if_alive(x, t, weeks)

    def p_order_if_alive(self, x: FloatArray, t: FloatArray, weeks: FloatArray | float) -> FloatArray:
        """Probability of at least one occasion in the next `weeks` of a customer who has not left."""
        return self.p_more_than(np.zeros(1), x, t, weeks)

    def p_no_order(self, x: FloatArray, t_x: FloatArray, t: FloatArray, weeks: FloatArray | float) -> FloatArray:
        """Probability of no occasion in the next `weeks`: having left, leaving before the next one, or not buying."""
        return 1.0 - self.p_alive(x, t_x, t) * self.p_order_if_alive(x, t, weeks)

    def expected_from_start(self, weeks: FloatArray) -> FloatArray:
        """Expected repeat occasions of a new customer in the `weeks` after the first occasion."""
        weeks = np.asarray(weeks, dtype=np.float64)
        nothing_yet = np.zeros_like(weeks)
        return self.occasions_if_alive(nothing_yet, nothing_yet, weeks)

    def p_more_than(
        self, occasions: FloatArray, x: FloatArray | float, t: FloatArray, weeks: FloatArray | float
    ) -> FloatArray:
        """Probability that a customer who has not left has more than `occasions` occasions (0, 1, ...) in the next
        `weeks`.

        The time left to buy is the smaller of `weeks` and a Pareto(s, beta + T) lifetime; given it, the occasions are
        negative binomial. The lifetime is integrated over its own distribution function, where it is smooth."""
        weeks = np.asarray(weeks, dtype=np.float64)
        rate, watched, known = self.r + x, self.beta + np.asarray(t), self.alpha + np.asarray(t)
        leaves = -np.expm1(self.s * (np.log(watched) - np.log(watched + weeks)))  # before the horizon ends
        exceeds = (1.0 - leaves) * betainc(occasions + 1.0, rate, weeks / (known + weeks))
        for point, weight in zip(SMOOTH_POINT, SMOOTH_WEIGHT, strict=True):
            left = np.minimum(watched * np.expm1(-np.log1p(-leaves * point) / self.s), weeks)
            exceeds = exceeds + weight * leaves * betainc(occasions + 1.0, rate, left / (known + left))
        return np.asarray(exceeds)


def leaving_points(
    parameters: Sequence[float], x: FloatArray, t_x: FloatArray, t: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Moments in (t_x, T) at which a customer may have left, and the logarithms of their weights: `[state, 1 + point]`.

    The first column is T itself with weight 1, for a customer who has not left. The points are Gauss-Legendre in
    log(m + tau), m the smaller of alpha and beta, in which the density of leaving falls off like an exponential; where
    it has fallen by e^-30 before T, they stop there."""
    r, alpha, s, beta = parameters
    m = min(alpha, beta)
    start = np.log(m + t_x)
    length = np.log(m + t) - start

    def fallen(end: FloatArray) -> tuple[FloatArray, FloatArray]:
        """By how many logarithms the density has fallen from the start to `end`, and how fast it is falling there."""
        moment = np.exp(start + end) - m
        bought, stayed = alpha + moment, beta + moment
        fall = (r + x) * np.log(bought / (alpha + t_x)) + (s + 1.0) * np.log(stayed / (beta + t_x)) - end
        return fall, (m + moment) * ((r + x) / bought + (s + 1.0) / stayed) - 1.0

    slowest = (m + t_x) * ((r + x) / (alpha + t_x) + (s + 1.0) / (beta + t_x)) - 1.0
    length = np.minimum(length, ENOUGH / np.maximum(slowest, 1e-9))
    steep = np.flatnonzero(slowest * length > ENOUGH / 4)
    for _ in range(3):  # Newton from above on a convex function: never too short
        if not len(steep):
            break
        fall, speed = (part[steep] for part in fallen(length))
        length[steep] -= np.maximum(fall - ENOUGH, 0.0) / speed
    grown = np.exp(start[:, None] + length[:, None] * POINT)
    moment, log_weight = np.empty((len(x), NODES + 1)), np.zeros((len(x), NODES + 1))
    moment[:, 0] = t
    moment[:, 1:] = grown - m
    with np.errstate(divide="ignore"):  # length 0: the last occasion was today, and there was no time to leave
        log_weight[:, 1:] = np.log(grown) + np.log(WEIGHT) + np.log(length)[:, None]
    return moment, log_weight


def log_terms(
    r: float, alpha: float, s: float, beta: float, x: FloatArray, moment: FloatArray, log_weight: FloatArray
) -> FloatArray:
    """Logarithms of the parts of a customer's likelihood, `[state, 1 + point]`: still there at T, or left at each
    moment."""
    terms = log_weight - (r + x)[:, None] * np.log(alpha + moment) + s * (np.log(beta) - np.log(beta + moment))
    terms[:, 1:] += np.log(s) - np.log(beta + moment[:, 1:])
    return np.asarray(terms)
