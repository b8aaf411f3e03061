"""Grades of predictions whose horizon has closed: by band, as a whole, and always beside three naive baselines."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from retain.forecast.churn.facts import facts_at
from retain.forecast.same_rate import NAME as SAME_RATE
from retain.forecast.same_rate import predict_same_rate
from retain.forecast.statistics import History, IntArray, Occasions

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BANDS = 10
RECENCY_ONLY, NOBODY_RETURNS = "recency_only", "nobody_returns"
NO_ORDER, VALUE = "no_order", "value"
NEVER_CERTAIN = (
    1e-6  # a probability is taken for no closer to 0 or 1 than this, or one surprise would cost infinitely much
)


@dataclass(frozen=True)
class Said:
    """What one model said of every customer for one horizon; None where it says nothing of it."""

    model: str
    p_no_order: FloatArray | None
    value: FloatArray | None = None
    low: FloatArray | None = None
    high: FloatArray | None = None
    interval_holds: FloatArray | None = None
    is_published: bool = False


@dataclass(frozen=True)
class Grade:
    """One row of forecast.grades: a model, a target, and a band of what it said (0: everybody).

    expected, observed   no_order: mean probability, share without an order; value: totals in currency units
    calibration_error    no_order: how far expected is from observed; of everybody, the bands' mean by customers
    total_bias           value: expected over observed, less 1
    rank_correlation     value: Spearman's
    interval_coverage    value: share of customers inside their 80 % interval
    interval_promised    value: mean probability that the intervals were said to hold: 0.8, or more where no order at all
                         is likelier than that
    """

    target: str
    model: str
    is_published: bool
    band: int
    customers: int
    expected: float
    observed: float
    calibration_error: float | None = None
    brier_score: float | None = None
    log_loss: float | None = None
    auc: float | None = None
    total_bias: float | None = None
    rank_correlation: float | None = None
    interval_coverage: float | None = None
    interval_promised: float | None = None

    def row(self) -> tuple[object, ...]:
        return tuple(asdict(self).values())


def grade_all(said: list[Said], occasions: IntArray, cents: IntArray) -> Iterator[Grade]:
    """Every model of `said` over the same customers, who did `occasions` and spent `cents` in the horizon."""
    silent, value = occasions == 0, cents / 100.0
    for one in said:
        if one.p_no_order is not None:
            yield from _no_order(one, one.p_no_order.clip(NEVER_CERTAIN, 1 - NEVER_CERTAIN), silent)
        if one.value is not None:
            yield from _value(one, one.value, value)


def baselines(occasions: Occasions, history: History, days: int) -> list[Said]:
    """Three that know next to nothing: how others of the same recency fared in the window before (where one had closed),
    everybody going on at the same rate, and nobody coming back."""
    (rule,) = predict_same_rate(history, discount_rate=0.0, horizons=[days])
    everybody = len(history)
    said = [
        Said(SAME_RATE, rule.p_no_order, rule.value, rule.low, rule.high, rule.interval_holds),
        Said(NOBODY_RETURNS, np.ones(everybody), np.zeros(everybody)),
    ]
    before = occasions.history(history.until - days)
    if len(before) >= BANDS:
        silence, past = facts_at(occasions, history)["silence"], facts_at(occasions, before)["silence"]
        edges = np.unique(np.quantile(past, np.arange(1, BANDS) / BANDS))
        happened, cents = occasions.between(before, history.until)
        then, now = np.searchsorted(edges, past, side="right"), np.searchsorted(edges, silence, side="right")
        customers = np.bincount(then, minlength=len(edges) + 1)
        silent = np.bincount(then, weights=happened == 0, minlength=len(edges) + 1)
        spent = np.bincount(then, weights=cents / 100.0, minlength=len(edges) + 1)
        said.append(
            Said(RECENCY_ONLY, ((silent + 1.0) / (customers + 2.0))[now], (spent / np.maximum(customers, 1))[now])
        )
    return said


def _no_order(said: Said, p: FloatArray, silent: BoolArray) -> Iterator[Grade]:
    band = np.minimum((p * BANDS).astype(np.int64), BANDS - 1)
    customers = np.bincount(band, minlength=BANDS)
    expected, observed = (np.bincount(band, weights=each, minlength=BANDS) for each in (p, silent))
    loss = -np.where(silent, np.log(p), np.log1p(-p))
    squares = (p - silent) ** 2

    def grade(number: int, rows: BoolArray, apart: float) -> Grade:
        return Grade(
            NO_ORDER,
            said.model,
            said.is_published,
            number,
            int(rows.sum()),
            _rounded(p[rows].mean()),
            _rounded(silent[rows].mean()),
            calibration_error=_rounded(apart),
            brier_score=_rounded(squares[rows].mean()),
            log_loss=_rounded(loss[rows].mean()),
            auc=area_under_curve(p[rows], silent[rows]),
        )

    yield grade(0, np.ones(len(p), dtype=bool), float(np.abs(expected - observed).sum() / len(p)))
    for number in np.flatnonzero(customers):
        apart = abs(expected[number] - observed[number]) / customers[number]
        yield grade(int(number) + 1, band == number, float(apart))


def _value(said: Said, value: FloatArray, was: FloatArray) -> Iterator[Grade]:
    inside, holds = None, said.interval_holds
    if said.low is not None and said.high is not None:  # as published: to the cent
        inside = (was >= np.floor(said.low * 100) / 100) & (was <= np.ceil(said.high * 100) / 100)

    def grade(number: int, rows: BoolArray) -> Grade:
        expected, observed = float(value[rows].sum()), float(was[rows].sum())
        return Grade(
            VALUE,
            said.model,
            said.is_published,
            number,
            int(rows.sum()),
            _rounded(expected),
            _rounded(observed),
            total_bias=_rounded(expected / observed - 1.0) if observed > 0 else None,
            rank_correlation=_rank_correlation(value[rows], was[rows]),
            interval_coverage=None if inside is None else _rounded(inside[rows].mean()),
            interval_promised=None if holds is None else _rounded(holds[rows].mean()),
        )

    yield grade(0, np.ones(len(value), dtype=bool))
    rank = np.argsort(np.argsort(value, kind="stable"), kind="stable")
    band = rank * BANDS // max(len(value), 1)
    for number in np.unique(band):
        yield grade(int(number) + 1, band == number)


def area_under_curve(p: FloatArray, silent: BoolArray) -> float | None:
    """Chance that somebody silent was given a higher p than somebody who ordered, ties counted half; None without
    both."""
    gone, there = int(silent.sum()), int((~silent).sum())
    if not gone or not there:
        return None
    ranks = rankdata(p)
    return _rounded((ranks[silent].sum() - gone * (gone + 1) / 2) / (gone * there))


def _rank_correlation(said: FloatArray, was: FloatArray) -> float | None:
    if len(said) < 2 or np.ptp(said) == 0 or np.ptp(was) == 0:
        return None
    return _rounded(np.corrcoef(rankdata(said), rankdata(was))[0, 1])


def _rounded(number: float) -> float:
    return round(float(number), 6)
