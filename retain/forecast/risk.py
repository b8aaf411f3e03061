"""The published risk of every customer, and why it is what it is."""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from retain.forecast.churn import ChurnModel
from retain.forecast.churn.facts import Facts
from retain.forecast.churn.reasons import AT_RISK, ROWS_A_BLOCK, SHOWN, explain, in_words
from retain.forecast.forecaster import Forecaster, ModelCard
from retain.forecast.prediction import Prediction
from retain.forecast.statistics import Occasions

FloatArray = npt.NDArray[np.float64]

REASONED_DAYS = 90
COMPARED_WITH = 400  # customers who are not at risk, evenly through the shop: reasons' references are some of them
FEWEST_TO_COMPARE = 20


class Scores:
    """Probabilities of no order by horizon, asked for in ascending order; a longer silence is never likelier."""

    def __init__(self, churn: ChurnModel, forecaster: Forecaster, facts: Facts, occasions: Occasions) -> None:
        self._churn, self._forecaster, self._facts, self._occasions = churn, forecaster, facts, occasions
        self._before: FloatArray | None = None
        self._at_risk = np.zeros(0, dtype=np.int64)

    def risk(self, prediction: Prediction) -> tuple[FloatArray, str]:
        """The published probability for a prediction's horizon, and the name of what it comes from."""
        days, p, name = prediction.days, prediction.p_no_order, self._forecaster.model
        if days in self._churn.models:
            learnt = self._churn.p_no_order(days, self._facts, self._occasions.channels)
            p, name = (p, name) if learnt is None else (learnt, self._churn.models[days].name)
        if self._before is not None:
            p = np.minimum(p, self._before)
        self._before = p
        if days == REASONED_DAYS:
            self._at_risk = np.flatnonzero(p >= AT_RISK)
        return p, name

    def reasons(self) -> Iterator[tuple[npt.NDArray[np.void], list[list[str]]]]:
        """Of customers at risk over 90 days, block by block: their keys, and their sentences by rank. Nothing where a
        rule speaks: it has no drivers but itself."""
        model = self._churn.models[REASONED_DAYS]
        if model.scorer is None and model.reading.purchases is None:
            return
        table, channels = self._facts.table, self._occasions.channels
        lens = model.reading.lens(REASONED_DAYS, self._facts.until, channels)
        # A reason is what sets a customer apart from those who are not at risk, not from those who are long gone.
        safe = np.setdiff1d(np.arange(len(table)), self._at_risk, assume_unique=True)
        compared = safe if len(safe) >= FEWEST_TO_COMPARE else np.arange(len(table))
        others = table[compared[:: max(1, -(-len(compared) // COMPARED_WITH))]]
        shop = {name: _median(self._facts[name]) for name in ("usual_gap", "spend")}
        for start in range(0, len(self._at_risk), ROWS_A_BLOCK):
            rows = self._at_risk[start : start + ROWS_A_BLOCK]
            seed = self._forecaster.options.seed
            found = explain(lambda mixed: model.log_odds(lens, mixed), table[rows], others, seed)
            largest, everyone = found.largest(), np.arange(len(rows))
            ranked = []
            for rank in range(SHOWN):
                driver = largest[:, rank]
                ranked.append(in_words(table[rows], driver, found.moved[everyone, driver], shop, channels))
            yield self._occasions.keys[self._facts.customer[rows]], ranked


def cards_of_risk(churn: ChurnModel) -> Iterator[ModelCard]:
    """One card a horizon: who speaks of silence, what it learnt from, and how it did on what it had not seen."""
    for days, model in churn.models.items():
        calibration = {} if model.calibration is None else asdict(model.calibration)
        yield ModelCard(
            f"no_order_{days}",
            model.rows,
            calibration,
            {},
            None,
            is_identified=model.scorer is not None,
            notes=f"{model.name}: {model.notes}",
            trained=model.trained,
        )


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0
