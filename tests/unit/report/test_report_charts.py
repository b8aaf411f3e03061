"""What the drawings decide: which cells have a colour, which bins there are, how long a bar is."""

from decimal import Decimal
from itertools import pairwise

import pytest

from retain.report.charts import bars, channels, cohorts, flow, risk, survival, value
from retain.report.charts.theme import Size
from retain.report.figures import nice_step

SIZE = Size(600, 300)


def heatmap(rows):
    return cohorts.draw(rows, calendar="gregorian", currency="EUR", size=SIZE)["datasets"]


def test_cells_of_months_that_are_not_over_have_no_colour(cells):
    drawn = heatmap(cells)
    assert {(cell["cohort"], cell["month"]) for cell in drawn["open"]} == {
        ("Jan 2025", 2),
        ("Feb 2025", 1),
        ("Mar 2025", 0),
    }
    assert [(cell["cohort"], cell["month"]) for cell in drawn["first"]] == [("Jan 2025", 0), ("Feb 2025", 0)]
    assert [(cell["row"], cell["month"]) for cell in drawn["later"]] == [("All cohorts", 1), ("Jan 2025 · 100", 1)]


def test_a_cell_carries_its_numerator_and_denominator(cells):
    cell = heatmap(cells)["later"][-1]
    assert (cell["rate"], cell["of"], cell["net"]) == ("20.0%", "20 of 100", "€200")
    assert heatmap(cells)["open"][0]["state"] == "until now; the month is over on 1 Apr 2025"


def test_the_colours_leave_out_month_zero_open_months_and_tiny_cohorts(cells):
    assert cohorts.top_rate(cells) == 0.2
    tiny = [{**cells[1], "cohort_customers": 4, "active_rate": Decimal("0.75")}]
    assert cohorts.top_rate(cells + tiny) == 0.2
    assert cohorts.top_rate(tiny) == 0.75, "when there are only tiny cohorts, they have the scale for themselves"


def test_all_cohorts_counts_only_those_that_have_been_through_the_month(cells):
    both = [*cells, {**cells[4], "is_mature": True}]
    assert cohorts.pooled(both, 1) == (22, 400)
    assert cohorts.pooled(cells, 1) == (20, 100)


def test_labels_of_survival_curves_that_end_together_are_moved_apart():
    rows = [
        {
            "from_occasion": step,
            "day": 365,
            "at_risk_customers": 50,
            "survival_rate": Decimal(rate),
            "survival_low": Decimal(rate),
            "survival_high": Decimal(rate),
        }
        for step, rate in ((1, "0.26"), (2, "0.32"), (3, "0.25"))
    ]
    ends = survival.draw(rows, size=SIZE)["datasets"]["ends"]
    assert [end["text"] for end in ends] == ["25%", "26%", "32%"]
    heights = [end["at"] for end in ends]
    assert all(above - below >= 0.0499 for below, above in pairwise(heights))


def test_the_running_month_of_the_flow_is_marked(months):
    drawn = flow.draw_changes(months, calendar="gregorian", size=SIZE)["datasets"]["bars"]
    assert {bar["label"] for bar in drawn if not bar["over"]} == {"Feb 2026"}
    assert {bar["customers"] for bar in drawn if bar["kind"] == "Churned"} == {-20}
    assert not [bar for bar in drawn if bar["kind"] == "Won back"], "a bar of nothing is not drawn"


def test_the_last_bin_holds_everything_above():
    rows = [
        {"bin": 0, "observed_customers": 3, "predicted_customers": 4},
        {"bin": 20, "observed_customers": 1, "predicted_customers": 0},
    ]
    spec = value.draw_histogram(rows, which="observed", step=Decimal(50), median=Decimal(20), currency="EUR", size=SIZE)
    drawn = spec["datasets"]["bars"]
    assert (drawn[0]["label"], drawn[0]["share"], drawn[0]["of"]) == ("€0 to €50", 0.75, "3 of 4")
    assert (drawn[-1]["label"], drawn[-1]["share"], drawn[-1]["last"]) == ("€1,000 or more", 0.25, True)
    assert sum(bar["share"] for bar in drawn) == 1


@pytest.mark.parametrize(
    ("least", "step"), [("0", "0"), ("0.003", "0.003"), ("0.9", "1"), ("29.25", "30"), ("31", "40"), ("8100", "10000")]
)
def test_bins_are_round_amounts(least, step):
    assert nice_step(Decimal(least)) == Decimal(step)


def test_a_band_without_a_forecast_says_so_and_has_no_length():
    rows = [
        {"risk_band": "unknown", "bin": None, "customers": 3, "value_at_risk": None},
        {"risk_band": "lapsed", "bin": 19, "customers": 1, "value_at_risk": Decimal(90)},
        {"risk_band": "lapsed", "bin": 18, "customers": 1, "value_at_risk": Decimal(10)},
    ]
    assert [(bar.name, bar.value, bar.text) for bar in risk.by_band(rows, "EUR")] == [
        ("Lapsed", 100.0, "€100 · 2 customers"),
        ("Not predicted", 0.0, "not predicted · 3 customers"),
    ]


def test_bands_are_piled_on_each_other_in_a_bin():
    rows = [
        {"risk_band": "low", "bin": 4, "customers": 5, "value_at_risk": Decimal(1)},
        {"risk_band": "lapsed", "bin": 4, "customers": 2, "value_at_risk": Decimal(1)},
    ]
    drawn = risk.draw_silence(rows, size=SIZE)["datasets"]["bars"]
    assert [(bar["band"], bar["under"], bar["top"], bar["range"]) for bar in drawn] == [
        ("Lapsed", 0, 2, "20% to 25%"),
        ("Low risk", 2, 7, "20% to 25%"),
    ]


def test_rates_of_channels_fill_a_bar_at_100_percent_and_show_their_denominator(make_channel):
    rows = [make_channel("web", 300, 200, 50), {**make_channel("x", 100, 0, 0), "channel": None, "channels": 4}]
    back = channels.bars(rows, "repurchased_within_90_rate", "EUR")
    assert [(bar.name, bar.value, bar.text) for bar in back] == [
        ("web", 0.25, "25.0% · 50 of 200"),
        ("4 others", 0.0, "nobody observed for 90 days"),
    ]
    assert channels.whole(rows, "repeat_rate") == 1.0
    assert channels.whole(rows, "customers") == 400.0
    domain = bars.draw(back, size=SIZE, longest=1.0)["layer"][1]["encoding"]["x"]["scale"]["domain"]
    assert domain == [0, 1.0]


def test_a_name_that_looks_like_markup_stays_text(make_channel):
    (bar,) = channels.bars([make_channel("<script>", 1, 0, 0)], "customers", "EUR")
    assert bars.draw([bar], size=SIZE)["datasets"]["rows"][0]["name"] == "<script>"
