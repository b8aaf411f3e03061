"""BG/NBD: customers buy at a rate of their own until, after some purchase, they leave for good without saying so.

A customer buys at random with rate lambda (a week); lambda differs between customers as a gamma(r, alpha). After every
repeat occasion the customer leaves with probability p; p differs as a beta(a, b). What is known of a customer is x
(repeat occasions), t_x (weeks from the first occasion to the last) and T (weeks from the first occasion until today).

Source: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
All times are weeks. Arrays broadcast; results are float64.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaln, expit, hyp2f1

FloatArray = npt.NDArray[np.float64]

NEAR_POLE = 1e-5  # distance from a = 1 or a + b + x = 1 inside which the closed form is 0/0, though its limit is smooth


@dataclass(frozen=True)
class BgNbd:
    """One set of parameters: r, a and b are pure numbers, alpha is in weeks.

    `chances_at_start` tells BG/NBD (0) from MBG/NBD (1): how often a customer can leave before the first repeat
    occasion."""

    r: float
    alpha: float
    a: float
    b: float

    name: ClassVar[str] = "bg_nbd"
    title: ClassVar[str] = "BG/NBD"
    chances_at_start: ClassVar[int] = 0

    def p_alive(self, x: FloatArray, t_x: FloatArray, t: FloatArray) -> FloatArray:
        """Probability of not having left by T. In BG/NBD it is 1 for every one-time buyer, because nobody can leave
        before a repeat occasion: a property of the model, not a finding, so it must never rank customers by risk. Use
        `p_no_order`."""
        x, t_x, t = np.broadcast_arrays(x, t_x, t)
        chances = x + self.chances_at_start
        with np.errstate(divide="ignore", invalid="ignore"):
            odds_of_having_left = (
                np.log(self.a)
                - np.log(self.b + chances - 1)
                + (self.r + x) * np.log((self.alpha + t) / (self.alpha + t_x))
            )
        return np.where(chances > 0, expit(-odds_of_having_left), 1.0)

    def occasions_if_alive(self, x: FloatArray, t: FloatArray, weeks: FloatArray | float) -> FloatArray:
        """Expected occasions in the next `weeks` of a customer who has not left.

        Given that, lambda is gamma(r + x, alpha + T) and p is beta(a, b + chances so far), independently of each other.
        """
        return expected_before_leaving(self.r + x, self.alpha + t, self.a, self.b + x + self.chances_at_start, weeks)

    def expected_occasions(
        self, x: FloatArray, t_x: FloatArray, t: FloatArray, weeks: FloatArray | float
    ) -> FloatArray:
        """Expected occasions in the next `weeks`, given the customer's past (equation 10 of the paper)."""
        return self.p_alive(x, t_x, t) * self.occasions_if_alive(x, t, weeks)

    def p_order_if_alive(self, x: FloatArray, t: FloatArray, weeks: FloatArray | float) -> FloatArray:
        """Probability of at least one occasion in the next `weeks` of a customer who has not left."""
        return -np.expm1(-(self.r + x) * np.log1p(weeks / (self.alpha + t)))

    def p_no_order(self, x: FloatArray, t_x: FloatArray, t: FloatArray, weeks: FloatArray | float) -> FloatArray:
        """Probability of no occasion in the next `weeks`: having left already, or being there and not buying. Exact."""
        return 1.0 - self.p_alive(x, t_x, t) * self.p_order_if_alive(x, t, weeks)

    def expected_from_start(self, weeks: FloatArray) -> FloatArray:
        """Expected repeat occasions of a new customer in the `weeks` after the first occasion (equation 9 of the
        paper)."""
        weeks = np.asarray(weeks, dtype=np.float64)
        stayed = self.b / (self.a + self.b) if self.chances_at_start else 1.0
        nothing_yet = np.zeros_like(weeks)
        return stayed * self.occasions_if_alive(nothing_yet, nothing_yet, weeks)

    def p_more_than(self, occasions: FloatArray, x: FloatArray | float, t: FloatArray, weeks: float) -> FloatArray:
        """Probability that a customer who has not left has more than `occasions` occasions (0, 1, ...) in the next
        `weeks`.

        The occasions are the smaller of two independent counts: what the rate would bring (negative binomial) and the
        occasion after which the customer leaves (beta-geometric). So the chance of exceeding k is the product of two
        chances, each in closed form."""
        stays = self.b + x + self.chances_at_start
        by_rate = betainc(occasions + 1.0, self.r + x, weeks / (self.alpha + t + weeks))
        return np.asarray(by_rate * np.exp(betaln(self.a, stays + occasions) - betaln(self.a, stays)))


def expected_before_leaving(
    rate: FloatArray, scale: FloatArray, a: float, stays: FloatArray, weeks: FloatArray | float
) -> FloatArray:
    """Expected occasions in `weeks` when lambda is gamma(rate, scale) and the customer leaves after each with p from
    beta(a, stays).

    The paper's 2F1, turned by Pfaff's transformation so that its argument is in [0, 1) and its terms stay moderate:
    right to 11 digits for up to 20,000 occasions, where the printed form overflows after a few hundred."""
    rate, scale, stays, weeks = np.broadcast_arrays(rate, scale, stays, weeks)
    near = (np.abs(a - 1.0) < NEAR_POLE) | (np.abs(a + stays - 1.0) < NEAR_POLE)
    with np.errstate(all="ignore"):
        expected = _closed_form(rate, scale, a, stays, weeks)
        if near.any():
            aside = 2 * NEAR_POLE
            middle = (
                _closed_form(rate, scale, a - aside, stays, weeks) + _closed_form(rate, scale, a + aside, stays, weeks)
            ) / 2
            expected = np.where(near, middle, expected)
    expected = np.where(weeks > 0, expected, 0.0)
    lost = np.flatnonzero(
        ~(np.isfinite(expected) & (expected >= 0))
    )  # parameters in the hundreds and beyond: rare, and only then a loop
    for at in lost:
        expected.flat[at] = _summed(rate.flat[at], scale.flat[at], a, stays.flat[at], weeks.flat[at])
    return expected


def _closed_form(rate: FloatArray, scale: FloatArray, a: float, stays: FloatArray, weeks: FloatArray) -> FloatArray:
    c = a + stays - 1.0
    ratio = (1.0 + weeks / scale) ** (1.0 - a) * hyp2f1(c - rate, a - 1.0, c, weeks / (scale + weeks))
    return np.asarray(c / (a - 1.0) * (1.0 - ratio))


def _summed(rate: float, scale: float, a: float, stays: float, weeks: float) -> float:
    """The same expectation as the sum of P(more than k occasions) over k: slow, and never in trouble."""
    mean = rate * weeks / scale
    spread = np.sqrt(mean * (1.0 + weeks / scale))
    occasions = np.arange(min(int(mean + 12.0 * spread + 60.0 * (1.0 + weeks / scale)), 1_000_000), dtype=np.float64)
    by_rate = betainc(occasions + 1.0, rate, weeks / (scale + weeks))
    return float(by_rate @ np.exp(betaln(a, stays + occasions) - betaln(a, stays)))
