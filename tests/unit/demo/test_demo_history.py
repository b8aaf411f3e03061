"""The simulated people: their purchases follow the stated truth, and no day depends on what comes after it."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from retain.demo import buying
from retain.demo.clock import Clock, local_day, midnight
from retain.demo.columns import count_within
from retain.demo.dice import Dice
from retain.demo.orders import FRAUD, GIFT_CARD, PURCHASE, TEST, WALK_IN, WRONG
from retain.demo.simulation import simulate
from retain.errors import UserError

START, UNTIL = date(2023, 1, 15), date(2024, 12, 31)


@pytest.fixture(scope="module")
def people() -> tuple[buying.Buyers, buying.Occasions]:
    return buying.buy(Dice(3), Clock(date(2020, 1, 1), date(2022, 12, 31)), 20_000)


def test_a_draw_depends_on_its_name_and_on_whom_it_is_for_and_on_nothing_else() -> None:
    who = np.arange(1_000)
    some, all_of_them = Dice(1).uniform("hair", who[500:510]), Dice(1).uniform("hair", who)
    assert np.array_equal(some, all_of_them[500:510])
    assert not np.array_equal(all_of_them, Dice(2).uniform("hair", who))
    assert not np.array_equal(all_of_them, Dice(1).uniform("eyes", who))
    assert len(np.unique(all_of_them)) == 1_000


def test_draws_have_the_distribution_they_are_named_after() -> None:
    dice, who = Dice(11), np.arange(200_000)
    assert np.quantile(dice.uniform("u", who), [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.005)
    assert dice.gamma("g", 0.55, 29.0, who).mean() == pytest.approx(0.55 / 29, rel=0.02)
    assert dice.beta("b", 0.8, 2.8, who).mean() == pytest.approx(0.8 / 3.6, rel=0.01)
    assert np.bincount(dice.pick("p", [3, 1], who)) / len(who) == pytest.approx([0.75, 0.25], abs=0.005)
    assert abs(np.corrcoef(dice.uniform("u", who), dice.uniform("v", who))[0, 1]) < 0.01
    assert abs(np.corrcoef(dice.uniform("u", who)[1:], dice.uniform("u", who)[:-1])[0, 1]) < 0.01


def test_three_years_bring_about_as_many_people_as_asked_for(people: Any) -> None:
    buyers, occasions = people
    assert len(buyers) == pytest.approx(20_000, rel=0.01)
    assert 85_000 < len(occasions) < 100_000
    joined_a_year = np.bincount(buyers.acquired_on.astype("M8[D]").astype("M8[Y]").astype(int))[-3:]
    assert joined_a_year == pytest.approx([6_667] * 3, rel=0.02)


def test_people_stop_for_good_at_the_rate_the_truth_says(people: Any) -> None:
    buyers, occasions = people
    repeats = buyers.occasions - 1
    # After every repeat purchase a person stops with their own probability, so stops are Bernoulli given the truth.
    expected = (repeats * buyers.drop_out_probability).sum()
    assert buyers.dropped_out.sum() == pytest.approx(expected, rel=0.03)
    last = np.zeros(len(buyers), dtype=np.int64)
    np.maximum.at(last, np.searchsorted(buyers.number, occasions.person), occasions.day)
    assert (last == buyers.dropped_on)[buyers.dropped_out].all()
    assert (buyers.occasions[buyers.dropped_out] >= 2).all()


def test_people_buy_at_the_rate_the_truth_says_while_they_still_buy(people: Any) -> None:
    buyers, _ = people
    until = Clock(date(2020, 1, 1), date(2022, 12, 31)).last_day
    alive_days = np.where(buyers.dropped_out, buyers.dropped_on, until + 1) - buyers.acquired_on
    assert (buyers.occasions - 1).sum() == pytest.approx((buyers.rate * alive_days).sum(), rel=0.03)


def test_a_person_spends_what_their_level_says(people: Any) -> None:
    buyers, occasions = people
    level = buyers.mean_spend[np.searchsorted(buyers.number, occasions.person)]
    assert occasions.spend.sum() == pytest.approx(level.sum(), rel=0.01)
    ratio = occasions.spend / level
    assert ratio.var() == pytest.approx(1 / buying.P, rel=0.03)  # Gamma(P) around its mean
    assert abs(np.corrcoef(buyers.rate, buyers.mean_spend)[0, 1]) < 0.03


def test_december_is_the_busiest_month_and_mondays_are_quiet(people: Any) -> None:
    _, occasions = people
    days = occasions.day.astype("M8[D]")
    month = days.astype("M8[M]").astype(int) % 12
    of_2022 = np.bincount(month[days >= np.datetime64("2022-01-01")], minlength=12)
    assert of_2022.argmax() == 11
    weekday = np.bincount((occasions.day + 3) % 7)
    assert weekday.argmax() == 5
    assert weekday.argmin() == 0


def test_what_is_paid_comes_to_what_people_meant_to_spend(shop: Any) -> None:
    s = shop.simulation
    rate = np.where(s.orders.currency == 1, s.catalogue.published_rate(s.orders.day), 1.0)
    paid = s.totals.net / 100 * rate
    bought = s.orders.kind == PURCHASE
    assert paid[bought].sum() == pytest.approx(s.orders.spend[bought].sum(), rel=0.01)
    assert np.corrcoef(paid[bought], s.orders.spend[bought])[0, 1] > 0.95


@pytest.mark.parametrize("later_by", [1, 37, 200])
def test_a_later_day_changes_nothing_that_happened_before(until_day: Callable[..., Any], later_by: int) -> None:
    early, late = until_day(UNTIL - timedelta(days=later_by)).simulation, until_day(UNTIL).simulation
    known = late.orders.take(late.orders.at < early.clock.cut)
    assert np.array_equal(known.ref, early.orders.ref)
    assert np.array_equal(known.arrived_at, early.orders.arrived_at)
    n = len(early.lines)
    for name in ("number", "product", "quantity", "price", "discount"):
        assert np.array_equal(getattr(late.lines, name)[:n], getattr(early.lines, name))
    assert np.array_equal(late.cards.person[: len(early.cards)], early.cards.person)


def test_another_seed_tells_another_history(until_day: Callable[..., Any]) -> None:
    one, other = until_day(UNTIL), until_day(UNTIL, 8)
    assert one.tables["orders"] != other.tables["orders"]
    assert one.files.keys() != other.files.keys() or one.files != other.files


def test_everything_that_really_happens_happens(shop: Any) -> None:
    s = shop.simulation
    kinds = np.bincount(s.orders.kind, minlength=8)
    assert (kinds > 0).all(), kinds
    bought = s.orders.take(s.orders.kind == PURCHASE)
    a_day = bought.person * 100_000 + bought.day
    assert len(np.unique(a_day)) < len(a_day), "nobody ordered twice on a day"
    assert set(np.unique(bought.currency)) == {0, 1}
    assert np.intersect1d(s.accounts.person, s.cards.person).size > 50
    assert (s.accounts.which == 2).sum() > 5
    late = (s.returns.at - s.orders.at[s.returns.order]) / 86_400
    assert (late > 60).any()
    whole = s.returns.amount == s.totals.net[s.returns.order]
    assert whole.any()
    assert (~whole).any()


def test_no_refund_is_larger_than_what_was_paid(shop: Any) -> None:
    s = shop.simulation
    returned = np.bincount(s.returns.order, weights=s.returns.amount, minlength=len(s.orders))
    assert (returned <= s.totals.net).all()
    assert (s.returns.at > s.orders.at[s.returns.order]).all()
    assert (s.returns.at > s.orders.arrived_at[s.returns.order]).all()


def test_walk_ins_tests_frauds_and_wrong_rows_belong_to_no_buyer(shop: Any) -> None:
    s = shop.simulation
    others = np.isin(s.orders.kind, [WALK_IN, TEST, FRAUD, WRONG])
    assert not np.isin(s.orders.person[others], s.buyers.number).any()
    assert np.isin(s.orders.person[~others], s.buyers.number).all()


def test_a_gift_card_is_bought_alone(shop: Any) -> None:
    s = shop.simulation
    is_card = s.catalogue.products.is_gift_card[s.lines.product]
    assert np.array_equal(is_card, s.orders.kind[s.lines.order] == GIFT_CARD)
    assert (np.bincount(s.lines.order)[s.orders.kind == GIFT_CARD] == 1).all()


def test_nobody_uses_an_account_before_it_exists_or_after_it_was_closed(shop: Any) -> None:
    s = shop.simulation
    for owner, opened, closed in (
        (s.identified.account, s.accounts.registered_at, s.accounts.closed_at),
        (s.identified.card, s.cards.issued_at, s.cards.closed_at),
    ):
        used = owner >= 0
        assert (opened[owner[used]] <= s.orders.at[used]).all()
        assert (closed[owner[used]] > s.orders.at[used]).all()


def test_a_day_is_a_day_in_yerevan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    first = np.array([(date(2024, 3, 1) - date(1970, 1, 1)).days])
    assert np.datetime64(int(midnight(first)[0]), "s") == np.datetime64("2024-02-29T20:00:00")
    assert local_day(midnight(first)) == first
    assert local_day(midnight(first) - 1) == first - 1


def test_counting_within_groups_starts_again_with_each() -> None:
    assert count_within(np.array([4, 4, 4, 7, 9, 9])).tolist() == [0, 1, 2, 0, 0, 1]
    assert count_within(np.array([], dtype=np.int64)).tolist() == []


@pytest.mark.parametrize(
    ("start", "until", "customers", "complaint"),
    [
        (date(2011, 12, 31), date(2014, 1, 1), 1_000, "cannot start on 2011-12-31"),
        (date(2024, 1, 2), date(2024, 1, 1), 1_000, "cannot end on 2024-01-01"),
        (date(2024, 1, 1), date(2024, 2, 1), 0, "found 0"),
    ],
)
def test_a_shop_that_cannot_be_is_refused_with_a_sentence(
    start: date, until: date, customers: int, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        simulate(start=start, until=until, seed=1, customers=customers)


def test_a_shop_of_one_day_can_be() -> None:
    one = simulate(start=START, until=START, seed=1, customers=20_000)
    assert len(one.orders) > 0
    assert (one.orders.day == one.clock.first_day).all()
