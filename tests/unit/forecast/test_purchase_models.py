"""What the purchasing models say of a customer, against simulation and against sums that take no shortcut."""

import numpy as np
import pytest

from retain.forecast.bg_nbd import BgNbd, expected_before_leaving
from retain.forecast.mbg_nbd import MbgNbd
from retain.forecast.statistics import DAYS_A_WEEK

BG = BgNbd(0.24259, 4.41360, 0.79292, 2.42589)
MBG = MbgNbd(0.524843, 6.18308, 0.891359, 1.61400)
CUSTOMERS = [(0, 0.0, 3.0), (0, 0.0, 39.0), (1, 2.0, 39.0), (2, 30.43, 38.86), (9, 38.0, 39.0), (14, 11.0, 30.0)]


def after(model, x, t_x, t, weeks, draws=400_000):
    """Occasions in the next `weeks`, and weights: from the definition alone, by weighing draws of (rate, leaving) by the past."""
    random = np.random.default_rng(7)
    rate = random.gamma(model.r, 1 / model.alpha, draws)
    leaves = random.beta(model.a, model.b, draws)
    chances = x + model.chances_at_start
    there = rate**x * np.exp(-rate * t) * (1 - leaves) ** chances
    gone = rate**x * np.exp(-rate * t_x) * leaves * (1 - leaves) ** (chances - 1) if chances else np.zeros(draws)
    is_there = random.random(draws) * (there + gone) < there
    would_buy = random.poisson(rate * weeks)
    leaves_after = random.geometric(np.maximum(leaves, 1e-12))
    return np.where(is_there, np.minimum(would_buy, leaves_after), 0), there + gone, is_there


@pytest.mark.parametrize("model", [BG, MBG])
@pytest.mark.parametrize("customer", CUSTOMERS)
@pytest.mark.parametrize("weeks", [30 / 7, 52.0])
def test_alive_silent_and_expected_agree_with_simulation(model, customer, weeks):
    occasions, weight, is_there = after(model, *customer, weeks)
    x, t_x, t = (np.array([float(part)]) for part in customer)
    size = weight.sum() ** 2 / (weight**2).sum()  # draws that the weighing leaves
    assert size > 200

    def close(said, values):
        mean = np.average(values, weights=weight)
        error = np.sqrt(np.average((values - mean) ** 2, weights=weight) / size)
        return abs(said[0] - mean) < 4 * error + 1e-9

    assert close(model.p_alive(x, t_x, t), is_there)
    assert close(model.p_no_order(x, t_x, t, weeks), occasions == 0)
    assert close(model.expected_occasions(x, t_x, t, weeks), occasions)
    for more in (0, 1, 3):
        said = model.p_alive(x, t_x, t) * model.p_more_than(np.array([float(more)]), x, t, weeks)
        assert close(said, occasions > more)


def test_among_simulated_customers_given_a_probability_that_share_does_not_buy(simulate):
    shop = simulate(200_000, 1_100, join_days=600)
    history = shop.history(800)
    happened, _ = shop.between(history, 800 + 90)
    said = BgNbd(0.6, 8.0, 0.8, 2.5).p_no_order(
        history.x, history.t_x_days / DAYS_A_WEEK, history.t_days / DAYS_A_WEEK, 90 / DAYS_A_WEEK
    )
    for low in np.arange(0.1, 1.0, 0.1):
        band = (said >= low) & (said < low + 0.1)
        if band.sum() > 2_000:
            assert said[band].mean() == pytest.approx((happened[band] == 0).mean(), abs=0.02)
    assert said.mean() == pytest.approx((happened == 0).mean(), abs=0.003)


def test_one_time_buyers_are_alive_by_definition_and_still_may_not_order():
    t = np.array([1.0, 50.0, 500.0])
    nothing = np.zeros(3)
    assert (BG.p_alive(nothing, nothing, t) == 1).all()
    silent = BG.p_no_order(nothing, nothing, t, 90 / 7)
    assert (np.diff(silent) > 0).all()
    assert silent[-1] > 0.98
    assert (MBG.p_alive(nothing, nothing, t) < 1).all()


@pytest.mark.parametrize("model", [BG, MBG])
def test_occasions_from_the_start_agree_with_a_shop_of_new_customers(model, simulate):
    parameters = {"r": model.r, "alpha": model.alpha * 10, "a": model.a, "b": model.b}
    shop = simulate(100_000, 3_000, join_days=1, chances_at_start=model.chances_at_start, **parameters)
    slow = type(model)(**parameters)
    assert slow.expected_from_start(np.array([3_000 / 7]))[0] == pytest.approx(shop.history(3_000).x.mean(), rel=0.02)


def summed(rate, scale, a, stays, weeks):
    """Expected occasions as the sum over k of P(more than k), to where nothing is left."""
    model = BgNbd(rate, scale, a, stays)
    mean, spread = rate * weeks / scale, np.sqrt(rate * weeks / scale * (1 + weeks / scale))
    k = np.arange(int(mean + 12 * spread + 100 * (1 + weeks / scale)), dtype=float)
    return model.p_more_than(k, 0.0, 0.0, weeks).sum()


@pytest.mark.parametrize("a", [1e-2, 0.3, 0.99999, 1.0, 1.000001, 1.4, 30.0])
@pytest.mark.parametrize(
    ("rate", "stays"), [(0.24, 0.4), (0.24, 2.4), (12.0, 3.0), (800.0, 900.0), (20_000.0, 20_003.0)]
)
@pytest.mark.parametrize("scale", [2.0, 45.0, 700.0])
def test_expected_occasions_hold_for_few_and_for_thousands_and_across_the_poles(rate, stays, a, scale):
    said = expected_before_leaving(np.array(rate), np.array(scale), a, np.array(stays), 52.0)
    assert float(said) == pytest.approx(summed(rate, scale, a, stays, 52.0), rel=1e-7)


@pytest.mark.parametrize("a", [0.6, 0.7 + 1e-9, 0.7])
def test_the_pole_of_new_customers_is_crossed_smoothly(a):
    said = expected_before_leaving(np.array(0.5), np.array(5.0), a, np.array(0.3), 52.0)  # a + stays near 1
    assert float(said) == pytest.approx(summed(0.5, 5.0, a, 0.3, 52.0), rel=1e-7)


def test_parameters_far_out_are_summed_instead_of_lost():
    said = expected_before_leaving(
        np.array([53.0, 53.0]), np.array([1.9, 1.9]), 756.0, np.array([11_277.0, 11_277.0]), 5.7
    )
    assert np.isfinite(said).all()
    assert said[0] == pytest.approx(summed(53.0, 1.9, 756.0, 11_277.0, 5.7), rel=1e-9)


def test_nothing_is_expected_of_no_time():
    assert (BG.expected_occasions(np.array([0.0, 4.0]), np.array([0.0, 3.0]), np.array([1.0, 9.0]), 0.0) == 0).all()
