"""How much may come of a customer: the spread of value over a horizon, given at least one order in it, by posterior
simulation.

For a customer who has not left, the number of occasions depends on (x, T) alone, and the value is a multiple of it that
depends on x alone:

    occasions | at least one      by inversion of `p_more_than`, at evenly spread probabilities
    value = (gamma + x·mean) · G(p·occasions) / G(p·x + q)      with G(k) a standard gamma of shape k

So no customer is simulated: for each different x a few nodes of T are, and a customer reads the quantile between two
nodes. Cost and memory depend on how many different x there are, not on how many customers. (Fader & Hardie 2013 for the
posterior of spend; q and p as there.)"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retain.forecast.gamma_gamma import GammaGamma
from retain.forecast.purchase_model import PurchaseModel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DRAWS = 2000  # a node: the 80 % quantile is then within about 3 % of its own value
LEVELS = 200  # quantiles kept of the draws
NODES = 8  # of T a different x, evenly spaced in log(alpha + T)
EXACT_UP_TO = 20  # repeats; above, counts within 5 % of each other share a simulation
STEP = 1.05
HALVINGS = 11  # a share is then right to a quarter of a thousandth
MOST_OCCASIONS = 4096  # in a horizon, more than ten a day over a year


@dataclass(frozen=True)
class SimulatedOutcomes:
    """Tables of log quantiles: `table[x, node of T, level]`, and where each state finds itself in them."""

    table: FloatArray
    row: IntArray
    node: IntArray
    between: FloatArray

    def quantile(self, level: FloatArray, of: IntArray | None = None) -> FloatArray:
        """Quantile of (value / scale) given at least one order, one `level` in (0, 1) a state, or one each of the states
        `of`."""
        row, node, between = self.row, self.node, self.between
        if of is not None:
            row, node, between = row[of], node[of], between[of]
        position = np.clip(level * LEVELS - 0.5, 0.0, LEVELS - 1.000001)
        below = position.astype(np.int64)
        above = position - below

        def at(node: IntArray) -> FloatArray:
            return np.asarray(self.table[row, node, below] * (1.0 - above) + self.table[row, node, below + 1] * above)

        return np.exp(at(node) * (1.0 - between) + at(node + 1) * between)

    def share_up_to(self, amount: FloatArray, of: IntArray) -> FloatArray:
        """The inverse of `quantile`, by halving."""
        low, high = np.zeros(len(of)), np.ones(len(of))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            is_below = self.quantile(middle, of) <= amount
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return (low + high) / 2


def simulate(
    model: PurchaseModel, spend: GammaGamma | None, x: FloatArray, t: FloatArray, weeks: float, seed: int
) -> SimulatedOutcomes:
    """Tables for the states (x, T). Without `spend` the scale is money and the quantiles are of the number of
    occasions.

    Every x has random numbers of its own, so that one more customer changes nobody else's interval.
    """
    shared = _shared_counts(x)
    counts, row = np.unique(shared, return_inverse=True)
    log_watched = np.log(model.alpha + t)
    lowest, width = log_watched.min(), max(float(np.ptp(log_watched)), 1e-9)
    nodes = np.exp(np.linspace(lowest, lowest + width, NODES)) - model.alpha
    position = np.clip((log_watched - lowest) / width * (NODES - 1), 0.0, NODES - 1.000001)
    node = position.astype(np.int64)
    table = np.stack([_log_quantiles(model, spend, float(count), nodes, weeks, seed) for count in counts])
    return SimulatedOutcomes(table, row, node, position - node)


def _shared_counts(x: FloatArray) -> FloatArray:
    steps = np.round(np.log(np.maximum(x, EXACT_UP_TO) / EXACT_UP_TO) / np.log(STEP))
    return np.where(x <= EXACT_UP_TO, x, np.round(EXACT_UP_TO * STEP**steps))


def _log_quantiles(
    model: PurchaseModel, spend: GammaGamma | None, x: float, nodes: FloatArray, weeks: float, seed: int
) -> FloatArray:
    """`log_quantiles[node of T, level]` of value over scale, for customers with `x` repeats and at least one order
    ahead."""
    occasions = _occasions(model, x, nodes, weeks)
    if spend is None:
        values = occasions
    else:
        random = np.random.default_rng([seed, int(x), round(weeks * 7)])
        own_level = random.standard_gamma(spend.p * x + spend.q, size=DRAWS)
        values = np.stack([random.standard_gamma(spend.p * row) for row in occasions]) / own_level
    values = np.sort(values, axis=1)
    kept = ((np.arange(LEVELS) + 0.5) / LEVELS * DRAWS).astype(np.int64)
    return np.log(values[:, kept])


def _occasions(model: PurchaseModel, x: float, nodes: FloatArray, weeks: float) -> FloatArray:
    """`occasions[node, draw]`: numbers of occasions of a customer who has not left and orders at least once, by
    inversion."""
    parts: list[FloatArray] = []
    most = 0
    while not parts or (most < MOST_OCCASIONS and np.any(parts[-1][-1] >= 0.5 / DRAWS * parts[0][0])):
        more = np.arange(most, max(2 * most, 12), dtype=np.float64)
        parts.append(model.p_more_than(more[:, None], x, nodes, weeks))
        most += len(more)
    exceed = np.concatenate(parts)
    exceed = exceed / np.maximum(exceed[0], np.finfo(float).tiny)
    probability = 1.0 - (np.arange(DRAWS) + 0.5) / DRAWS
    return np.stack(
        [np.maximum(1, most - np.searchsorted(column[::-1], probability, side="right")) for column in exceed.T]
    ).astype(np.float64)
