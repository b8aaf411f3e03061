"""dashboards/ is what retain/dashboards/ declares, reads nothing but marts, and shows nobody's name."""

import re

import pytest

from retain.dashboards import DASHBOARDS, FOLDER, files_of
from retain.dashboards.files import columns_of, mart, narrows

CHARTS = [(dashboard, chart) for dashboard in DASHBOARDS for chart in dashboard.charts]
DATASETS = {chart.dataset.name: chart.dataset for _, chart in CHARTS}.values()


def test_the_folder_holds_what_is_declared_and_nothing_else():
    there = {path.relative_to(FOLDER).as_posix(): path.read_text() for path in FOLDER.rglob("*") if path.is_file()}
    assert there == files_of(DASHBOARDS), "`bin/retain dashboards` writes them again"


def test_the_four_dashboards_are_there():
    assert [dashboard.title for dashboard in DASHBOARDS] == ["Retention", "Customer value", "Churn", "Trust"]


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_a_dataset_reads_marts_alone_and_says_which(dataset):
    if dataset.sql is None:
        assert mart(dataset.name)["name"] == dataset.name
    else:
        schemas = set(re.findall(r"\b(?:from|join)\s+(\w+)\.", dataset.sql))
        assert schemas == {"marts"}
        assert set(re.findall(r"\bmarts\.(\w+)", dataset.sql)) == set(dataset.reads)


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_every_word_of_a_measure_is_a_column_of_its_dataset(dataset):
    columns = {column["column_name"] for column in columns_of(dataset)}
    sql = {
        "sum", "max", "min", "avg", "count", "distinct", "filter", "where", "in", "and", "or", "not", "numeric", "int",
        "nullif", "case", "when", "then", "else", "end",
    }  # fmt: skip
    for measure in dataset.measures:
        words = set(re.findall(r"[a-z_][a-z0-9_]*", re.sub(r"'[^']*'", "", measure.expression)))
        assert words <= columns | sql, measure.name


def test_no_column_of_any_dataset_is_personal_or_an_identity_at_the_source():
    named = {column["column_name"] for dataset in DATASETS for column in columns_of(dataset)}  # fmt: skip
    assert {name for name in named if re.search(r"mail|phone|full_name|address|birth|source_ids", name)} == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_rows_are_as_wide_as_the_page_and_names_are_used_once(dashboard):
    assert {sum(part.width for part in row) for row in dashboard.rows} == {12}
    names = [chart.name for chart in dashboard.charts]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_every_filter_narrows_some_chart(dashboard):
    idle = [one.name for one in dashboard.filters if not any(narrows(one, chart) for chart in dashboard.charts)]
    assert idle == []


def test_each_dashboard_of_the_shop_is_filtered_by_period_channel_region_and_segment():
    for dashboard in DASHBOARDS[:3]:
        assert {"time", "channel", "region", "segment"} <= {one.name for one in dashboard.filters}


def test_a_chart_by_breakdown_shows_one_breakdown_only():
    """Rows of all customers and rows by channel stand in one mart: a sum over both would count everybody twice."""
    for dashboard, chart in CHARTS:
        columns = (
            {column["name"] for column in mart(chart.dataset.name)["columns"]} if chart.dataset.sql is None else set()
        )
        if "dimension" not in columns:
            continue
        fixed = {column for column, operator, _ in chart.where if operator == "=="}
        required = {one.name for one in dashboard.filters if one.is_required and one.name not in chart.ignores}
        assert "dimension" in fixed or {"channel", "region", "category"} <= required, chart.name
        assert "period" not in columns or "period" in fixed | required, chart.name
