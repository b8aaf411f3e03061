"""How far what the models read, and what they say, has moved since a past day: the population stability index."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retain.forecast.churn import ChurnModel
from retain.forecast.churn.facts import Facts

FloatArray = npt.NDArray[np.float64]

WATCHED = ("silence", "occasions", "usual_gap", "recent", "spend", "returned_share", "tenure")
REFERENCE_DAYS = 90
BANDS = 10
MODERATE, STRONG = 0.1, 0.25  # the usual reading of the index (Siddiqi 2006, Credit Risk Scorecards)
SMOOTHING = 0.5


@dataclass(frozen=True)
class Drift:
    """One thing watched: `kind` input or score; the index, its level in words, and the means on both days."""

    kind: str
    name: str
    reference: int
    stability_index: float
    level: str
    mean_before: float | None
    mean_now: float | None


def measure(churn: ChurnModel, before: Facts, now: Facts, channels: tuple[str, ...]) -> Iterator[Drift]:
    """Inputs and the score for 90 days, on the day `before` and now, both read by today's model."""
    if not len(before) or not len(now):
        return
    for name in WATCHED:
        yield _drift("input", name, before.until, before[name], now[name])
    scores = [churn.p_no_order(REFERENCE_DAYS, facts, channels) for facts in (before, now)]
    if scores[0] is not None and scores[1] is not None:
        yield _drift("score", f"p_no_order_{REFERENCE_DAYS}", before.until, scores[0], scores[1])


def stability_index(before: FloatArray, now: FloatArray) -> float:
    """Sum over tenths of what was of (share now - share then) · log(share now / share then); what is not known is a band
    of its own. 0 is no change."""
    known = before[np.isfinite(before)]
    edges = np.unique(np.quantile(known, np.arange(1, BANDS) / BANDS)) if len(known) else np.zeros(0)
    shares = []
    for values in (before, now):
        band = np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), len(edges) + 1)
        counted = np.bincount(band, minlength=len(edges) + 2) + SMOOTHING
        shares.append(counted / counted.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _drift(kind: str, name: str, reference: int, before: FloatArray, now: FloatArray) -> Drift:
    index = round(stability_index(before, now), 6)
    level = "strong" if index >= STRONG else "moderate" if index >= MODERATE else "stable"
    return Drift(kind, name, reference, index, level, _mean(before), _mean(now))


def _mean(values: FloatArray) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(known.mean()), 6) if len(known) else None
