"""Grades, drift and seasons: each against a result worked out by hand or by another library."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from retain.forecast.choosing import HeldOut, InUse, find_seasons
from retain.forecast.drift import stability_index
from retain.forecast.forecaster import ForecastOptions, judge, make_forecaster
from retain.forecast.graded import Said, baselines, grade_all
from retain.forecast.seasons import NO_SEASONS, Seasons, month_of
from retain.forecast.statistics import states

DAY = (np.datetime64("2025-03-31") - np.datetime64("1970-01-01")).astype(int)


def test_grades_of_a_probability_are_those_of_scikit_learn():
    random = np.random.default_rng(1)
    p = np.round(random.random(5_000), 2).clip(0.01, 0.99)
    silent = random.random(5_000) < p**1.3
    rows = list(grade_all([Said("one", p, is_published=True)], (~silent).astype(int), np.zeros(5_000)))
    whole = rows[0]
    assert (whole.band, whole.customers, whole.model, whole.is_published) == (0, 5_000, "one", True)
    assert whole.auc == pytest.approx(roc_auc_score(silent, p), abs=1e-6)
    assert whole.log_loss == pytest.approx(log_loss(silent, p), abs=1e-6)
    assert whole.brier_score == pytest.approx(brier_score_loss(silent, p), abs=1e-6)
    bands = rows[1:]
    assert sum(row.customers for row in bands) == 5_000
    weighed = sum(row.customers * abs(row.expected - row.observed) for row in bands) / 5_000
    assert whole.calibration_error == pytest.approx(weighed, abs=1e-5)


def test_grades_of_a_value_are_bias_rank_and_coverage():
    value, low, high = np.array([10.0, 20.0, 30.0, 40.0]), np.zeros(4), np.array([15.0, 15.0, 60.0, 60.0])
    said = Said("one", None, value, low, high, np.array([0.8, 0.8, 0.8, 0.96]))
    whole = next(grade_all([said], np.ones(4, dtype=int), np.array([1000, 1600, 4000, 3400])))
    assert (whole.expected, whole.observed) == (100.0, 100.0)
    assert whole.total_bias == 0
    assert whole.interval_coverage == 0.75
    assert whole.interval_promised == 0.84
    assert whole.rank_correlation == pytest.approx(0.8)


def test_three_baselines_stand_beside_every_grade(cdnow, cdnow_calibration):
    said = {one.model: one for one in baselines(cdnow, cdnow_calibration, 90)}
    assert said.keys() == {"recency_only", "same_rate_as_before", "nobody_returns"}
    assert (said["nobody_returns"].p_no_order == 1).all()
    silence = cdnow_calibration.t_days - cdnow_calibration.t_x_days
    newest, oldest = silence <= np.quantile(silence, 0.05), silence >= np.quantile(silence, 0.95)
    by_recency = said["recency_only"].p_no_order
    assert by_recency[newest].mean() < by_recency[oldest].mean()


def test_the_stability_index_is_0_for_the_same_and_grows_with_the_distance():
    random = np.random.default_rng(1)
    before = random.normal(0, 1, 20_000)
    assert stability_index(before, before) == 0
    assert stability_index(before, random.normal(0, 1, 20_000)) < 0.01
    assert stability_index(before, before + 0.3) < stability_index(before, before + 1.0)
    assert stability_index(before, before + 1.0) > 0.25
    # by hand: two bands of one half each, then 1/4 and 3/4 (with half a customer added to each band)
    halves = np.array([0.0] * 500 + [1.0] * 500)
    quarter = np.array([0.0] * 250 + [1.0] * 750)
    assert stability_index(halves, quarter) == pytest.approx(0.25 * np.log(3.0), abs=0.01)


def test_a_new_kind_of_missing_value_is_drift():
    known = np.arange(1000.0)
    assert stability_index(known, np.where(known % 3 == 0, np.nan, known)) > 0.25


def test_elapsed_time_is_longer_in_a_busy_month():
    busy = Seasons(tuple([0.5] + [1.0] * 10 + [1.5]))
    days = np.arange(DAY, DAY + 800)
    elapsed = np.diff(busy.elapsed(days))
    assert elapsed == pytest.approx(np.asarray(busy.index)[month_of(days[1:])])
    assert busy.elapsed(np.array([DAY])) == busy.elapsed(days)[:1]
    assert NO_SEASONS.weeks_ahead(DAY, 30.5) == pytest.approx(30.5 / 7)
    assert busy.weeks_ahead(DAY, 1.5) == pytest.approx(1.5 / 7)


def test_seasons_are_found_where_there_are_some_and_only_there(simulate):
    flat = simulate(6_000, 1_200, join_days=1_100, seed=8)
    assert find_seasons(flat, flat.history(1_200)).is_flat
    truth = Seasons((0.7, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.1, 1.1, 1.4))
    clock = truth.elapsed(np.arange(0, 1_260))  # an average day of the flat shop falls on this day of the other
    from dataclasses import replace

    warped = replace(flat, day=np.searchsorted(clock, flat.day).astype(np.int32))
    until = int(np.searchsorted(clock, 1_200))
    found = find_seasons(warped, warped.history(until))
    assert found.index == pytest.approx(truth.index, abs=0.1)
    forecaster = make_forecaster(warped, until, ForecastOptions())
    assert next(card for card in forecaster.cards if card.model == "seasons").parameters["dec"] > 1.2
    assert states(forecaster.history, found).t.max() < states(forecaster.history).t.max() * 1.1


def test_a_worse_purchasing_model_is_not_promoted_and_says_why():
    random = np.random.default_rng(1)
    used = random.normal(-5, 1, 2_000)
    in_use = InUse("bg_nbd", (1.0, 2.0, 3.0, 4.0), NO_SEASONS, "v1")

    def decided(new):
        return judge("bg_nbd", HeldOut(100, 90, {}, {"bg_nbd": new, "v1": used}), in_use, 190)

    worse = decided(used - 0.02 + random.normal(0, 0.1, 2_000))
    assert not worse.is_promoted
    assert "not promoted: it grades worse than the model in use" in worse.reason
    assert "version v1" in worse.reason
    assert decided(used + random.normal(0, 0.1, 2_000) * 0.1).is_promoted
    assert decided(used).is_promoted


def test_the_purchasing_model_in_use_goes_on_where_the_new_fit_is_worse(cdnow, cdnow_calibration, monkeypatch):
    from retain.forecast import forecaster as module

    good = make_forecaster(cdnow, cdnow_calibration.until, ForecastOptions())
    in_use = InUse("bg_nbd", tuple(vars(good.purchases).values()), NO_SEASONS, "v1")
    again = make_forecaster(cdnow, cdnow_calibration.until, ForecastOptions(), in_use)
    assert again.promotion.is_promoted
    real = module.fit

    def spoiled(kind, *rest):
        from dataclasses import replace

        fit = real(kind, *rest)
        return replace(fit, parameters=fit.parameters * [3.0, 0.5, 1.0, 1.0])

    monkeypatch.setattr(module, "fit", spoiled)
    kept = make_forecaster(cdnow, cdnow_calibration.until, ForecastOptions(), in_use)
    assert not kept.promotion.is_promoted
    assert tuple(vars(kept.purchases).values()) == in_use.parameters
    assert "version v1 goes on predicting" in next(card for card in kept.cards if card.model == "bg_nbd").notes
