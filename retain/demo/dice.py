"""Chance that depends only on the seed, on what is drawn and for whom: the same person meets the same fate in every run."""

import zlib

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]
Who = Ints | Bits | int

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def _mixed(bits: Bits) -> Bits:
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


class Dice:
    """Draws without a stream: nothing depends on the order of the calls or on how many others are drawn.

    That is what lets a shop that was filled until one day be continued to a later day: the days that are already there
    come out the same, however many people join afterwards. `what` names the draw; `who` are one or more arrays of equal
    length (or single integers) that identify for whom.

    Source: SplitMix64 (Steele, Lea & Flood 2014), used as a keyed hash.
    """

    def __init__(self, seed: int) -> None:
        self._seed = np.array([seed], dtype=np.uint64)

    def bits(self, what: str, *who: Who) -> Bits:
        """64 random bits for each of `who`."""
        state = _mixed(self._seed + np.array([zlib.crc32(what.encode())], dtype=np.uint64) * _GOLDEN)
        for key in who:
            state = _mixed(state + np.atleast_1d(np.asarray(key)).astype(np.uint64) * _GOLDEN + _GOLDEN)
        return state

    def uniform(self, what: str, *who: Who) -> Floats:
        """Uniform on the open interval (0, 1)."""
        return ((self.bits(what, *who) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def happens(self, what: str, share: Floats | float, *who: Who) -> Bools:
        """True for the given share of `who`."""
        return np.asarray(self.uniform(what, *who) < share)

    def below(self, what: str, bound: Ints | int, *who: Who) -> Ints:
        """Integers 0, 1, ..., bound - 1, each as likely."""
        return (self.uniform(what, *who) * bound).astype(np.int64)

    def pick(self, what: str, weights: list[float], *who: Who) -> Ints:
        """Positions in `weights`, as likely as they weigh."""
        edges = np.cumsum(weights) / np.sum(weights)
        return np.searchsorted(edges[:-1], self.uniform(what, *who), side="right").astype(np.int64)

    def exponential(self, what: str, mean: Floats | float, *who: Who) -> Floats:
        return np.asarray(-np.log(self.uniform(what, *who)) * mean)

    def gamma(self, what: str, shape: float, rate: Floats | float, *who: Who) -> Floats:
        return np.asarray(special.gammaincinv(shape, self.uniform(what, *who)) / rate)

    def beta(self, what: str, a: float, b: float, *who: Who) -> Floats:
        return np.asarray(special.betaincinv(a, b, self.uniform(what, *who)))
