"""The model of silence: it learns from closed windows only, is calibrated, is kept as bytes, and yields to a better one."""

from dataclasses import replace

import numpy as np
import pytest

from retain.forecast.churn import train, training
from retain.forecast.churn.facts import NAMES, facts_at
from retain.forecast.churn.scorers import Calibration, Logistic, Trees, from_bytes, sigmoid, to_bytes
from retain.forecast.churn.training import HORIZONS, InUse
from retain.forecast.forecaster import ForecastOptions, make_forecaster
from retain.forecast.graded import RECENCY_ONLY, area_under_curve, baselines
from retain.forecast.statistics import Occasions, Returned

OPTIONS = ForecastOptions()
CUT = 900


@pytest.fixture(scope="module")
def shop(make_occasions):
    """1,200 days of 5,000 customers who come at even distances (no purchasing model knows that), some returns, and two
    channels, of which one is left sooner."""
    random, customers, days = np.random.default_rng(4), 5_000, 1_200
    rate = random.gamma(1.0, 1 / 40.0, customers)
    channel = random.integers(0, 2, customers).astype(np.int32)
    leaves = random.beta(0.8, np.where(channel == 1, 2.0, 5.0))
    moment = random.integers(0, 1_100, customers).astype(float)
    active = np.arange(customers)
    who, when = [active], [moment.copy()]
    while len(active):
        moment[active] += random.gamma(4.0, 1 / (4.0 * rate[active])) + 0.5
        active = active[moment[active] <= days]
        who.append(active)
        when.append(moment[active].copy())
        active = active[random.random(len(active)) > leaves[active]]
    customer, day = np.concatenate(who), np.floor(np.concatenate(when)).astype(np.int64)
    shop = make_occasions(customer, day, np.rint(random.gamma(3.0, 800.0, len(day))).astype(np.int64) + 100)
    row = np.sort(random.choice(len(shop.day), 900, replace=False))
    back = Returned(row, shop.day[row] + random.integers(0, 40, 900), shop.cents[row] // 2)
    keys = np.ascontiguousarray(random.integers(0, 2**63, (customers, 2), dtype=np.int64)).view("V16").ravel()
    return replace(shop, keys=keys, returned=back, channel=channel, channels=("store", "web"))


@pytest.fixture(scope="module")
def forecaster(shop):
    return make_forecaster(shop, CUT, OPTIONS)


@pytest.fixture(scope="module")
def churn(shop, forecaster):
    return train(shop, forecaster)


def probabilities(occasions, until=CUT, in_use=None):
    forecaster = make_forecaster(occasions, until, OPTIONS)
    churn = train(occasions, forecaster, in_use)
    facts = facts_at(occasions, forecaster.history)
    keys = occasions.keys[facts.customer]
    return churn, keys, {days: churn.p_no_order(days, facts, occasions.channels) for days in HORIZONS}


def changed_after(occasions, cut, seed):
    """Other days, amounts and returns after the cut, other buyers too; before it everything as it was."""
    random = np.random.default_rng(seed)
    later = occasions.day > cut
    day, cents, returned = occasions.day.copy(), occasions.cents.copy(), occasions.returned
    day[later] = cut + 1 + random.permutation(day[later] - cut - 1)
    # what came back of an early occasion after the cut is in `cents` already: put it back before it is changed
    cents = np.where(later, random.integers(1, 10**6, len(cents)), occasions.net_at(cut))
    row, back = returned.row[returned.day <= cut], returned.day[returned.day <= cut]
    early = np.flatnonzero(~later)[::7]
    new = Returned(
        np.concatenate([row, early]),
        np.concatenate([back, np.full(len(early), cut + 3)]),
        np.concatenate([returned.cents[returned.day <= cut], np.full(len(early), 250)]),
    )
    cents[early] -= 250
    order = np.lexsort((day, occasions.customer))
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    kept = np.ones(len(order), dtype=bool)
    kept[1:] = (occasions.customer[order][1:] != occasions.customer[order][:-1]) | (day[order][1:] != day[order][:-1])
    renumbered = np.cumsum(kept) - 1
    return replace(
        occasions,
        customer=occasions.customer[order][kept],
        day=day[order][kept],
        cents=cents[order][kept],
        returned=Returned(renumbered[position[new.row]], new.day, new.cents),
    )


def test_changing_everything_after_the_day_changes_nothing(shop):
    truth, keys, said = probabilities(shop)
    assert all(p is not None for p in said.values())
    for seed in (1, 2):
        altered = changed_after(shop, CUT, seed)
        assert (altered.day > CUT).any()
        other, other_keys, other_said = probabilities(altered)
        assert (keys == other_keys).all()
        for days in HORIZONS:
            assert (said[days] == other_said[days]).all()
            assert truth.models[days].notes == other.models[days].notes
    forgotten = shop.known_at(CUT)
    _, _, cut_said = probabilities(forgotten)
    assert all((cut_said[days] == said[days]).all() for days in HORIZONS)


def test_only_closed_windows_are_learnt_from(churn, shop):
    windows = training._Windows(shop, CUT)
    for days in HORIZONS:
        model = churn.models[days]
        assert model.scorer is not None
        assert model.trained[1] <= CUT - days  # the last training window had ended when the calibration window began
        assert windows.silent(CUT - days, days).any()
        with pytest.raises(AssertionError, match="not closed"):
            windows.silent(CUT - days + 1, days)


def test_probabilities_hold_in_the_window_that_nobody_had_seen(shop, churn, forecaster):
    facts = facts_at(shop, forecaster.history)
    for days in HORIZONS:
        happened, _ = shop.between(forecaster.history, CUT + days)
        p = churn.p_no_order(days, facts, shop.channels)
        band = np.minimum((p * 10).astype(int), 9)
        apart = np.abs(np.bincount(band, p - (happened == 0))).sum() / len(p)
        assert apart < 0.03
        assert ((p > 0) & (p < 1)).all()


def test_the_same_data_and_seed_give_the_same_bytes(shop, forecaster, churn):
    again = train(shop, forecaster)
    for days in HORIZONS:
        one, other = churn.models[days], again.models[days]
        assert to_bytes(one.scorer, one.calibration) == to_bytes(other.scorer, other.calibration)


@pytest.mark.parametrize("kind", [Trees, Logistic])
def test_a_model_read_back_from_bytes_says_the_same(shop, forecaster, churn, kind):
    lens = churn.models[90].reading.lens(90, CUT, shop.channels)
    matrix = lens.matrix(facts_at(shop, forecaster.history).table)
    silent = matrix[:, 0] > 100
    scorer = Trees.fit(matrix, silent, lens.said, 1) if kind is Trees else Logistic.fit(matrix, silent)
    written = Calibration(0.8, 0.3, -0.1)
    back, calibration = from_bytes(to_bytes(scorer, written))
    assert (back.score(matrix) == scorer.score(matrix)).all()
    assert calibration == written


def test_trees_kept_as_arrays_score_as_scikit_learn_does(shop, forecaster, churn):
    from sklearn.ensemble import HistGradientBoostingClassifier

    lens = churn.models[90].reading.lens(90, CUT, shop.channels)
    matrix = lens.matrix(facts_at(shop, forecaster.history).table)
    silent = matrix[:, 0] > np.median(matrix[:, 0]) + np.random.default_rng(1).normal(0, 50, len(matrix))
    ours = Trees.fit(matrix, silent, lens.said, 7)
    theirs = HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=10, learning_rate=0.12, min_samples_leaf=max(20, len(matrix) // 500),
        l2_regularization=5.0, early_stopping=False, random_state=7,
        monotonic_cst=(np.arange(matrix.shape[1]) == lens.said).astype(int),
    ).fit(matrix, silent)  # fmt: skip
    assert ours.score(matrix) == pytest.approx(theirs.decision_function(matrix), abs=1e-9)


def outcomes_of(random, own, anchor, intercept, customers):
    said = random.normal(0, 1.5, customers)
    score = said + random.normal(0, 1, customers)
    return score, said, random.random(customers) < sigmoid(intercept + own * score + anchor * said)


def test_calibration_finds_the_shares_that_made_the_outcomes():
    found = Calibration.fit(*outcomes_of(np.random.default_rng(1), 0.7, 0.2, 0.4, 200_000))
    assert (found.own, found.anchor, found.intercept) == pytest.approx((0.7, 0.2, 0.4), abs=0.03)


def test_few_customers_hardly_move_what_the_purchasing_model_says():
    random = np.random.default_rng(1)
    few = [Calibration.fit(*outcomes_of(random, 0.0, 1.0, 0.0, 100)) for _ in range(40)]
    assert np.std([one.own for one in few]) < 0.25
    none = Calibration.fit(np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool))
    assert (none.own, none.anchor, none.intercept) == (0, 1, 0)


def test_a_score_that_points_the_wrong_way_gets_no_share():
    random = np.random.default_rng(1)
    score, said, silent = outcomes_of(random, 0.0, 1.0, 0.3, 20_000)
    found = Calibration.fit(said - score, said, silent)
    assert 0 <= found.own < 0.06
    away = Calibration.fit(-score, said, random.random(len(said)) < sigmoid(score))
    assert away.own == 0
    assert away.anchor > 0


def test_a_line_is_not_drawn_on_beyond_what_was_learnt_from():
    random = np.random.default_rng(1)
    matrix = random.uniform(0, 100, (20_000, 2))
    logistic = Logistic.fit(matrix, random.random(20_000) < matrix[:, 0] / 100)
    edge, beyond = logistic.score(np.array([[100.0, 50.0], [10_000.0, 50.0]]))
    assert beyond == edge


def test_too_short_a_history_falls_back_to_the_purchasing_model_and_says_so(shop):
    forecaster = make_forecaster(shop, 260, OPTIONS)
    model = train(shop, forecaster).models[180]
    assert model.name == forecaster.model == "bg_nbd"
    assert model.scorer is None
    assert "the purchasing model's own probability of no order" in model.notes
    assert "420 are needed" in model.notes
    assert train(shop, forecaster).p_no_order(180, facts_at(shop, forecaster.history), shop.channels) is None


def test_where_no_purchasing_model_is_identified_silence_is_learnt_beside_the_rule(simulate):
    shop = simulate(3_000, 500, join_days=400, a=0.001, b=50.0)  # nobody leaves: no drop-out to be found
    forecaster = make_forecaster(shop, 400, OPTIONS)
    assert forecaster.model == "same_rate_as_before"
    churn, facts = train(shop, forecaster), facts_at(shop, forecaster.history)
    model, (rule,) = churn.models[90], forecaster.same_rate([90])
    assert model.scorer is not None
    assert model.log_loss[model.name] < model.log_loss["same_rate_as_before"]
    p, silent = churn.p_no_order(90, facts, shop.channels), shop.between(forecaster.history, 490)[0] == 0
    assert model.reading.lens(90, 400, ()).p_no_order(facts.table) == pytest.approx(rule.p_no_order, abs=1e-5)
    loss, before = (-np.log(np.where(silent, each, 1 - each)).mean() for each in (p, rule.p_no_order))
    assert loss < before
    document = model.reading.as_document()
    assert type(model.reading).of_document(document) == model.reading


def test_cdnow_is_ranked_better_than_by_recency_or_by_the_purchasing_model_alone(cdnow):
    found = []
    for day in ("1997-10-03", "1997-12-31", "1998-02-28", "1998-04-01"):
        until = int(np.datetime64(day).astype(int))
        known = cdnow.known_at(until)
        forecaster = make_forecaster(known, until, OPTIONS)
        churn, facts = train(known, forecaster), facts_at(known, forecaster.history)
        for prediction in forecaster.predictions([30, 90]):
            silent = cdnow.between(cdnow.history(until), until + prediction.days)[0] == 0
            learnt = churn.p_no_order(prediction.days, facts, cdnow.channels)
            assert learnt is not None
            naive = {one.model: one.p_no_order for one in baselines(known, forecaster.history, prediction.days)}
            others = (prediction.p_no_order, facts["silence"], naive[RECENCY_ONLY])
            found.append([area_under_curve(each, silent) for each in (learnt, *others)])
            band = np.minimum((learnt * 10).astype(int), 9)
            assert np.abs(np.bincount(band, learnt - silent)).sum() / len(learnt) < 0.035
    mine, alone, silence, recency = np.mean(found, axis=0)
    assert mine > max(alone, silence, recency) + 0.001


def test_a_shop_where_nobody_ever_returns_is_not_learnt_from(make_occasions):
    shop = make_occasions(np.arange(2_000), np.arange(2_000) % 800, np.full(2_000, 1_000))
    forecaster = make_forecaster(shop, 900, OPTIONS)
    for model in train(shop, forecaster).models.values():
        assert model.scorer is None
        assert model.notes


def test_a_worse_new_model_is_not_promoted_and_the_one_in_use_goes_on(shop, churn, forecaster, monkeypatch):
    good = churn.models[90]
    in_use = {90: InUse("good", good.reading, to_bytes(good.scorer, good.calibration))}
    random = np.random.default_rng(2)

    def shuffled(kind, fit):
        return classmethod(lambda cls, matrix, silent, *rest: fit(matrix, random.permutation(silent), *rest))

    monkeypatch.setattr(Trees, "fit", shuffled(Trees, Trees.fit))
    monkeypatch.setattr(Logistic, "fit", shuffled(Logistic, Logistic.fit))
    monkeypatch.setattr(training.Lens, "p_no_order", lambda self, table: np.full(len(table), 0.5))
    worse = train(shop, forecaster, in_use, [90]).models[90]
    assert not worse.promotion.is_promoted
    assert "not promoted: it grades worse than the model in use" in worse.promotion.reason
    assert "version good goes on" in worse.notes
    assert to_bytes(worse.scorer, worse.calibration) == in_use[90].data


def test_an_equal_new_model_is_promoted(shop, churn, forecaster):
    good = churn.models[90]
    in_use = {90: InUse("good", good.reading, to_bytes(good.scorer, good.calibration))}
    same = train(shop, forecaster, in_use, [90]).models[90]
    assert same.promotion.is_promoted
    assert same.promotion.gain == 0


def test_facts_are_those_of_the_customer_on_the_day():
    keys = np.arange(4, dtype=np.uint64).view("V16")
    day = np.array([10, 20, 40, 400, 300], dtype=np.int32)
    shop = Occasions(keys, np.array([0, 0, 0, 0, 1], dtype=np.int32), day, np.array([1000, 2000, 2500, 9, 700]))
    shop = replace(shop, returned=Returned(np.array([2, 1]), np.array([45, 70]), np.array([500, 300])))
    facts = facts_at(shop, shop.history(60))
    row = dict(zip(NAMES, facts.table[0].tolist(), strict=True))
    assert len(facts) == 1
    assert (row["silence"], row["occasions"], row["usual_gap"], row["longest_gap"]) == (20, 3, 15, 20)
    assert row["gap_spread"] == pytest.approx(np.std([10, 20]) / 15)
    assert (row["recent"], row["before"], row["tenure"]) == (3, 0, 50)
    assert row["spend"] == pytest.approx((1000 + 2300 + 2500) / 3 / 100)  # the return of day 70 has not happened
    assert row["last_spend"] == 25.0
    assert row["returned_share"] == pytest.approx(500 / (5800 + 500))
    assert np.isnan(row["channel"])
    assert np.isnan(row["in_season"])
    later = dict(zip(NAMES, facts_at(shop, shop.history(380)).table[0].tolist(), strict=True))
    # 380 is day 15 of the next year: days 20 and 40 lie in the 90 days ahead of it, a year back
    assert later["in_season"] == pytest.approx(2 / 3)
