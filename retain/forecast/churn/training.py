"""Train a model of silence on windows that have closed, calibrate it on a later one, and let it speak if it is good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from retain.forecast.choosing import difference, in_words
from retain.forecast.churn.facts import Facts, facts_at
from retain.forecast.churn.features import MOST_CHANNELS, Lens, Reading
from retain.forecast.churn.scorers import Calibration, Logistic, Scorer, Trees, from_bytes, sigmoid
from retain.forecast.forecaster import WORSE, Forecaster, Promotion, too_little
from retain.forecast.pareto_nbd import ParetoNbd
from retain.forecast.same_rate import NAME as SAME_RATE
from retain.forecast.same_rate import shop_rate
from retain.forecast.statistics import Occasions

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

HORIZONS = (30, 90, 180)
MOST_CUSTOMERS = 40_000  # to train on; every one is scored
WINDOWS = 3  # past windows of training, each a step before the one after it
SHORTEST_STEP = 30
WARMING_UP = 60  # days of history before the first window: before that nobody could have been silent for long
FEWEST = 100  # customers on each side of the calibration window
FEWEST_OF_A_KIND = 20  # who ordered, and who did not, in whatever is learnt from
ROWS_A_BLOCK = 100_000
SUREST = 1e-4  # nobody is given a smaller chance than this of surprising us


@dataclass(frozen=True)
class InUse:
    """The model of silence that spoke last for a horizon."""

    version: str
    reading: Reading
    data: bytes


@dataclass(frozen=True)
class HorizonModel:
    """Who speaks of the next `days`, and on what ground.

    name     gradient_boosting, logistic, or that of the purchasing model or rule when there is no supervised model
    scorer   None when the purchasing model or the rule speaks, and `notes` says why
    trained  days of the first and last closed window's ends, days since 1970-01-01
    log_loss on the half of the newest closed window that nothing was fitted to, by name
    """

    days: int
    name: str
    reading: Reading
    scorer: Scorer | None
    calibration: Calibration | None
    notes: str
    rows: int = 0
    trained: tuple[int, int] | None = None
    log_loss: Mapping[str, float] = field(default_factory=dict)
    promotion: Promotion | None = field(default=None, compare=False)

    def log_odds(self, lens: Lens, table: FloatArray) -> FloatArray:
        """Of no order, but for a constant; one a row of facts."""
        if self.scorer is not None and self.calibration is not None:
            matrix = lens.matrix(table)
            return self.calibration.log_odds(self.scorer.score(matrix), matrix[:, lens.said])
        p = np.clip(lens.p_no_order(table), SUREST, 1 - SUREST)
        return np.asarray(np.log(p) - np.log1p(-p))


@dataclass(frozen=True)
class ChurnModel:
    """A model of silence for every horizon of HORIZONS, made at the end of day `until`."""

    until: int
    models: Mapping[int, HorizonModel]

    def p_no_order(self, days: int, facts: Facts, channels: tuple[str, ...]) -> FloatArray | None:
        """Calibrated probabilities for the customers of `facts`; None where the purchasing model or rule speaks."""
        model = self.models[days]
        if model.calibration is None:
            return None
        lens, p = model.reading.lens(days, facts.until, channels), np.empty(len(facts))
        for start in range(0, len(facts), ROWS_A_BLOCK):
            rows = slice(start, start + ROWS_A_BLOCK)
            p[rows] = sigmoid(model.calibration.intercept + model.log_odds(lens, facts.table[rows]))
        return p.clip(SUREST, 1.0 - SUREST)


def train(
    occasions: Occasions,
    forecaster: Forecaster,
    in_use: Mapping[int, InUse] | None = None,
    horizons: Sequence[int] = HORIZONS,
) -> ChurnModel:
    """Train for the day of `forecaster`, whose purchasing model is a feature. Nothing of a later day is looked at, and
    no window that had not closed by then. Never raises for difficult data: then the purchasing model speaks."""
    until = forecaster.history.until
    some = occasions.known_at(until).sample(MOST_CUSTOMERS)
    reading = _reading(some, forecaster)
    windows = _Windows(some, until)
    models = {days: _train(days, windows, reading, forecaster, (in_use or {}).get(days)) for days in horizons}
    return ChurnModel(until, models)


class _Windows:
    """Facts of past days, each with what happened in the days after it; made once."""

    def __init__(self, occasions: Occasions, until: int) -> None:
        self.occasions, self.until = occasions, until
        self.begins = int(occasions.day.min()) if len(occasions.day) else until
        last = np.ascontiguousarray(occasions.keys).view(np.uint8).reshape(-1, 16)[:, 15]
        self.is_judge = (last & 1).astype(bool)  # of a customer for good: the half that nothing is ever calibrated on
        self._facts: dict[int, Facts] = {}

    def facts(self, cut: int) -> Facts:
        if cut not in self._facts:
            self._facts[cut] = facts_at(self.occasions, self.occasions.history(cut))
        return self._facts[cut]

    def silent(self, cut: int, days: int) -> BoolArray:
        """Who of the customers of that day had no order in the `days` after it."""
        assert cut + days <= self.until, "a window that has not closed must not be learnt from"
        facts, later = self.facts(cut), (self.occasions.day > cut) & (self.occasions.day <= cut + days)
        bought = np.bincount(self.occasions.customer[later], minlength=len(self.occasions.keys))
        return np.asarray(bought[facts.customer] == 0)

    def training_cuts(self, days: int) -> list[int]:
        step = max(SHORTEST_STEP, days // 3)
        cuts = [self.until - 2 * days - number * step for number in range(WINDOWS)]
        return [cut for cut in cuts if cut - self.begins >= WARMING_UP]


def _reading(occasions: Occasions, forecaster: Forecaster) -> Reading:
    """The speaking model, or the first identified one whose answer has a closed form where the speaking one's has
    not: millions of mixed customers are asked when reasons are looked for."""
    candidates = [forecaster.purchases, *forecaster.candidates.values()]
    known = [one for one in candidates if one is not None]
    purchases = next((one for one in known if one.name != ParetoNbd.name), known[0] if known else None)
    history = forecaster.history
    shop_gap = float(history.t_x_days.sum()) / max(float(history.x.sum()), 1.0)
    common = np.bincount(occasions.channel[occasions.channel >= 0], minlength=len(occasions.channels))
    order = np.argsort(-common, kind="stable")[:MOST_CHANNELS]
    channels = tuple(sorted(occasions.channels[number] for number in order if common[number]))
    return Reading(purchases, forecaster.seasons, shop_gap, shop_rate(history), channels)


def _train(
    days: int, windows: _Windows, reading: Reading, forecaster: Forecaster, in_use: InUse | None
) -> HorizonModel:
    instead = forecaster.model
    speaks = "the rule" if instead == SAME_RATE else "the purchasing model"

    def fallback(reason: str, **known: object) -> HorizonModel:
        notes = f"{speaks}'s own probability of no order, because {reason}"
        return HorizonModel(days, instead, reading, None, None, notes, **known)  # type: ignore[arg-type]

    if little := too_little(forecaster.history, forecaster.options):
        return fallback(little)
    cuts, last = windows.training_cuts(days), windows.until - days
    if not cuts:
        return fallback(
            f"the history is {windows.until - windows.begins} days long; to learn from one window of {days} days and to"
            f" calibrate on a later one, {2 * days + WARMING_UP} are needed"
        )
    tables, silent = [windows.facts(cut).table for cut in cuts], [windows.silent(cut, days) for cut in cuts]
    matrix = np.concatenate(
        [_lens(reading, days, cut, windows).matrix(table) for cut, table in zip(cuts, tables, strict=True)]
    )
    outcome, newest, closed = np.concatenate(silent), windows.facts(last), windows.silent(last, days)
    judges = windows.is_judge[newest.customer]
    for what, kind in (("training", outcome), ("calibration", closed[~judges]), ("judgement", closed[judges])):
        fewest = min(int(kind.sum()), int((~kind).sum()))
        if len(kind) < FEWEST or fewest < FEWEST_OF_A_KIND:
            return fallback(
                f"its {what} needs {FEWEST} cases (a customer and a past window) and {FEWEST_OF_A_KIND} of either kind (ordered,"
                f" or did not): there are {len(kind):,}, and {fewest:,} of the rarer kind"
            )
    lens = _lens(reading, days, last, windows)
    ahead = lens.matrix(newest.table)
    scorers: list[Scorer] = [
        Trees.fit(matrix, outcome, lens.said, forecaster.options.seed),
        Logistic.fit(matrix, outcome),
    ]
    said, calibrations, losses = ahead[:, lens.said], {}, {}
    for each in scorers:
        score = each.score(ahead)
        calibrations[each.name] = one = Calibration.fit(score[~judges], said[~judges], closed[~judges])
        losses[each.name] = _log_loss(one.p(score[judges], said[judges]), closed[judges])
    losses[instead] = _log_loss(sigmoid(said[judges]), closed[judges])
    best = min(scorers, key=lambda each: float(losses[each.name].mean()))
    means = {name: float(each.mean()) for name, each in losses.items()}
    graded = ", ".join(f"{name} {value:.5f}" for name, value in means.items())
    known = {"rows": len(matrix), "trained": (min(cuts) + days, max(cuts) + days), "log_loss": means}
    worse, error = difference(losses[best.name], losses[instead])
    if worse > error:
        alone = fallback(f"on the newest closed window it grades better (log loss: {graded})", **known)
        return _judged(alone, losses[instead], windows, in_use)
    model = HorizonModel(
        days,
        best.name,
        reading,
        best,
        calibrations[best.name],
        f"predicts no order in {days} days; log loss on the newest closed window: {graded}",
        **known,  # type: ignore[arg-type]
    )
    return _judged(model, losses[best.name], windows, in_use)


def _judged(model: HorizonModel, loss: FloatArray, windows: _Windows, in_use: InUse | None) -> HorizonModel:
    """The new model, or the one in use where that is clearly better on the half of the newest closed window that
    neither was calibrated on."""
    days, last = model.days, windows.until - model.days

    def said(is_promoted: bool, reason: str, gain: float | None = None, error: float | None = None) -> Promotion:
        version = in_use.version if in_use else None
        role = f"no_order_{days}"
        return Promotion(role, is_promoted, reason, version, last + 1, windows.until, len(loss), gain, error)

    if in_use is None:
        reason = "the first model of silence for this horizon: there is no supervised one in use to beat"
        return replace(model, promotion=said(True, reason))
    try:
        scorer, calibration = from_bytes(in_use.data)
    except (ValueError, TypeError, KeyError) as broken:
        return replace(model, promotion=said(True, f"the model in use cannot be read any more ({broken})"))
    facts = windows.facts(last)
    judges = windows.is_judge[facts.customer]
    lens = _lens(in_use.reading, days, last, windows)
    silent = windows.silent(last, days)[judges]
    matrix = lens.matrix(facts.table[judges])
    before = _log_loss(calibration.p(scorer.score(matrix), matrix[:, lens.said]), silent)
    gain, error = difference(before, loss)
    words = (
        f"log loss on the newest closed window: {loss.mean():.5f} beside {before.mean():.5f} of version"
        f" {in_use.version} (standard error of the difference {error:.5f})"
    )
    if gain >= -WORSE * error:
        return replace(model, promotion=said(True, f"promoted: not worse than the model in use; {words}", gain, error))
    reason = f"not promoted: it grades worse than the model in use; {words}, {in_words(gain / error)}"
    notes = f"version {in_use.version} goes on predicting no order in {days} days; the new one was {reason}"
    return replace(
        model,
        name=scorer.name,
        reading=in_use.reading,
        scorer=scorer,
        calibration=calibration,
        notes=notes,
        promotion=said(False, reason, gain, error),
    )


def _lens(reading: Reading, days: int, cut: int, windows: _Windows) -> Lens:
    return reading.lens(days, cut, windows.occasions.channels)


def _log_loss(p: FloatArray, silent: BoolArray) -> FloatArray:
    p = p.clip(SUREST, 1.0 - SUREST)
    return np.asarray(-np.where(silent, np.log(p), np.log1p(-p)))
