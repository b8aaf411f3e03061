"""The derivatives are those of the likelihood, and fits find what made the data."""

import numpy as np
import pytest

from retain.forecast.bg_nbd import BgNbd
from retain.forecast.gamma_gamma import SpendLikelihood, fit_spend
from retain.forecast.maximum_likelihood import maximise
from retain.forecast.mbg_nbd import MbgNbd
from retain.forecast.purchase_likelihood import PurchaseLikelihood
from retain.forecast.statistics import History, States, states

POINTS = [[0.3, 5.0, 0.7, 2.0], [2.0, 0.4, 3.0, 0.2], [0.05, 60.0, 0.02, 9.0]]


def numeric(of, point):
    steps = 1e-6 * np.diag(point)
    return np.array([(of(point + step) - of(point - step)) / (2 * step.sum()) for step in steps])


def spend_of(history):
    usable = history.x > 0
    return SpendLikelihood(history.x[usable].astype(float), history.mean_repeat_spend[usable])


@pytest.mark.parametrize("chances_at_start", [0, 1])
@pytest.mark.parametrize("point", POINTS)
def test_gradient_and_hessian_of_purchases_are_exact(cdnow_calibration, chances_at_start, point):
    likelihood, point = PurchaseLikelihood(states(cdnow_calibration), chances_at_start), np.array(point)
    exact = likelihood(point)
    assert exact.gradient == pytest.approx(numeric(lambda at: likelihood(at).value, point), rel=1e-5, abs=1e-3)
    assert exact.hessian == pytest.approx(numeric(lambda at: likelihood(at).gradient, point), rel=1e-5, abs=1e-3)


@pytest.mark.parametrize("point", [[5.0, 4.0, 20.0], [0.3, 1.2, 200.0]])
def test_gradient_and_hessian_of_spend_are_exact(cdnow_calibration, point):
    likelihood, point = spend_of(cdnow_calibration), np.array(point)
    exact = likelihood(point)
    assert exact.gradient == pytest.approx(numeric(lambda at: likelihood(at).value, point), rel=1e-5, abs=1e-3)
    assert exact.hessian == pytest.approx(numeric(lambda at: likelihood(at).gradient, point), rel=1e-5, abs=1e-3)


def test_grouping_customers_does_not_change_the_likelihood(cdnow_calibration):
    grouped = states(cdnow_calibration)
    order = grouped.state_of.argsort()
    one_by_one = States(
        grouped.x[grouped.state_of][order],
        grouped.t_x[grouped.state_of][order],
        grouped.t[grouped.state_of][order],
        np.ones(len(order)),
        np.arange(len(order)),
    )
    point = np.array(POINTS[0])
    assert PurchaseLikelihood(grouped)(point).value == pytest.approx(PurchaseLikelihood(one_by_one)(point).value)
    assert len(grouped) < len(order) / 2


def test_a_customer_with_thousands_of_occasions_has_a_finite_likelihood():
    x = np.array([0.0, 3.0, 20_000.0])
    heavy = States(x, np.array([0.0, 5.0, 700.0]), np.array([10.0, 9.0, 701.0]), np.ones(3), np.arange(3))
    for chances_at_start in (0, 1):
        found = PurchaseLikelihood(heavy, chances_at_start)(np.array([0.5, 4.0, 0.8, 2.5]))
        assert np.isfinite(found.value)
        assert np.isfinite(found.gradient).all()
        assert np.isfinite(found.hessian).all()


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
def test_parameters_are_recovered_within_three_standard_errors(simulate, kind):
    # Days are so short beside the gaps here that cutting time into days costs next to nothing.
    truth = {"r": 0.6, "alpha": 40.0, "a": 0.8, "b": 2.5}
    shop = simulate(60_000, 7_000, join_days=3_500, chances_at_start=kind.chances_at_start, **truth)
    fit = maximise(PurchaseLikelihood(states(shop.history(7_000)), kind.chances_at_start))
    assert fit.is_identified
    distance = (fit.parameters - list(truth.values())) / fit.standard_errors
    assert np.abs(distance).max() < 3
    assert (fit.standard_errors / fit.parameters).max() < 0.1


def test_spend_parameters_are_recovered_within_three_standard_errors(simulate):
    history = simulate(30_000, 7_000, alpha=40.0, p=6.0, q=4.0, gamma=15.0).history(7_000)
    fit = fit_spend(history).fit
    assert np.abs((fit.parameters - [6.0, 4.0, 15.0]) / fit.standard_errors).max() < 3


def test_standard_errors_are_the_spread_of_repeated_samples(simulate):
    fits = []
    for seed in range(20):
        shop = simulate(2_000, 1_000, alpha=20.0, join_days=300, seed=seed)
        fits.append(maximise(PurchaseLikelihood(states(shop.history(1_000)))))
    spread = np.std([np.log(fit.parameters) for fit in fits], axis=0)
    stated = np.median([fit.standard_errors / fit.parameters for fit in fits], axis=0)
    assert stated == pytest.approx(
        spread, rel=0.5
    )  # twenty samples know a spread to 16 %; a wrong Hessian is off by far more


def test_the_currency_does_not_change_the_spend_model(cdnow_calibration):
    rials = 420_000
    in_rials = History(
        **{
            **vars(cdnow_calibration),
            "repeat_cents": cdnow_calibration.repeat_cents * rials,
            "total_cents": cdnow_calibration.total_cents * rials,
        }
    )
    dollars, other = fit_spend(cdnow_calibration), fit_spend(in_rials)
    assert other.fit.parameters == pytest.approx(dollars.fit.parameters * [1, 1, rials], rel=1e-6)
    assert other.fit.log_likelihood == pytest.approx(dollars.fit.log_likelihood - 946 * np.log(rials))
