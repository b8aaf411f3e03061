"""Pareto/NBD against its closed form, its published figures, and people simulated one by one."""

import numpy as np
import pytest
from scipy.special import gammaln, hyp2f1

from retain.forecast.choosing import choose, hold_out
from retain.forecast.maximum_likelihood import maximise
from retain.forecast.pareto_likelihood import ParetoLikelihood
from retain.forecast.pareto_nbd import ParetoNbd
from retain.forecast.statistics import states

PUBLISHED = np.array([0.55315, 10.57633, 0.60625, 11.67150])
POINTS = [[0.55, 10.58, 0.606, 11.67], [2.0, 0.4, 3.0, 20.0], [0.05, 60.0, 0.02, 9.0], [0.3, 100.0, 2.0, 1.0]]


def closed_form(parameters, x, t_x, t):
    """Equation A7 and A8 of Fader & Hardie (2005), with scipy's 2F1."""
    r, alpha, s, beta = parameters
    larger, second = max(alpha, beta), s + 1 if alpha >= beta else r + x

    def part(at):
        z = abs(alpha - beta) / (larger + at)
        return hyp2f1(r + s + x, second, r + s + x + 1, z) / (larger + at) ** (r + s + x)

    alive = (alpha + t) ** -(r + x) * (beta + t) ** -s
    left = s / (r + s + x) * (part(t_x) - part(t))
    return gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(alive + left)


@pytest.fixture(scope="module")
def fit(cdnow_calibration):
    return maximise(ParetoLikelihood(states(cdnow_calibration)))


def test_pareto_nbd_has_the_published_likelihood_and_parameters(fit):
    assert f"{fit.log_likelihood:.3f}" == "-9594.976"
    assert fit.is_identified
    # Published: where an optimiser with numerical gradients stopped, a four-hundredth of a standard error away at most.
    assert np.abs((fit.parameters - PUBLISHED) / fit.standard_errors).max() < 0.003
    assert fit.parameters == pytest.approx(PUBLISHED, rel=3e-4)


def test_the_published_pareto_nbd_parameters_are_a_little_below_the_top(fit, cdnow_calibration):
    likelihood = ParetoLikelihood(states(cdnow_calibration))
    published = closed_form(PUBLISHED, *(getattr(states(cdnow_calibration), name) for name in ("x", "t_x", "t")))
    assert likelihood(PUBLISHED).value == pytest.approx(published @ states(cdnow_calibration).customers, abs=1e-8)
    assert fit.log_likelihood > likelihood(PUBLISHED).value
    assert np.abs(likelihood(fit.parameters).gradient).max() < 1e-7 < np.abs(likelihood(PUBLISHED).gradient).max()


@pytest.mark.parametrize("point", POINTS)
def test_the_likelihood_is_the_closed_form_to_twelve_digits(cdnow_calibration, point):
    known = states(cdnow_calibration)
    assert ParetoLikelihood(known).of_states(np.array(point)) == pytest.approx(
        closed_form(point, known.x, known.t_x, known.t), rel=1e-12
    )


@pytest.mark.parametrize("point", POINTS)
def test_gradient_and_hessian_of_pareto_nbd_are_exact(cdnow_calibration, point):
    likelihood, point = ParetoLikelihood(states(cdnow_calibration)), np.array(point)
    exact, steps = likelihood(point), 1e-6 * np.diag(point)

    def numeric(of):
        return np.array([(of(point + step) - of(point - step)) / (2 * step.sum()) for step in steps])

    assert exact.gradient == pytest.approx(numeric(lambda at: likelihood(at).value), rel=1e-5, abs=1e-3)
    assert exact.hessian == pytest.approx(numeric(lambda at: likelihood(at).gradient), rel=1e-5, abs=1e-3)


def test_no_order_is_the_likelihood_of_a_longer_silence_over_that_of_the_silence(fit):
    model = ParetoNbd(*fit.parameters)
    x, t_x, t = (
        np.array([2.0, 0.0, 26.0, 400.0]),
        np.array([30.43, 0.0, 30.86, 60.0]),
        np.array([38.86, 20.0, 31.0, 61.0]),
    )
    longer = closed_form(fit.parameters, x[:3], t_x[:3], t[:3] + 39) - closed_form(
        fit.parameters, x[:3], t_x[:3], t[:3]
    )
    assert model.p_no_order(x, t_x, t, 39.0)[:3] == pytest.approx(np.exp(longer), rel=1e-9)
    assert np.isfinite(model.p_no_order(x, t_x, t, 39.0)).all()


def test_expected_occasions_are_the_sum_of_the_chances_of_more(fit):
    model = ParetoNbd(*fit.parameters)
    x, t = np.array([0.0, 2.0, 26.0]), np.array([5.0, 38.86, 31.0])
    added = sum(model.p_more_than(np.array([float(count)]), x, t, 39.0) for count in range(600))
    assert model.occasions_if_alive(x, t, 39.0) == pytest.approx(added, rel=1e-6)


def test_people_simulated_one_by_one_are_alive_and_buy_as_the_model_says():
    model, random, people = ParetoNbd(0.9, 8.0, 0.7, 10.0), np.random.default_rng(5), 400_000
    rate, leaves = random.gamma(0.9, 1 / 8.0, people), random.exponential(1 / random.gamma(0.7, 1 / 10.0, people))
    x, t_x, moment = np.zeros(people), np.zeros(people), np.zeros(people)
    ahead, weeks, more = 30.0, 20.0, np.zeros(people)
    active = np.arange(people)
    while len(active):
        moment[active] += random.exponential(1 / rate[active])
        active = active[moment[active] < np.minimum(leaves[active], ahead + weeks)]
        past = active[moment[active] <= ahead]
        x[past] += 1
        t_x[past] = moment[past]
        more[active[moment[active] > ahead]] += 1
    for count in (0, 1, 3):
        who = x == count
        t = np.full(who.sum(), ahead)
        assert model.p_alive(x[who], t_x[who], t).mean() == pytest.approx((leaves[who] > ahead).mean(), abs=0.01)
        expected = model.expected_occasions(x[who], t_x[who], t, weeks).mean()
        assert expected == pytest.approx(more[who].mean(), rel=0.04)
        assert model.p_no_order(x[who], t_x[who], t, weeks).mean() == pytest.approx((more[who] == 0).mean(), abs=0.01)


def test_a_later_model_speaks_only_where_it_is_clearly_better_on_what_was_held_out(cdnow, cdnow_calibration):
    from retain.forecast.choosing import fit as fit_kind
    from retain.forecast.purchase_model import IN_ORDER
    from retain.forecast.seasons import NO_SEASONS

    fits = {kind.name: fit_kind(kind, cdnow_calibration, NO_SEASONS) for kind in IN_ORDER}
    held_out = hold_out(cdnow, cdnow_calibration, NO_SEASONS, fits)
    assert choose(fits, held_out) == "bg_nbd"
    better = dict(held_out.log_likelihood) | {"pareto_nbd": held_out.log_likelihood["bg_nbd"] + 0.01}
    assert choose(fits, type(held_out)(held_out.from_day, held_out.days, better, {})) == "pareto_nbd"
    random = np.random.default_rng(1).normal(0.01, 10.0, len(cdnow_calibration))  # better by less than its noise
    noisy = dict(held_out.log_likelihood) | {"pareto_nbd": held_out.log_likelihood["bg_nbd"] + random}
    assert choose(fits, type(held_out)(held_out.from_day, held_out.days, noisy, {})) == "bg_nbd"


def test_the_next_identified_model_in_order_speaks(cdnow, cdnow_calibration):
    from dataclasses import replace

    from retain.forecast.choosing import fit as fit_kind
    from retain.forecast.purchase_model import IN_ORDER
    from retain.forecast.seasons import NO_SEASONS

    fits = {kind.name: fit_kind(kind, cdnow_calibration, NO_SEASONS) for kind in IN_ORDER}
    fits["bg_nbd"] = replace(fits["bg_nbd"], reason="a parameter ran to its bound")
    assert choose(fits, None) == "pareto_nbd"
    fits["pareto_nbd"] = replace(fits["pareto_nbd"], reason="flat")
    assert choose(fits, None) == "mbg_nbd"
    fits["mbg_nbd"] = replace(fits["mbg_nbd"], reason="flat")
    assert choose(fits, None) is None
