"""Key figures with their denominators, how sure they are, and what the page lets through."""

import struct
import zlib
from datetime import date
from decimal import Decimal

import pytest

from retain.config import Business
from retain.report import page, png, sheet, sureness
from retain.report.figures import Figures
from retain.report.panels import panels
from retain.report.tiles import tiles

SHOP = Business(timezone="UTC", reporting_currency="EUR")


def by_name(figures, business=SHOP):
    return {tile.name: tile for tile in tiles(figures, business)}


@pytest.fixture
def value():
    return {
        "customers": 400,
        "predicted_customers": 400,
        "not_predictable_customers": 0,
        "not_predictable_reason": None,
        "predicted_value": Decimal(8000),
        "predicted_low": Decimal(200),
        "predicted_high": Decimal(16000),
    }


def test_every_key_figure_shows_what_it_is_made_of(key, value):
    shown = by_name(Figures(key=key, value=value))
    assert (shown["repurchased_within_90_rate"].value, shown["repurchased_within_90_rate"].note) == (
        "25.0%",
        "50 of 200 observed for 90 days",
    )
    assert (shown["repeat_rate"].value, shown["repeat_rate"].note) == ("20.0%", "80 of 400 customers")
    assert shown["lapsed_customers"].note == "25.0% of customers; no order for 120 days"
    assert (shown["predicted_value_365"].value, shown["predicted_value_365"].note) == (
        "€8,000",
        "€20 per customer, 80%: 0.50 to 40",
    )


def test_a_rule_in_the_place_of_a_model_is_called_one(key, value):
    shown = by_name(Figures(key=key, value={**value, "not_predictable_customers": 400}))
    assert shown["predicted_value_365"].note == "by a simple rule; €20 per customer"


def test_a_configured_lapse_is_not_called_measured(key, value):
    configured = Business(timezone="UTC", reporting_currency="EUR", lapse_days=90)
    figures = Figures(key=key, value=value)
    assert "as configured" in by_name(figures, configured)["lapsed_customers"].meaning
    assert "nine in ten" in by_name(figures)["lapsed_customers"].meaning


def test_a_shop_without_orders_has_key_figures_without_nonsense(nothing):
    words = " ".join(f"{tile.value} {tile.note}" for tile in tiles(nothing, SHOP))
    assert "None" not in words
    assert "nan" not in words
    assert "nobody observed for 90 days yet" in words


def test_every_panel_of_a_shop_without_orders_says_why_it_is_empty(nothing):
    shown = {panel.name: panel for panel in panels(nothing, "gregorian")}
    assert len(shown) == 8
    assert all(panel.missing and not panel.views for name, panel in shown.items() if name != "sureness")


def model(name, *, purpose="current", grades=None, identified=True, parameters=None, on=date(2025, 3, 15)):
    return {
        "model": name,
        "as_of_on": on,
        "purpose": purpose,
        "customers": 400,
        "parameters": {"r": 0.25, "alpha": 4.5} if parameters is None else parameters,
        "standard_errors": {"r": 0.0121},
        "is_identified": identified,
        "notes": "predicts the number of orders",
        "grades": grades,
    }


def test_a_model_that_is_not_identified_is_shown_as_such():
    rows = [model("bg_nbd", identified=False), model("same_rate_as_before", identified=False, parameters={})]
    shown = sureness.models(rows)
    assert [(each.title, each.standing) for each in shown] == [
        ("BG/NBD", "not identified"),
        ("Same rate as before", "a rule"),
    ]
    assert shown[0].parameters == "r 0.25 ± 0.012, α 4.5"


def test_what_was_said_stands_beside_what_was_and_what_the_rule_would_have_said():
    past, older = date(2025, 1, 31), date(2024, 1, 31)
    said = {
        "holdout_days": 43, "value_expected": 648_000.4, "value_actual": 644_000.1, "occasions_expected": 9869.6,
        "occasions_actual": 9934, "no_order_expected": 0.7, "no_order_actual": 0.71, "interval_coverage": 0.843,
        "interval_promised": 0.838,
    }  # fmt: skip
    rows = [
        model("bg_nbd"),
        model("bg_nbd", purpose="backcast", grades={"value_actual": 1.0}, on=older),
        model("bg_nbd", purpose="backcast", grades=said, on=past),
        model("gamma_gamma", purpose="backcast", on=past),
        model("same_rate_as_before", purpose="backcast", identified=False, grades={"value_expected": 9e5}, on=past),
    ]
    backcast = sureness.newest_backcast(rows)
    assert (backcast["model"], backcast["as_of_on"]) == ("bg_nbd", past)
    grades = sureness.grades(rows, backcast, "EUR")
    assert (grades[0].said, grades[0].was, grades[0].rule) == ("€648k", "€644k", "€900k")
    assert (grades[1].said, grades[1].was, grades[1].rule) == ("9,870", "9,934", "–")
    assert (grades[-1].said, grades[-1].was) == ("83.8%", "84.3%"), "more than 80% where no order alone is likelier"
    assert sureness.newest_backcast(rows[:1]) is None


def test_what_is_left_out_is_said_with_its_reasons_and_the_rest(key, value):
    figures = Figures(
        key={**key, "excluded_orders": 12, "unattributed_orders": 3, "predicted_as_of_on": date(2025, 3, 1)},
        value={**value, "not_predictable_customers": 5, "not_predictable_reason": "not known to it"},
        excluded=[{"excluded_because": "cancelled", "orders": 10}],
    )
    said = " ".join(sureness.remarks(figures))
    assert "5 of 400 customers are not predictable (not known to it)" in said
    assert "12 of 512 orders do not count (cancelled 10; others 2)" in said
    assert "3 orders (€0) name no customer" in said
    assert "The forecast is that of 1 Mar 2025" in said


def test_json_on_the_page_cannot_end_its_element():
    text = str(page._json({"name": "</script><script>alert(1)</script> & <!--"}))
    assert "<" not in text
    assert "&" not in text


def test_the_policy_lets_nothing_be_fetched_and_only_these_scripts_run():
    policy = page._policy(["let a;"], ["p {}"])
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_a_paragraph_breaks_where_the_width_ends_and_escapes_what_it_says():
    block = sheet.paragraph("one <two> three four", 62, 12)
    assert block.svg.count("<text") == 2
    assert "&lt;two&gt;" in block.svg
    assert block.height == pytest.approx(2 * 12 * 1.4)


def rgba_png(pixels):
    """A PNG as resvg writes it: RGBA, every row filtered by Sub."""
    width, height = len(pixels[0]), len(pixels)
    rows = b""
    for row in pixels:
        flat = [channel for pixel in row for channel in pixel]
        rows += bytes([1]) + bytes((now - before) % 256 for now, before in zip(flat, [0, 0, 0, 0, *flat], strict=False))
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = [png._chunk(b"IHDR", header), png._chunk(b"IDAT", zlib.compress(rows)), png._chunk(b"IEND", b"")]
    return png.SIGNATURE + b"".join(parts)


def test_a_smaller_png_has_the_same_pixels():
    pixels = [[(10, 20, 30, 255), (5, 250, 30, 255)], [(0, 0, 0, 255), (255, 255, 255, 255)]]
    chunks = png._chunks(png.smaller(rgba_png(pixels)))
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (2, 2, 8, 2, 0, 0, 0)
    assert zlib.decompress(chunks[b"IDAT"]) == bytes([0, 10, 20, 30, 5, 250, 30, 0, 0, 0, 0, 255, 255, 255])


def test_a_png_with_transparency_is_left_as_it_is():
    see_through = rgba_png([[(10, 20, 30, 128)]])
    assert png.smaller(see_through) == see_through


def test_calibration_is_a_line_a_band_and_the_score_beside_naive_rules():
    def row(model, band, expected, observed, brier, is_published):
        return {
            "as_of_on": date(2025, 1, 1), "horizon_days": 90, "model": model, "band": band, "customers": 40, "expected": expected,
            "observed": observed, "brier_score": brier, "is_published": is_published, "calibration_error": 0.012,
        }  # fmt: skip

    rows = [
        row("logistic", 10, 0.96, 0.97, 0.03, True),
        row("logistic", 0, 0.8, 0.81, 0.1234, True),
        row("logistic", 2, 0.15, 0.125, 0.1, True),
        row("recency_only", 0, 0.8, 0.81, 0.15, False),
    ]
    shown = sureness.calibration(rows)
    assert [(band.what, band.said, band.was) for band in shown.bands] == [
        ("10 to 20%", "15.0%", "12.5%"), ("90 to 100%", "96.0%", "97.0%"),
    ]  # fmt: skip
    assert "Logistic regression 0.1234; recency alone 0.1500" in shown.beside
    assert "1.2 points" in shown.beside
    assert sureness.calibration([]) is None


def test_the_back_cast_that_spoke_is_shown_and_not_the_first_by_name():
    grades = {"value_actual": 1.0}
    same = {"purpose": "backcast", "as_of_on": date(2025, 1, 1), "grades": grades, "is_identified": True}
    compared = {**same, "model": "bg_nbd", "notes": "fitted for comparison"}
    spoke = {**same, "model": "pareto_nbd", "notes": "predicts the number of orders"}
    assert sureness.newest_backcast([compared, spoke])["model"] == "pareto_nbd"
