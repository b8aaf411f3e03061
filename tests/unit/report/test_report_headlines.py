"""Headlines say what the figures carry, and no more."""

from decimal import Decimal

import pytest

from retain.report import headlines


def test_the_cohort_headline_leaves_out_months_that_are_not_over(cells):
    assert headlines.cohorts(cells) == "20% of customers buy in the month after their first order"


def test_a_shop_in_its_first_month_has_no_cohort_rate(cells):
    assert headlines.cohorts(cells[-1:]) == "No month after a first order is over yet"


def test_the_survival_headline_names_the_first_and_the_last_known_step():
    steps = [
        {"from_occasion": 1, "back_within_90": Decimal("0.30")},
        {"from_occasion": 2, "back_within_90": Decimal("0.42")},
        {"from_occasion": 3, "back_within_90": None},
    ]
    assert headlines.survival(steps) == "30% are back within 90 days of a first order, 42% of a second"
    assert headlines.survival([]) == "Too early to say who comes back"


def test_the_flow_headline_compares_the_last_month_that_is_over_with_the_one_a_year_before(months):
    assert (
        headlines.flow(months, "gregorian")
        == "1,120 active customers at the end of Jan 2026, 12% more than a year before"
    )
    assert headlines.flow(months[:12], "gregorian") == "1,110 active customers at the end of Dec 2025"
    assert headlines.flow(months[-1:], "gregorian") == "The first month is not over yet"


def test_a_few_customers_have_no_best_five_percent(key):
    few = [{"top_share": Decimal("0.05"), "observed_share": Decimal("0.4"), "all_customers": 12}]
    many = [{**few[0], "all_customers": 400}]
    assert headlines.value(few, key) == "400 customers have brought €25.0k"
    assert headlines.value(many, key) == "The best 5% of customers bring 40% of net sales"


def test_value_at_risk_is_split_into_lapsed_and_others(key):
    rows = [
        {"risk_band": "lapsed", "bin": 19, "customers": 10, "value_at_risk": Decimal(6000)},
        {"risk_band": "low", "bin": 1, "customers": 10, "value_at_risk": Decimal(3000)},
    ]
    assert headlines.risk(rows, key) == "€9,000 a year is at risk, 67% of it with customers who have lapsed"
    assert headlines.risk(rows, {**key, "value_at_risk": None}) == "Value at risk needs a forecast"


def test_channels_are_ranked_only_when_they_differ_by_more_than_chance(make_channel):
    store, web = make_channel("store", 1000, 1000, 360), make_channel("web", 1000, 1000, 260)
    assert headlines.channels([web, store]) == (
        "Of those who first bought via store, 36% are back within 90 days; via web, 26%"
    )
    alike = [make_channel("store", 100, 100, 36), make_channel("web", 100, 100, 30)]
    assert headlines.channels(alike) == "Channels hardly differ: 30% to 36% of their customers are back within 90 days"


def test_a_channel_of_a_handful_is_not_ranked(make_channel):
    rows = [make_channel("web", 1000, 1000, 260), make_channel("fair", 5, 5, 5)]
    assert headlines.channels(rows) == "Too early to say which channel brings customers who come back"


def test_one_channel_or_none_is_said_plainly(make_channel):
    assert headlines.channels([make_channel("web", 10, 0, 0)]) == "All customers came through web"
    assert headlines.channels([make_channel("unknown", 10, 0, 0)]) == "The sources name no channel"


def load(entity, status="published", waiting=0):
    return {"source": "shop", "entity": entity, "last_status": status, "open_quarantined_rows": waiting}


@pytest.mark.parametrize(
    ("rows", "headline"),
    [
        ([], "Nothing has been loaded yet"),
        ([load("orders")], "The feed is published"),
        ([load("orders"), load("returns", waiting=1)], "All 2 feeds are published; 1 row waits in quarantine"),
        ([load("orders"), load("order_items", "refused")], "1 of 2 feeds is not published: shop order items"),
        ([load("orders", "failed"), load("returns", "refused")], "2 of 2 feeds are not published"),
    ],
)
def test_the_load_headline_names_what_is_wrong(rows, headline):
    assert headlines.loads(rows) == headline


def test_a_graded_forecast_is_the_headline_of_how_sure_we_are():
    graded = {"grades": {"value_expected": 648_000.0, "value_actual": 644_000.0}}
    assert headlines.sureness(graded, "EUR") == "We said €648k, it was €644k"
    assert headlines.sureness(None, "EUR") == "How sure are these numbers?"


def test_a_shop_without_customers_is_told_so_by_every_headline(empty_key):
    said = {
        headlines.cohorts([]), headlines.flow([], "gregorian"), headlines.value([], empty_key),
        headlines.risk([], empty_key), headlines.channels([]),
    }  # fmt: skip
    assert said == {"Nobody has bought yet"}
