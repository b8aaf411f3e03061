"""Values, discounts and intervals of every customer."""

from dataclasses import fields

import numpy as np
import pytest

from retain.forecast.bg_nbd import BgNbd
from retain.forecast.gamma_gamma import GammaGamma
from retain.forecast.prediction import predict
from retain.forecast.same_rate import predict_same_rate
from retain.forecast.statistics import states

TRUTH, SPEND = BgNbd(0.6, 8.0, 0.8, 2.5), GammaGamma(6.0, 4.0, 15.0)


def predictions(history, spend=SPEND, rate=0.1, seed=1, horizons=(30, 90, 365)):
    return list(predict(TRUTH, spend, history, states(history), discount_rate=rate, seed=seed, horizons=horizons))


@pytest.fixture(scope="module")
def shop(simulate):
    return simulate(40_000, 1_300, join_days=800)


@pytest.fixture(scope="module")
def history(shop):
    return shop.history(900)


def test_everything_is_finite_and_the_value_lies_in_its_interval(history):
    for prediction in [
        *predictions(history),
        *predictions(history, spend=None),
        *predict_same_rate(history, discount_rate=0.1),
    ]:
        for field in fields(prediction):
            values = getattr(prediction, field.name)
            assert field.name in ("days", "p_alive") or np.isfinite(values).all()
        assert (prediction.low >= 0).all()
        assert (prediction.low <= prediction.value).all()
        assert (prediction.value <= prediction.high).all()
        assert (prediction.discounted <= prediction.value).all()
        assert ((prediction.p_no_order >= 0) & (prediction.p_no_order <= 1)).all()


def test_longer_horizons_promise_more(history):
    month, quarter, year = predictions(history)
    assert (month.expected_occasions < quarter.expected_occasions).all()
    assert (quarter.expected_occasions < year.expected_occasions).all()
    assert (month.p_no_order > quarter.p_no_order).all()


def test_value_is_unbiased_where_the_model_is_true(history, shop):
    (year,) = predictions(history, horizons=[365])
    occasions, cents = shop.between(history, 900 + 365)
    assert year.expected_occasions.sum() == pytest.approx(occasions.sum(), rel=0.03)
    assert year.value.sum() == pytest.approx(cents.sum() / 100, rel=0.03)
    repeaters = history.x > 2
    assert year.value[repeaters].sum() == pytest.approx(cents[repeaters].sum() / 100, rel=0.04)


@pytest.mark.parametrize("days", [90, 365])
def test_eighty_percent_of_outcomes_lie_in_the_interval_where_nothing_alone_is_less(history, shop, days):
    (prediction,) = predictions(history, horizons=[days])
    _, cents = shop.between(history, 900 + days)
    inside = (cents / 100 >= prediction.low) & (cents / 100 <= prediction.high)
    undecided = prediction.p_no_order < 0.75
    assert undecided.sum() > 2_000
    assert inside[undecided].mean() == pytest.approx(0.8, abs=0.015)
    sure = prediction.p_no_order < 0.1  # two-sided there
    assert inside[sure].mean() == pytest.approx(0.8, abs=0.04)
    assert (prediction.low[sure] > 0).all()
    assert inside.mean() >= 0.78


@pytest.mark.parametrize("spend", [SPEND, GammaGamma(0.7, 4.0, 15.0)], ids=["even amounts", "uneven amounts"])
@pytest.mark.parametrize("days", [30, 365])
def test_the_intervals_hold_as_much_as_they_promise_of_whomever(simulate, days, spend):
    shop = simulate(30_000, 1_300, join_days=800, **vars(spend), seed=5)
    history = shop.history(900)
    (prediction,) = predictions(history, spend=spend, horizons=[days])
    _, cents = shop.between(history, 900 + days)
    inside = (cents / 100 >= prediction.low) & (cents / 100 <= prediction.high)
    promised, nothing = prediction.interval_holds, prediction.p_no_order
    assert (promised >= np.maximum(0.8, np.where(nothing >= 0.1, nothing, 0.0)) - 1e-3).all()
    stretched = promised > np.maximum(0.8, nothing) + 0.01  # to reach the mean
    for some in (nothing < 0.5, (nothing >= 0.5) & (nothing < 0.8), nothing >= 0.8, stretched):
        if some.sum() > 1_000:
            error = np.sqrt((promised * (1 - promised))[some].sum()) / some.sum()
            assert inside[some].mean() == pytest.approx(promised[some].mean(), abs=3.5 * error + 0.002)
    assert promised[nothing >= 0.8].mean() > 0.85
    assert inside.mean() == pytest.approx(promised.mean(), abs=0.008)


def test_the_rule_promises_what_its_counts_hold(simulate):
    history = simulate(500, 200).history(150)
    for prediction in predict_same_rate(history, discount_rate=0.0):
        for customer in (0, 100, 300):
            counts = np.random.default_rng(2).poisson(prediction.expected_occasions[customer], 200_000)
            amount = counts * prediction.expected_spend[customer]
            low, high = prediction.low[customer] - 1e-9, prediction.high[customer] + 1e-9
            share = ((amount >= low) & (amount <= high)).mean()
            assert prediction.interval_holds[customer] == pytest.approx(share, abs=0.005)


def test_the_interval_of_one_customer_is_that_of_direct_simulation(history):
    (year,) = predictions(history, horizons=[365])
    customer = int(np.flatnonzero((history.x == 9) & (year.p_no_order < 0.09))[0])
    random, draws = np.random.default_rng(3), 200_000
    rate = random.gamma(TRUTH.r + 9, 1 / (TRUTH.alpha + history.t_days[customer] / 7), draws)
    leaves = random.beta(TRUTH.a, TRUTH.b + 9, draws)
    occasions = np.minimum(random.poisson(rate * 365 / 7), random.geometric(leaves))
    occasions[random.random(draws) > year.p_alive[customer]] = 0
    level = random.gamma(SPEND.p * 9 + SPEND.q, 1 / (SPEND.gamma + history.repeat_cents[customer] / 100), draws)
    value = random.standard_gamma(np.maximum(SPEND.p * occasions, 1e-9)) * (occasions > 0) / level
    assert year.value[customer] == pytest.approx(value.mean(), rel=0.02)
    assert year.low[customer] == pytest.approx(np.quantile(value, 0.1), rel=0.1)
    assert year.high[customer] == pytest.approx(np.quantile(value, 0.9), rel=0.05)


def test_a_year_of_even_orders_is_discounted_by_about_half_a_year(history):
    (plain,), (discounted,) = (
        predictions(history, rate=0.0, horizons=[365]),
        predictions(history, rate=0.1, horizons=[365]),
    )
    assert (plain.discounted == plain.value).all()
    share = discounted.discounted / discounted.value
    assert ((share > 1.1**-0.5) & (share < 1)).all()  # customers leave as time goes by, so orders come a little early
    # The same by brute force: the expected occasions of each day, discounted from that day.
    x, t_x, t = (np.array([part[5]]) for part in (history.x, history.t_x_days / 7, history.t_days / 7))
    by_day = np.array([TRUTH.expected_occasions(x, t_x, t, day / 7)[0] for day in range(366)])
    expected = (np.diff(by_day) * 1.1 ** (-(np.arange(365) + 0.5) / 365)).sum() * discounted.expected_spend[5]
    assert discounted.discounted[5] == pytest.approx(expected, rel=1e-6)


def test_one_time_buyers_are_expected_to_spend_what_everybody_does(history):
    (month,) = predictions(history, horizons=[30])
    once = history.x == 0
    assert month.expected_spend[once] == pytest.approx(SPEND.mean)
    often = history.x >= 10
    own, said = history.mean_repeat_spend[often], month.expected_spend[often]
    assert (np.abs(said - own) < np.abs(SPEND.mean - own)).mean() > 0.99


def test_the_same_seed_gives_the_same_numbers_and_one_more_customer_changes_no_random_number(simulate, history):
    (one,), (same,), (other) = (predictions(history, horizons=[365], seed=seed) for seed in (1, 1, 2))
    assert (one.high == same.high).all()
    assert (one.high != other[0].high).any()
    x = np.array([3.0, 3.0, 7.0])
    from retain.forecast.outcomes import simulate as tables

    few = tables(TRUTH, SPEND, x[:2], np.array([10.0, 90.0]), 52.0, seed=1)
    more = tables(TRUTH, SPEND, x, np.array([10.0, 90.0, 40.0]), 52.0, seed=1)
    assert (few.quantile(np.full(2, 0.8)) == more.quantile(np.full(3, 0.8))[:2]).all()


def test_the_rule_expects_the_rate_of_before_and_nothing_wild_of_newcomers(simulate):
    shop = simulate(200, 60)
    history = shop.history(59)
    (month,) = predict_same_rate(history, discount_rate=0.1, horizons=[30])
    assert month.expected_occasions.max() < 30
    newcomers = history.t_days == 0
    assert newcomers.any()
    assert month.expected_occasions[newcomers] == pytest.approx(30 * history.x.sum() / history.t_days.sum())
    assert np.isnan(month.p_alive).all()
    assert month.expected_spend == pytest.approx(history.total_cents / 100 / (history.x + 1))
