"""What the report reads from the marts, and the files it writes."""

import struct
import threading
from decimal import Decimal

import psycopg
import pytest

from retain import warehouse
from retain.errors import UserError
from retain.report import write_report
from retain.report.figures import read_figures
from retain.report.panels import panels
from retain.report.picture import render_svg


def figures_of(marts):
    with warehouse.open_connection(warehouse.bi_dsn(marts.settings), autocommit=True) as connection:
        return read_figures(connection)


def test_marts_that_are_not_built_are_an_error_of_the_user_that_says_what_to_do(new_warehouse):
    with pytest.raises(UserError, match="marts are not built") as error:
        write_report(new_warehouse().settings)
    assert "retain build" in str(error.value)


def test_concentration_is_the_share_of_the_best_customers(marts):
    tops = {row["top_share"]: row for row in figures_of(marts).concentration}
    total = 10 * 120 * 121 // 2
    assert tops[Decimal("0.01")]["customers"] == 2, "1% of 120 customers, rounded up"
    assert tops[Decimal("0.01")]["observed_share"] == pytest.approx(Decimal(1200 + 1190) / total)
    assert tops[Decimal("0.20")]["observed_share"] == pytest.approx(Decimal(sum(range(970, 1201, 10))) / total)


def test_bins_hold_every_customer_once(marts):
    figures = figures_of(marts)
    assert figures.value_step == 60, "the 95th percentile, 1,140, over 20 bins is 57"
    assert sum(row["observed_customers"] for row in figures.value_bins) == 120
    assert sum(row["predicted_customers"] for row in figures.value_bins) == 120
    assert figures.value_bins[0]["observed_customers"] == 5, "10 to 50"
    assert figures.value_bins[-1]["observed_customers"] == 1, "1,200 is the lower edge of the open bin"


def test_a_survival_curve_ends_where_few_are_left(marts):
    figures = figures_of(marts)
    assert {row["from_occasion"] for row in figures.survival} == {1, 2}, (
        "six customers after a third order are no curve"
    )
    assert max(row["day"] for row in figures.survival if row["from_occasion"] == 2) == 79
    assert min(row["at_risk_customers"] for row in figures.survival) == 10
    steps = {row["from_occasion"]: row for row in figures.steps}
    assert (steps[1]["customers"], steps[1]["back_within_90"], steps[1]["median_days"]) == (120, Decimal("0.45"), 100)
    assert (steps[2]["back_within_90"], steps[2]["median_days"]) == (None, None), "not observed for so long"


def test_channels_beyond_the_seventh_are_added_up(own_marts):
    for number in range(8):
        own_marts.insert("channels", {
            "channel": f"fair {number}", "customers": 1, "repeat_customers": 0, "eligible_90_customers": number % 2,
            "repurchased_within_90_customers": 0, "net_amount": 7,
        })  # fmt: skip
    *named, others = figures_of(own_marts).channels
    assert len(named) == 7
    assert (others["channel"], others["channels"], others["customers"], others["net_amount"]) == (None, 3, 3, 21)
    assert others["eligible_90_customers"] == sum(number % 2 for number in (5, 6, 7))


def test_only_the_newest_fit_of_a_day_is_shown(own_marts):
    own_marts.insert("forecast_models", {
        "model": "mbg_nbd", "version": "v2", "purpose": "current", "as_of_on": "2025-04-15", "fitted_at": "2099-01-01",
        "customers": 1, "is_identified": True,
    })  # fmt: skip
    current = [row["model"] for row in figures_of(own_marts).models if row["purpose"] == "current"]
    assert current == ["mbg_nbd"]


def test_a_report_drawn_while_marts_are_replaced_waits_and_sees_the_new_ones_whole(own_marts):
    seen = []
    reader = threading.Thread(target=lambda: seen.append(figures_of(own_marts)))
    with psycopg.connect(**warehouse.dsn(own_marts.settings)) as builder:
        builder.execute("drop table marts.channels")
        builder.execute("update marts.key_figures set customers = 777")
        reader.start()
        reader.join(0.5)
        assert reader.is_alive(), "the reader must wait for the build"
        builder.execute(
            "create table marts.channels as select * from marts.load_health"
        )  # anything without its columns
        builder.execute("drop table marts.channels")
        builder.execute(
            "create table marts.channels (channel text, customers bigint, repeat_customers bigint, net_amount numeric, "
            "eligible_90_customers bigint, repurchased_within_90_customers bigint)"
        )
    reader.join(20)
    assert [(len(figures.channels), figures.key["customers"]) for figures in seen] == [(0, 777)]


def test_no_customer_leaves_the_marts(marts, report):
    page = report.read_text(encoding="utf-8")
    assert "shop:c" not in page
    for (key,) in marts.ask("select customer_key::text from marts.customer_value"):
        assert key not in page


def test_the_page_and_the_picture_lie_in_the_state_folder_and_are_small(marts, report):
    picture = report.with_suffix(".png")
    assert report == marts.settings.state_folder / "report" / "retain.html"
    assert report.stat().st_size < 2_000_000
    content = picture.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    assert content.startswith(b"\x89PNG")
    assert width == 2100
    assert height > 2000
    assert len(content) < 1_500_000
    assert sorted(file.name for file in report.parent.iterdir()) == ["retain.html", "retain.png"]


def test_the_picture_shows_the_key_figures_and_every_panel(marts):
    figures = figures_of(marts)
    shown = panels(figures, "gregorian")
    svg = render_svg(marts.settings, figures, shown)
    for text in ("120", "25.0%", "20 of 80 observed for 90 days", "€72.6k", "€1,830", "We said €648k, it was €644k"):
        assert f">{text}<" in svg
    for view in [view for panel in shown for view in panel.views]:
        assert not view.caption or view.caption in svg
    assert svg.count("immature_marks") == 1
    assert "onclick=" not in svg.replace("onclick=&quot;", "")


def test_an_empty_shop_has_a_report_too(empty_marts):
    page = write_report(empty_marts.settings)
    assert "No customer has a valid order yet." in page.read_text(encoding="utf-8")
    assert page.with_suffix(".png").stat().st_size > 10_000
