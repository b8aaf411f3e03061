"""Fit every model to a history, choose the one that may speak, or fall back to the rule and say why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retain.forecast.bg_nbd import BgNbd
from retain.forecast.gamma_gamma import GammaGamma, SpendFit, fit_spend
from retain.forecast.maximum_likelihood import Fit, maximise
from retain.forecast.mbg_nbd import MbgNbd
from retain.forecast.prediction import HORIZONS, Prediction, predict
from retain.forecast.purchase_likelihood import PurchaseLikelihood
from retain.forecast.same_rate import NAME as SAME_RATE
from retain.forecast.same_rate import predict_same_rate
from retain.forecast.statistics import History, States, states

IN_ORDER: tuple[type[BgNbd], ...] = (BgNbd, MbgNbd)  # the first that is identified speaks


@dataclass(frozen=True)
class ForecastOptions:
    """What decides a forecast beside the data. `discount_rate` is a year's; days are those of the shop."""

    min_customers: int = 300
    min_history_days: int = 180
    discount_rate: float = 0.10
    seed: int = 20250101


@dataclass(frozen=True)
class ModelCard:
    """One fitted model, or the rule, as the ledger and a reader see it. Empty parameters: nothing was estimated."""

    model: str
    customers: int
    parameters: dict[str, float]
    standard_errors: dict[str, float | None]
    log_likelihood: float | None
    is_identified: bool
    notes: str


@dataclass(frozen=True)
class Forecaster:
    """What was fitted to `history`, and who speaks: `purchases` (None: the rule) and `spend` (None: the customer's own
    mean)."""

    history: History
    states: States
    options: ForecastOptions
    cards: tuple[ModelCard, ...]
    candidates: tuple[BgNbd, ...]
    purchases: BgNbd | None
    spend: GammaGamma | None
    not_predictable_reason: str | None

    @property
    def model(self) -> str:
        """Name of what predicts the number of occasions."""
        return self.purchases.name if self.purchases else SAME_RATE

    def predictions(self, horizons: Sequence[int] = HORIZONS) -> Iterator[Prediction]:
        """What is expected of every customer of the history; one horizon at a time."""
        if len(self.history) == 0:
            return iter(())
        if self.purchases is None:
            return self.same_rate(horizons)
        return self.predictions_by(self.purchases, horizons)

    def predictions_by(self, purchases: BgNbd, horizons: Sequence[int]) -> Iterator[Prediction]:
        """The same by one of the `candidates`."""
        options = self.options
        return predict(
            purchases,
            self.spend,
            self.history,
            self.states,
            discount_rate=options.discount_rate,
            seed=options.seed,
            horizons=horizons,
        )

    def same_rate(self, horizons: Sequence[int]) -> Iterator[Prediction]:
        """The same by the rule."""
        return predict_same_rate(self.history, discount_rate=self.options.discount_rate, horizons=horizons)


def make_forecaster(history: History, options: ForecastOptions) -> Forecaster:
    """Fit everything that `history` can carry. Never raises for difficult data: what is not predictable says so."""
    compressed = states(history)
    too_little = _too_little(history, options)
    if too_little:
        return Forecaster(history, compressed, options, (_rule_card(history, too_little),), (), None, None, too_little)

    cards, candidates, refusals = [], [], []
    for kind in IN_ORDER:
        fit = maximise(PurchaseLikelihood(compressed, kind.chances_at_start))
        if fit.is_identified:
            candidates.append(kind(*(float(value) for value in fit.parameters)))
            notes = (
                "predicts the number of orders"
                if len(candidates) == 1
                else "fitted for comparison; the model before it is identified"
            )
        else:
            notes = f"not identified, so it predicts nothing: {fit.reason}"
            refusals.append(f"{kind.title}: {fit.reason}")
        cards.append(_card(kind.name, len(history), fit, notes))
    spend = fit_spend(history)
    if spend.fit is not None:
        cards.append(_card(GammaGamma.name, spend.customers, spend.fit, _spend_notes(spend)))

    reason: str | None = None
    if not candidates:
        reason = f"no purchasing model is identified in these data ({'; '.join(refusals)})"
        cards.append(_rule_card(history, reason))
        return Forecaster(history, compressed, options, tuple(cards), (), None, None, reason)
    if spend.model is None:
        reason = f"the value of an order is not predictable: {spend.reason}; the customer's own mean is used"
    return Forecaster(history, compressed, options, tuple(cards), tuple(candidates), candidates[0], spend.model, reason)


def _too_little(history: History, options: ForecastOptions) -> str | None:
    if len(history) < options.min_customers:
        return f"only {len(history):,} customers have bought so far; {options.min_customers:,} are needed (forecast.min_customers)"
    assert history.first_day is not None
    days = history.until - history.first_day
    if days < options.min_history_days:
        return f"the history is {days} days long; {options.min_history_days} are needed (forecast.min_history_days)"
    return None


def _rule_card(history: History, reason: str) -> ModelCard:
    notes = f"a rule in place of a model, because {reason}"
    return ModelCard(SAME_RATE, len(history), {}, {}, None, is_identified=False, notes=notes)


def _card(model: str, customers: int, fit: Fit, notes: str) -> ModelCard:
    errors = {
        name: float(error) if error == error else None
        for name, error in zip(fit.names, fit.standard_errors, strict=True)
    }
    parameters = {name: float(value) for name, value in zip(fit.names, fit.parameters, strict=True)}
    return ModelCard(model, customers, parameters, errors, fit.log_likelihood, fit.is_identified, notes)


def _spend_notes(spend: SpendFit) -> str:
    notes = "predicts the value of an order" if spend.model else f"refused: {spend.reason}"
    if spend.set_aside:
        notes += f"; {spend.set_aside:,} customers who came back without spending anything were set aside"
    return notes
