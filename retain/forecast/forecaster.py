"""Fit every model to a history, choose the one that may speak, or fall back to the rule and say why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from retain.forecast.choosing import (
    MOST_CUSTOMERS,
    HeldOut,
    InUse,
    choose,
    difference,
    find_seasons,
    fit,
    hold_out,
    in_words,
    model_of,
)
from retain.forecast.gamma_gamma import GammaGamma, SpendFit, fit_spend
from retain.forecast.maximum_likelihood import Fit
from retain.forecast.pareto_nbd import ParetoNbd
from retain.forecast.prediction import HORIZONS, Prediction, predict
from retain.forecast.purchase_model import BY_NAME, IN_ORDER, PurchaseModel
from retain.forecast.same_rate import NAME as SAME_RATE
from retain.forecast.same_rate import predict_same_rate
from retain.forecast.seasons import MONTHS, NO_SEASONS, Seasons
from retain.forecast.seasons import NAME as SEASONS
from retain.forecast.statistics import History, Occasions, States, states

WORSE = 1.645  # standard errors: a new fit this much worse than the one in use is not promoted (one-sided, 5 %)


@dataclass(frozen=True)
class ForecastOptions:
    """What decides a forecast beside the data. `discount_rate` is a year's; days are those of the shop."""

    min_customers: int = 300
    min_history_days: int = 180
    discount_rate: float = 0.10
    seed: int = 20250101


@dataclass(frozen=True)
class ModelCard:
    """One fitted model, or the rule, as the ledger and a reader see it. Empty parameters: nothing was estimated.

    `held_out_log_likelihood`: of the history's last weeks, by a fit of the same kind that had not seen them.
    `trained`: first and last day of what it learnt from, where that is not the whole history."""

    model: str
    customers: int
    parameters: dict[str, float]
    standard_errors: dict[str, float | None]
    log_likelihood: float | None
    is_identified: bool
    notes: str
    held_out_log_likelihood: float | None = None
    trained: tuple[int, int] | None = None


@dataclass(frozen=True)
class Promotion:
    """Whether a new fit took the place of the one in use, what both were judged by, and why, in words."""

    role: str
    is_promoted: bool
    reason: str
    in_use: str | None
    judged_from: int | None
    judged_until: int
    customers: int
    gain: float | None
    error: float | None


@dataclass(frozen=True)
class Forecaster:
    """What was fitted to `history`, and who speaks: `purchases` (None: the rule) and `spend` (None: the customer's own
    mean). `candidates` are the identified models by name; `seasons` those in which the speaking model counts time."""

    history: History
    states: States
    options: ForecastOptions
    cards: tuple[ModelCard, ...]
    candidates: Mapping[str, PurchaseModel]
    purchases: PurchaseModel | None
    spend: GammaGamma | None
    not_predictable_reason: str | None
    seasons: Seasons = NO_SEASONS
    promotion: Promotion | None = field(default=None, compare=False)

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

    def predictions_by(
        self, purchases: PurchaseModel, horizons: Sequence[int], intervals: bool = True
    ) -> Iterator[Prediction]:
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
            seasons=self.seasons,
            intervals=intervals,
        )

    def same_rate(self, horizons: Sequence[int]) -> Iterator[Prediction]:
        """The same by the rule."""
        return predict_same_rate(self.history, discount_rate=self.options.discount_rate, horizons=horizons)


def make_forecaster(
    occasions: Occasions, until: int, options: ForecastOptions, in_use: InUse | None = None
) -> Forecaster:
    """Fit everything that the history at the end of day `until` can carry. Never raises for difficult data: what is not
    predictable says so. With a model `in_use`, a new fit that is clearly worse on the last weeks does not replace it."""
    history = occasions.history(until)
    if little := too_little(history, options):
        card = _rule_card(history, little)
        return Forecaster(history, states(history), options, (card,), {}, None, None, little)

    some = occasions.known_at(until).sample(MOST_CUSTOMERS)
    compared = some.history(until)
    seasons = find_seasons(some, compared)
    fits = {
        kind.name: fit(kind, compared if kind is ParetoNbd else history, seasons)  # its likelihood is an integral
        for kind in IN_ORDER
    }
    held_out = hold_out(some, compared, seasons, {name: one for name, one in fits.items() if one.is_identified}, in_use)
    chosen = choose(fits, held_out)
    if chosen == ParetoNbd.name and len(compared) < len(history):
        fits[chosen] = fit(ParetoNbd, history, seasons, tuple(fits[chosen].parameters))
    promotion = judge(chosen, held_out, in_use, until)
    kept = in_use if promotion is not None and not promotion.is_promoted else None

    candidates = {name: model_of(BY_NAME[name], one.parameters) for name, one in fits.items() if one.is_identified}
    if kept is not None:
        seasons, chosen = kept.seasons, kept.model
        candidates = {chosen: model_of(BY_NAME[chosen], kept.parameters)}
    cards = _purchase_cards(fits, held_out, chosen, kept, promotion, len(history), len(compared))
    if not seasons.is_flat:
        cards.append(_seasons_card(seasons, history))
    spend = fit_spend(history)
    cards.append(_spend_card(spend))

    reason: str | None = None
    if chosen is None:
        refusals = "; ".join(f"{kind.title}: {fits[kind.name].reason}" for kind in IN_ORDER)
        reason = f"no purchasing model is identified in these data ({refusals})"
        cards.append(_rule_card(history, reason))
        return Forecaster(history, states(history), options, tuple(cards), {}, None, None, reason)
    if spend.model is None:
        reason = f"the value of an order is not predictable: {spend.reason}; the customer's own mean is used"
    return Forecaster(
        history=history,
        states=states(history, seasons),
        options=options,
        cards=tuple(cards),
        candidates=candidates,
        purchases=candidates[chosen],
        spend=spend.model,
        not_predictable_reason=reason,
        seasons=seasons,
        promotion=promotion,
    )


def judge(chosen: str | None, held_out: HeldOut | None, in_use: InUse | None, until: int) -> Promotion | None:
    """Whether `chosen` takes the place of the model in use: unless it is clearly worse on what was held out from it."""

    judged = held_out.as_they_stand if held_out else {}

    def said(is_promoted: bool, reason: str, gain: float | None = None, error: float | None = None) -> Promotion:
        version, since = in_use.version if in_use else None, held_out.from_day if held_out else None
        customers = len(judged.get(chosen or "", ()))
        return Promotion("purchases", is_promoted, reason, version, since, until, customers, gain, error)

    if chosen is None:
        return None
    if in_use is None:
        return said(True, "the first model of purchasing: there is none in use to beat")
    if held_out is None or chosen not in judged:
        return said(True, "there are no last weeks on which both could be judged")
    gain, error = difference(judged[chosen], judged[in_use.version])
    words = (
        f"log-likelihood of the last {held_out.days} days: {gain:+.5f} a customer beside version {in_use.version}"
        f" (standard error {error:.5f})"
    )
    if gain < -WORSE * error:
        return said(
            False,
            f"not promoted: it grades worse than the model in use; {words}, {in_words(gain / error)}",
            gain,
            error,
        )
    return said(True, f"promoted: not worse than the model in use; {words}", gain, error)


def too_little(history: History, options: ForecastOptions) -> str | None:
    """Why a history cannot carry any model; None where it can."""
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


def _purchase_cards(
    fits: Mapping[str, Fit],
    held_out: HeldOut | None,
    chosen: str | None,
    kept: InUse | None,
    promotion: Promotion | None,
    customers: int,
    compared: int,
) -> list[ModelCard]:
    cards = []
    for kind in IN_ORDER:
        one, likelihood = fits[kind.name], held_out.log_likelihood.get(kind.name) if held_out else None
        fitted_on = compared if kind is ParetoNbd and (kind.name != chosen or kept) else customers
        if not one.is_identified:
            notes = f"not identified, so it predicts nothing: {one.reason}"
        elif kept is not None and promotion is not None and kind.name == chosen:
            values = ", ".join(f"{name} {value:.6g}" for name, value in zip(one.names, one.parameters, strict=True))
            notes = f"version {kept.version} goes on predicting the number of orders; the new fit ({values}) was {promotion.reason}"
            stands = dict(zip(one.names, kept.parameters, strict=True))
            cards.append(ModelCard(kind.name, fitted_on, stands, {}, None, is_identified=True, notes=notes))
            continue
        elif kind.name == chosen:
            notes = "predicts the number of orders"
        else:
            notes = "fitted for comparison"
        if likelihood is not None and held_out is not None:
            notes += f"; log-likelihood of the last {held_out.days} days, held out: {likelihood.sum():,.3f}"
            if chosen and kind.name != chosen and chosen in held_out.log_likelihood:
                gain, error = difference(likelihood, held_out.log_likelihood[chosen])
                notes += (
                    f" ({gain * len(likelihood):+,.3f} ± {error * len(likelihood):,.3f} beside {BY_NAME[chosen].title})"
                )
        if fitted_on < customers:
            notes += f"; fitted on every {-(-customers // fitted_on)}th of {customers:,} customers"
        card = _card(kind.name, fitted_on, one, notes, None if likelihood is None else float(likelihood.sum()))
        cards.append(card)
    return cards


def _card(model: str, customers: int, fit: Fit, notes: str, held_out: float | None = None) -> ModelCard:
    errors = {
        name: float(error) if error == error else None
        for name, error in zip(fit.names, fit.standard_errors, strict=True)
    }
    parameters = {name: float(value) for name, value in zip(fit.names, fit.parameters, strict=True)}
    likelihood = float(fit.log_likelihood)
    return ModelCard(model, customers, parameters, errors, likelihood, fit.is_identified, notes, held_out)


def _seasons_card(seasons: Seasons, history: History) -> ModelCard:
    index = dict(zip(MONTHS, seasons.index, strict=True))
    notes = (
        "how busy each month is beside an average day of the year, measured from repeat purchases; the models count time by"
        " it, because what customers did is clearly likelier so"
    )
    return ModelCard(SEASONS, len(history), index, {}, None, is_identified=True, notes=notes)


def _spend_card(spend: SpendFit) -> ModelCard:
    notes = "predicts the value of an order" if spend.model else f"refused: {spend.reason}"
    if spend.set_aside:
        notes += f"; {spend.set_aside:,} customers who came back without spending anything were set aside"
    if spend.fit is None:
        return ModelCard(GammaGamma.name, spend.customers, {}, {}, None, is_identified=False, notes=notes)
    return _card(GammaGamma.name, spend.customers, spend.fit, notes)
