"""When a model may speak, and what is said when none may."""

from dataclasses import replace

import numpy as np
import pytest

from retain.forecast.forecaster import ForecastOptions, make_forecaster
from retain.forecast.statistics import Occasions

OPTIONS = ForecastOptions()


def shop_of(customer, day, cents):
    customer, day = np.asarray(customer, dtype=np.int32), np.asarray(day, dtype=np.int32)
    keys = np.arange(2 * (customer.max() + 1), dtype=np.uint64).view("V16")
    return Occasions(keys, customer, day, np.broadcast_to(np.asarray(cents, dtype=np.int64), customer.shape))


def assert_whole(forecaster):
    horizons = list(forecaster.predictions())
    assert [prediction.days for prediction in horizons] == [30, 90, 180, 365]
    for prediction in horizons:
        for part in (
            prediction.expected_occasions,
            prediction.value,
            prediction.low,
            prediction.high,
            prediction.p_no_order,
        ):
            assert np.isfinite(part).all()
            assert len(part) == len(forecaster.history)


def test_a_healthy_shop_is_forecast_by_bg_nbd(cdnow, cdnow_calibration):
    forecaster = make_forecaster(cdnow, cdnow_calibration.until, OPTIONS)
    assert (forecaster.model, forecaster.not_predictable_reason) == ("bg_nbd", None)
    assert [card.model for card in forecaster.cards] == ["bg_nbd", "pareto_nbd", "mbg_nbd", "gamma_gamma"]
    assert all(card.is_identified for card in forecaster.cards)
    assert_whole(forecaster)


def test_too_few_customers_get_the_rule_and_the_number_that_is_needed(cdnow, cdnow_calibration):
    forecaster = make_forecaster(cdnow, cdnow_calibration.until, replace(OPTIONS, min_customers=2_358))
    assert forecaster.model == "same_rate_as_before"
    assert "only 2,357 customers" in forecaster.not_predictable_reason
    assert "2,358" in forecaster.not_predictable_reason
    assert [card.model for card in forecaster.cards] == ["same_rate_as_before"]
    assert_whole(forecaster)


def test_a_short_history_gets_the_rule_and_the_days_that_are_needed(cdnow, cdnow_calibration):
    forecaster = make_forecaster(cdnow, cdnow_calibration.until, replace(OPTIONS, min_history_days=273))
    assert forecaster.model == "same_rate_as_before"
    assert "the history is 272 days long; 273 are needed" in forecaster.not_predictable_reason


def test_a_shop_of_one_time_buyers_is_not_identified_rather_than_all_alive():
    customers = np.arange(1_000)
    forecaster = make_forecaster(shop_of(customers, customers % 400, 1_000), 500, OPTIONS)
    assert forecaster.model == "same_rate_as_before"
    assert "no purchasing model is identified" in forecaster.not_predictable_reason
    cards = {card.model: card for card in forecaster.cards}
    assert not cards["bg_nbd"].is_identified
    assert not cards["mbg_nbd"].is_identified
    for prediction in forecaster.predictions():
        assert np.isnan(prediction.p_alive).all()
    assert_whole(forecaster)


def test_customers_who_never_leave_put_a_parameter_at_its_bound(simulate):
    loyal = simulate(3_000, 700, join_days=300, a=1e-9, b=1e3)
    forecaster = make_forecaster(loyal, 700, OPTIONS)
    card = forecaster.cards[0]
    assert card.model == "bg_nbd"
    assert not card.is_identified
    assert "bound" in card.notes
    assert forecaster.model != "bg_nbd"
    assert_whole(forecaster)


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (999, "every repeat customer spends the same, 9.99 an occasion"),
        (0, "only 0 customers bought again with a positive amount"),
    ],
)
def test_constant_or_empty_amounts_refuse_the_spend_model_and_keep_the_purchases(
    cdnow, cdnow_calibration, cents, words
):
    flat = Occasions(cdnow.keys, cdnow.customer, cdnow.day, np.full_like(cdnow.cents, cents))
    forecaster = make_forecaster(flat, cdnow_calibration.until, OPTIONS)
    assert forecaster.model == "bg_nbd"
    assert words in forecaster.not_predictable_reason
    for prediction in forecaster.predictions():
        assert prediction.expected_spend == pytest.approx(cents / 100)
    assert_whole(forecaster)


def test_repeats_without_spend_are_set_aside_and_told(cdnow, cdnow_calibration):
    cents = cdnow.cents.copy()
    repeaters = cdnow_calibration.customer[cdnow_calibration.x > 0][:30]
    cents[np.isin(cdnow.customer, repeaters)] = 0
    free = Occasions(cdnow.keys, cdnow.customer, cdnow.day, cents)
    forecaster = make_forecaster(free, cdnow_calibration.until, OPTIONS)
    card = next(card for card in forecaster.cards if card.model == "gamma_gamma")
    assert forecaster.not_predictable_reason is None
    assert card.customers == 916
    assert "30 customers who came back without spending anything were set aside" in card.notes
    year = list(forecaster.predictions())[-1]
    aside = np.isin(forecaster.history.customer, repeaters)
    assert year.expected_spend[aside] == pytest.approx(forecaster.spend.mean)
    assert_whole(forecaster)


def test_spend_without_a_mean_is_refused(simulate):
    wild = simulate(3_000, 900, join_days=400, q=0.6)
    forecaster = make_forecaster(wild, 900, OPTIONS)
    assert forecaster.spend is None
    assert "the fitted model has no mean" in forecaster.not_predictable_reason
    assert_whole(forecaster)


def test_a_shop_before_its_first_customer_is_not_predictable():
    forecaster = make_forecaster(shop_of([0, 1], [100, 120], 500), 50, OPTIONS)
    assert len(forecaster.history) == 0
    assert forecaster.not_predictable_reason
    assert list(forecaster.predictions()) == []


def test_a_forecast_of_a_past_day_does_not_know_what_came_after(cdnow, cdnow_calibration):
    known = cdnow.day <= cdnow_calibration.until
    customers, renumbered = np.unique(cdnow.customer[known], return_inverse=True)
    truncated = Occasions(cdnow.keys[customers], renumbered.astype(np.int32), cdnow.day[known], cdnow.cents[known])
    whole = make_forecaster(cdnow, cdnow_calibration.until, OPTIONS)
    cut = make_forecaster(truncated, cdnow_calibration.until, OPTIONS)
    assert whole.cards == cut.cards
    for one, other in zip(whole.predictions(), cut.predictions(), strict=True):
        assert (one.value == other.value).all()
        assert (one.high == other.high).all()
