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
    def fit(cls, matrix: FloatArray, silent: BoolArray, rising: int | None, seed: int) -> "Trees":
        """`rising`: the feature with which the risk may only rise, whatever a sample says."""
        matrix = np.where(np.isfinite(matrix).any(axis=0), matrix, 0.0)  # what is known of nobody tells nothing
        monotonic = np.zeros(matrix.shape[1], dtype=np.int8)
        if rising is not None:
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
        with threadpool_limits(limits=1):
            model = LogisticRegression(C=0.1, max_iter=300).fit(_standard(raw, centre, scale), silent)
        return cls(centre, scale, model.coef_[0].copy(), float(model.intercept_[0]), by_logarithm)

    def score(self, matrix: FloatArray) -> FloatArray:
        standard = _standard(_logarithms(matrix, self.by_logarithm), self.centre, self.scale)
        return np.asarray(standard @ self.weights + self.intercept)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {
            "centre": self.centre,
            "scale": self.scale,
            "weights": self.weights,
            "intercept": np.array(self.intercept),
            "by_logarithm": self.by_logarithm,
        }


def _logarithms(matrix: FloatArray, by_logarithm: BoolArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.where(by_logarithm, np.log1p(np.maximum(matrix, 0.0)), matrix)


def _standard(raw: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    known = np.isfinite(raw)
    return np.concatenate([np.where(known, (raw - centre) / scale, 0.0).clip(-6.0, 6.0), ~known], axis=1)


@dataclass(frozen=True)
class Platt:
    """Calibration: the log-odds that hold for a score, `intercept + slope · score`, slope never below 0."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, score: FloatArray, silent: BoolArray) -> "Platt":
        """Newton on two parameters; Platt's (1999) softened targets keep a perfect score from running away."""
        there, gone = int((~silent).sum()), int(silent.sum())
        target = np.where(silent, (gone + 1.0) / (gone + 2.0), 1.0 / (there + 2.0))
        slope, intercept = 1.0, 0.0
        for _ in range(50):
            p = sigmoid(intercept + slope * score)
            weight = np.maximum(p * (1.0 - p), 1e-12)
            apart = target - p
            gradient = np.array([apart @ score, apart.sum()])
            bend = np.array([[weight @ score**2 + 1e-9, weight @ score], [weight @ score, weight.sum() + 1e-9]])
            step = np.linalg.solve(bend, gradient)
            slope, intercept = slope + float(np.clip(step[0], -2, 2)), intercept + float(np.clip(step[1], -5, 5))
            if np.abs(step).max() < 1e-10:
                break
        return cls(max(slope, 0.0), intercept)

    def p(self, score: FloatArray) -> FloatArray:
        return sigmoid(self.intercept + self.slope * score)


def sigmoid(score: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * score)))


def to_bytes(scorer: Scorer, platt: Platt) -> bytes:
    """The same model, the same bytes: arrays without compression and without the time of day."""
    file = io.BytesIO()
    arrays = {**scorer.arrays(), "platt": np.array([platt.slope, platt.intercept])}
    np.save(file, np.array([scorer.name, *arrays]), allow_pickle=False)
    for each in arrays.values():
        np.save(file, each, allow_pickle=False)
    return file.getvalue()


def from_bytes(data: bytes) -> tuple[Scorer, Platt]:
    """Read back what `to_bytes` wrote. Raises ValueError where this version of scikit-learn lays trees out otherwise."""
    file = io.BytesIO(data)
    name, *names = (str(each) for each in np.load(file, allow_pickle=False))
    arrays = {each: np.load(file, allow_pickle=False) for each in names}
    platt = Platt(*(float(value) for value in arrays.pop("platt")))
    if name == Logistic.name:
        return Logistic(**{**arrays, "intercept": float(arrays["intercept"])}), platt
    trees = Trees(arrays["nodes"], arrays["starts"], float(arrays["baseline"]), int(arrays["features"]))
    trees.score(np.zeros((1, trees.features)))
    return trees, platt
