"""The page in a real browser, offline: everything is drawn, nothing is fetched, nothing from the shop runs."""

import re

import pytest
from command_line import chromium
from report_marts import CHANNEL, MESSAGE, SHOP_NAME

from retain.report import write_report

pytestmark = pytest.mark.browser


class Opened:
    """A page that has been opened, with everything it asked for, complained of, or popped up."""

    def __init__(self, page, path):
        self.requests, self.complaints, self.dialogs = [], [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page, self.url = page, path.as_uri()
        page.goto(self.url)
        page.wait_for_selector("html[data-state=drawn]", timeout=30_000)

    def text(self, selector):
        return self.page.inner_text(selector)


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(browser):
    contexts = []

    def open_it(path, width=1400):
        contexts.append(browser.new_context(offline=True, viewport={"width": width, "height": 900}))
        return Opened(contexts[-1].new_page(), path)

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def opened(report, open_page):
    return open_page(report)


def test_every_panel_is_drawn_offline_without_a_request_or_a_complaint(opened):
    panels = opened.page.locator(".panel")
    assert [panels.nth(number).get_attribute("id") for number in range(panels.count())] == [
        "cohorts", "survival", "flow", "risk", "value", "channels", "loads", "sureness",
    ]  # fmt: skip
    charts = opened.page.locator("[data-chart]")
    assert charts.count() == 13
    for number in range(charts.count()):
        chart = charts.nth(number)
        name = chart.get_attribute("data-chart")
        assert chart.get_attribute("data-state") == "drawn", name
        assert chart.locator("svg .role-mark path, svg .role-mark line").count() > 0, f"{name} is empty"
        box = chart.bounding_box()
        assert box["width"] > 150, name
        assert box["height"] > 30, name
    assert opened.requests == [opened.url]
    assert opened.complaints == []


def test_cells_of_months_that_are_not_over_are_hatched_and_the_legend_says_so(opened, marts):
    ((immature, mature, later),) = marts.ask(
        "select count(*) filter (where not is_mature), count(*) filter (where is_mature), "
        "count(*) filter (where is_mature and months_since_first > 0) from marts.retention_cohorts"
    )
    heatmap = opened.page.locator("[data-chart=cohort_heatmap]")
    assert immature == 4
    assert heatmap.locator(".immature_marks path").count() == immature
    for line in range(3):
        assert heatmap.locator(f".hatch{line}_marks line").count() == immature
    over_all_cohorts = 2  # months 1 and 2 since the first order are over for somebody
    coloured = heatmap.locator(".first_marks path").count() + heatmap.locator(".later_marks path").count()
    assert coloured == mature + over_all_cohorts
    assert heatmap.locator(".rates_marks text").count() == later + over_all_cohorts
    assert "month not over yet" in opened.text("#cohorts .legend")


def test_the_running_month_of_the_flow_is_outlined(opened):
    bars = opened.page.locator("[data-chart=flow_changes] .changes_marks path")
    pale = [
        bars.nth(number) for number in range(bars.count()) if bars.nth(number).get_attribute("fill-opacity") == "0.3"
    ]
    assert [bar.get_attribute("aria-label").split(";")[0] for bar in pale] == ["month: Apr 25"]


def test_key_figures_are_those_of_the_mart(opened, marts):
    ((customers, active, repeat_rate, within, eligible, rate, lapsed),) = marts.ask(
        "select customers, active_customers, repeat_rate, repurchased_within_90_customers, eligible_90_customers, "
        "repurchased_within_90_rate, lapsed_customers from marts.key_figures"
    )

    def figure(name):
        return opened.text(f"#tile-{name} .figure")

    assert figure("customers") == str(customers)
    assert figure("active_customers") == str(active)
    assert figure("repeat_rate") == f"{100 * repeat_rate:.1f}%"
    assert figure("repurchased_within_90_rate") == f"{100 * rate:.1f}%"
    assert opened.text("#tile-repurchased_within_90_rate .made-of") == f"{within} of {eligible} observed for 90 days"
    assert figure("lapsed_customers") == str(lapsed)
    assert [figure("net_amount"), figure("value_at_risk"), figure("predicted_value_365")] == [
        "€72.6k",
        "€1,830",
        "€7,260",
    ]
    assert opened.text("#tile-predicted_value_365 .made-of") == "€60.50 per customer, 80%: 0 to 121"


def test_a_cell_tells_its_numerator_and_denominator(opened):
    opened.page.locator("[data-chart=cohort_heatmap] .later_marks path").last.hover()
    tooltip = opened.text("#vg-tooltip-element.visible")
    assert re.search(r"Cohort\s+Feb 2025", tooltip)
    assert re.search(r"Customers\s+6 of 30", tooltip)


def test_a_point_of_a_survival_curve_tells_its_order_and_its_band(opened):
    opened.page.locator("[data-chart=survival_curve] svg").hover()
    tooltip = opened.text("#vg-tooltip-element.visible")
    assert re.search(r"After order\s+[12]", tooltip)
    assert re.search(r"95% band from\s+\d+\.\d%", tooltip)
    assert "undefined" not in tooltip


def test_a_definition_appears_with_its_key_figure(opened):
    meaning = opened.page.locator("#tile-repeat_rate .meaning")
    assert not meaning.is_visible()
    opened.page.locator("#tile-repeat_rate").focus()
    meaning.wait_for(state="visible", timeout=2000)


def test_names_that_look_like_markup_stay_text(opened):
    assert opened.text("h1") == SHOP_NAME
    assert opened.page.locator("h1 b, img").count() == 0
    assert MESSAGE in opened.text("#loads")
    names = opened.page.locator("[data-chart=channel_customers] text")
    shown = [names.nth(number).text_content() for number in range(names.count())]
    assert [name for name in shown if name.startswith("<img src=x") and name.endswith("…")], "cut short, as text"
    opened.page.locator("[data-chart=channel_customers] .bars_marks path").last.hover()
    assert CHANNEL in opened.text("#vg-tooltip-element")
    assert opened.dialogs == []
    assert opened.requests == [opened.url]


def test_what_was_said_and_what_it_was_stand_side_by_side(opened):
    assert opened.text("#sureness h2") == "We said €648k, it was €644k"
    assert "As if it were 3 Mar 2025" in opened.text("#sureness .lead")
    assert re.search(r"Net amount\s+€648k\s+€644k", opened.text("#sureness .grades"))


def test_nothing_is_cut_off_on_a_phone(report, open_page):
    phone = open_page(report, width=390)
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    wide = phone.page.evaluate(
        "Array.from(document.querySelectorAll('.panel, .tile, .chart svg, table'))"
        ".filter(e => e.getBoundingClientRect().right > 390).map(e => e.className.baseVal ?? e.className)"
    )
    assert wide == []
    assert phone.complaints == []


def test_the_page_of_an_empty_shop_says_why_it_is_empty(empty_marts, open_page):
    opened = open_page(write_report(empty_marts.settings))
    assert opened.page.locator("[data-chart]").count() == 0
    assert opened.page.locator(".panel .missing").count() == 7
    assert "None" not in opened.text("main")
    assert (opened.requests, opened.complaints) == ([opened.url], [])
