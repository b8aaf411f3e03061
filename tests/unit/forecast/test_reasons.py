"""Reasons are Shapley values of the model's own score, and read like what a colleague would say."""

from itertools import permutations

import numpy as np
import pytest

from retain.forecast.churn.facts import DRIVERS, NAMES
from retain.forecast.churn.reasons import explain, in_words

POSITION = {name: number for number, name in enumerate(NAMES)}
DRIVER = {name: number for number, name in enumerate(DRIVERS)}


@pytest.fixture
def tables():
    random = np.random.default_rng(1)
    return random.exponential(10.0, (50, len(NAMES))), random.exponential(10.0, (400, len(NAMES)))


def of(table, name):
    return table[:, POSITION[name]]


def test_reasons_add_up_to_the_score_less_that_of_those_compared_with(tables):
    def score(table):
        return np.log1p(of(table, "silence")) * of(table, "usual_gap") - np.sqrt(
            of(table, "spend") * of(table, "tenure")
        )

    found = explain(score, *tables, seed=3)
    assert found.moved.sum(axis=1) + found.base == pytest.approx(score(tables[0]))


def test_a_driver_that_the_model_does_not_read_moves_nothing(tables):
    found = explain(lambda table: of(table, "silence") * of(table, "recent"), *tables, seed=3)
    unread = [DRIVER[name] for name in DRIVERS if name not in ("silence", "trend")]
    assert (found.moved[:, unread] == 0).all()
    assert (found.moved[:, DRIVER["silence"]] != 0).all()


def test_an_additive_model_is_explained_exactly(tables):
    def score(table):
        return 3.0 * of(table, "silence") - 2.0 * of(table, "spend")

    few, many = explain(score, *tables, seed=3, pairs=2), explain(score, *tables, seed=3, pairs=60)
    apart = few.moved[:, DRIVER["silence"]] - 3.0 * of(tables[0], "silence")
    assert np.ptp(apart) < 1e-9  # every customer is compared with the same others
    assert many.base == pytest.approx(score(tables[1]).mean(), rel=0.1)


def test_sampled_values_come_close_to_those_over_all_orders(tables):
    names = ("silence", "spend", "tenure")

    def score(table):
        return of(table, "silence") * of(table, "spend") / 10 + np.maximum(of(table, "tenure"), of(table, "silence"))

    customer, others = tables[0][:5], tables[1][:40]
    exact = np.zeros((5, len(DRIVERS)))
    for order in permutations(names):
        for other in others:
            mixed = np.repeat(other[None], 5, axis=0)
            before = score(mixed)
            for name in order:
                mixed[:, POSITION[name]] = customer[:, POSITION[name]]
                after = score(mixed)
                exact[:, DRIVER[name]] += (after - before) / 6 / len(others)
                before = after
    sampled = explain(score, customer, others, seed=5, pairs=400)
    assert sampled.moved == pytest.approx(exact, abs=0.15 * np.abs(exact).max())


def said(driver, moved=1.0, **facts):
    row = np.full((1, len(NAMES)), np.nan)
    for name, value in facts.items():
        row[0, POSITION[name]] = value
    shop = {"usual_gap": 41.0, "spend": 20.0}
    return in_words(row, np.array([DRIVER[driver]]), np.array([moved]), shop, ("store", "web"))[0]


def test_reasons_are_words_with_numbers():
    assert said("silence", silence=94, usual_gap=31) == "no order for 94 days; usually every 31 (raises the risk)"
    assert (
        said("silence", -1.0, silence=1) == "no order for 1 day; bought once; others return after 41 (lowers the risk)"
    )
    assert said("trend", recent=1, before=4) == "1 order in the last 180 days, 4 in the 180 before (raises the risk)"
    assert said("returns", returned_share=0.4) == "40 % of what was bought came back (raises the risk)"
    assert said("channel", channel=1) == "first came through web (raises the risk)"
    assert said("channel") == "first channel not known (raises the risk)"
    assert said("tenure", tenure=1200) == "first order 1,200 days ago (raises the risk)"
    assert said("rhythm", occasions=1) == "1 order so far, and none since (raises the risk)"
    assert "spends 12.50 an order, 8.00 the last time; shop's median 20.00" in said("spend", spend=12.5, last_spend=8)
    assert "no whole year" in said("season")
