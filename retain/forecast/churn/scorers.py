"""Two kinds of supervised model as plain arrays: trained by scikit-learn, kept and read back without pickling."""

import io
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

TREES, LEAVES, RATE, SHRINKAGE = 40, 10, 0.12, 5.0
BELIEVED = np.array([0.0, 1.0, 0.0])  # shares of the own score, of the purchasing model, and the intercept
DOUBT = 0.5  # standard deviation of each around that, before the calibration window is looked at
FEW = 0.005  # of the customers on either side may lie outside what is taken for a feature's range
NO_CATEGORIES = np.zeros((0, 8), dtype=np.uint32)


class Scorer(Protocol):
    """Log-odds of staying silent, one a row of a matrix of features."""

    name: ClassVar[str]

    def score(self, matrix: FloatArray) -> FloatArray: ...

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]: ...


@dataclass(frozen=True)
class Trees:
    """Gradient-boosted trees: `nodes` as scikit-learn lays them out, tree after tree, each starting at `starts`."""

    nodes: npt.NDArray[np.void]
    starts: npt.NDArray[np.int64]
    baseline: float
    features: int

    name: ClassVar[str] = "gradient_boosting"

    @classmethod
    def fit(cls, matrix: FloatArray, silent: BoolArray, rising: int, seed: int) -> "Trees":
        """`rising`: the feature with which the risk may only rise, whatever a sample says."""
        matrix = np.where(np.isfinite(matrix).any(axis=0), matrix, 0.0)  # what is known of nobody tells nothing
        monotonic = np.zeros(matrix.shape[1], dtype=np.int8)
        monotonic[rising] = 1
        # One thread, here and when scoring: a second one waits for the first far longer than it helps on a busy machine.
        with threadpool_limits(limits=1):
            model = HistGradientBoostingClassifier(
                max_iter=TREES,
                max_leaf_nodes=LEAVES,
                learning_rate=RATE,
                min_samples_leaf=max(20, len(matrix) // 500),
                l2_regularization=SHRINKAGE,
                monotonic_cst=monotonic,
                early_stopping=False,
                random_state=seed,
            ).fit(matrix, silent)
        trees = [each[0].nodes for each in model._predictors]
        starts = np.concatenate([[0], np.cumsum([len(nodes) for nodes in trees])]).astype(np.int64)
        return cls(np.concatenate(trees), starts, float(model._baseline_prediction.ravel()[0]), matrix.shape[1])

    def score(self, matrix: FloatArray) -> FloatArray:
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        total = np.full(len(matrix), self.baseline)
        none = np.zeros(self.features, dtype=np.uint32)
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            tree = TreePredictor(self.nodes[start:end], NO_CATEGORIES, NO_CATEGORIES)
            total += tree.predict(matrix, NO_CATEGORIES, none, n_threads=1)
        return total

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {
            "nodes": self.nodes,
            "starts": self.starts,
            "baseline": np.array(self.baseline),
            "features": np.array(self.features),
        }


@dataclass(frozen=True)
class Logistic:
    """Logistic regression on standardised features; amounts and days by their logarithms, what is not known as the
    mean with a mark beside it."""

    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    intercept: float
    by_logarithm: BoolArray
    lowest: FloatArray
    highest: FloatArray

    name: ClassVar[str] = "logistic"

    @classmethod
    def fit(cls, matrix: FloatArray, silent: BoolArray) -> "Logistic":
        finite = np.where(np.isfinite(matrix), matrix, np.nan)
        lowest = np.nanmin(np.where(np.isnan(finite), np.inf, finite), axis=0)
        by_logarithm = np.isfinite(lowest) & (lowest >= 0.0)
        raw = _logarithms(matrix, by_logarithm)
        known = np.isfinite(raw)
        counted = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, raw, 0.0).sum(axis=0) / counted
        spread = np.sqrt((np.where(known, raw - centre, 0.0) ** 2).sum(axis=0) / counted)
        scale = np.where(spread > 1e-9, spread, 1.0)
        lowest, highest = _range(raw, centre)
        raw = np.clip(raw, lowest, highest)
        with threadpool_limits(limits=1):
            model = LogisticRegression(C=0.1, max_iter=300).fit(_standard(raw, centre, scale), silent)
        weights, bias = model.coef_[0].copy(), float(model.intercept_[0])
        return cls(centre, scale, weights, bias, by_logarithm, lowest, highest)

    def score(self, matrix: FloatArray) -> FloatArray:
        raw = np.clip(_logarithms(matrix, self.by_logarithm), self.lowest, self.highest)
        standard = _standard(raw, self.centre, self.scale)
        return np.asarray(standard @ self.weights + self.intercept)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {
            "centre": self.centre,
            "scale": self.scale,
            "weights": self.weights,
            "intercept": np.array(self.intercept),
            "by_logarithm": self.by_logarithm,
            "lowest": self.lowest,
            "highest": self.highest,
        }


def _logarithms(matrix: FloatArray, by_logarithm: BoolArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.where(by_logarithm, np.log1p(np.maximum(matrix, 0.0)), matrix)


def _range(raw: FloatArray, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What all but a few of those learnt from lie between: a line is not drawn on beyond it."""
    known = np.where(np.isfinite(raw).any(axis=0), raw, centre)
    lowest, highest = np.nanquantile(known, [FEW, 1.0 - FEW], axis=0)
    return lowest, highest


def _standard(raw: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    known = np.isfinite(raw)
    return np.concatenate([np.where(known, (raw - centre) / scale, 0.0).clip(-6.0, 6.0), ~known], axis=1)


@dataclass(frozen=True)
class Calibration:
    """The log-odds that hold: `intercept + own · score + anchor · what the purchasing model (or the rule) says`, neither
    share below 0. Where little is known, that is the purchasing model alone: 0 + 0 · score + 1 · its own."""

    own: float
    anchor: float
    intercept: float

    @classmethod
    def fit(cls, score: FloatArray, said: FloatArray, silent: BoolArray) -> "Calibration":
        """The likeliest, with what was believed before as a normal density around the purchasing model alone: every
        customer more counts for more, and a few hundred change little."""
        columns, free = np.stack([score, said, np.ones(len(score))], axis=1), [0, 1, 2]
        with threadpool_limits(limits=1):
            shares = _likeliest(columns, silent, free)
            for number in (0, 1):
                if shares[number] < 0:
                    free = [each for each in free if each != number]
                    shares = _likeliest(columns, silent, free)
        own, anchor, intercept = (float(value) for value in shares)
        return cls(own, anchor, intercept)

    def log_odds(self, score: FloatArray, said: FloatArray) -> FloatArray:
        return np.asarray(self.own * score + self.anchor * said)

    def p(self, score: FloatArray, said: FloatArray) -> FloatArray:
        return sigmoid(self.intercept + self.log_odds(score, said))


def _likeliest(columns: FloatArray, silent: BoolArray, free: list[int]) -> FloatArray:
    """Newton; shares that are not `free` are 0."""
    believed, shares = BELIEVED[free], np.zeros(3)
    shares[free] = believed
    columns, doubt = columns[:, free], 1.0 / DOUBT**2
    for _ in range(50):
        p = sigmoid(columns @ shares[free])
        gradient = (silent - p) @ columns - doubt * (shares[free] - believed)
        weighted = columns * (p * (1.0 - p))[:, None]
        step = np.linalg.solve(weighted.T @ columns + doubt * np.eye(len(free)), gradient)
        shares[free] += step.clip(-2.0, 2.0)
        if np.abs(step).max() < 1e-10:
            break
    return shares


def sigmoid(score: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * score)))


def to_bytes(scorer: Scorer, calibration: Calibration) -> bytes:
    """The same model, the same bytes: arrays without compression and without the time of day."""
    file = io.BytesIO()
    arrays = {**scorer.arrays(), "calibration": np.array([calibration.own, calibration.anchor, calibration.intercept])}
    np.save(file, np.array([scorer.name, *arrays]), allow_pickle=False)
    for each in arrays.values():
        np.save(file, each, allow_pickle=False)
    return file.getvalue()


def from_bytes(data: bytes) -> tuple[Scorer, Calibration]:
    """Read back what `to_bytes` wrote. Raises ValueError where this version of scikit-learn lays trees out otherwise."""
    file = io.BytesIO(data)
    name, *names = (str(each) for each in np.load(file, allow_pickle=False))
    arrays = {each: np.load(file, allow_pickle=False) for each in names}
    calibration = Calibration(*(float(value) for value in arrays.pop("calibration")))
    if name == Logistic.name:
        return Logistic(**{**arrays, "intercept": float(arrays["intercept"])}), calibration
    trees = Trees(arrays["nodes"], arrays["starts"], float(arrays["baseline"]), int(arrays["features"]))
    trees.score(np.zeros((1, trees.features)))
    return trees, calibration
