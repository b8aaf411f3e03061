"""The kinds of charts that the dashboards use, each with what it takes to look the same everywhere."""

from collections.abc import Iterable
from typing import Any

from retain.dashboards.parts import MONEY, PERCENT, SHORT_MONEY, WHOLE_MONEY, Chart, Dataset, Measure

COLOURS, HEAT = "retain", "retain_heat"
AUTOMATIC = {"symbol": "AUTO", "symbolPosition": "prefix"}  # the currency that stands beside the amounts


def tile(name: str, title: str, dataset: Dataset, measure: str, subtitle: str = "", **more: Any) -> Chart:
    """One number, large."""
    found = dataset.measure(measure)
    options: dict[str, Any] = {
        "metric": measure,
        "header_font_size": 0.4,
        "subtitle": subtitle,
        "subtitle_font_size": 0.2,
        "y_axis_format": found.format,
        "time_format": "%Y-%m-%d %H:%M",
    }
    return Chart(
        name, title, dataset, "big_number_total", options | _currency([found]), **{"width": 2, "height": 18, **more}
    )


def heatmap(name: str, title: str, dataset: Dataset, x: str, y: str, measure: str, **more: Any) -> Chart:
    """A coloured table of one measure: `x` to the right, `y` downwards, both in order."""
    options = {
        "x_axis": x,
        "groupby": y,
        "metric": measure,
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_desc",
        "normalize_across": "heatmap",
        "legend_type": "continuous",
        "linear_color_scheme": HEAT,
        "xscale_interval": 1,
        "yscale_interval": 1,
        "left_margin": 75,
        "bottom_margin": 40,
        "value_bounds": [0, None],
        "y_axis_format": ".0%",
        "show_legend": True,
        "show_values": True,
        "show_percentage": False,
        "row_limit": 10000,
    }
    return _with(Chart(name, title, dataset, "heatmap_v2", options, **_placed(more)), more)


def lines(
    name: str, title: str, dataset: Dataset, x: str, measures: Iterable[str], by: str | None = None, **more: Any
) -> Chart:
    """Lines over `x`, one a measure or one a value of `by`."""
    options = _axes(dataset, x, measures, by, more) | {"markerEnabled": False, "seriesType": "line"}
    return _with(Chart(name, title, dataset, "echarts_timeseries_line", options, **_placed(more)), more)


def bars(
    name: str, title: str, dataset: Dataset, x: str, measures: Iterable[str], by: str | None = None, **more: Any
) -> Chart:
    """Upright bars over `x`; those of several series stand on one another when `stack` is asked for."""
    options = _axes(dataset, x, measures, by, more) | {"orientation": "vertical"}
    return _with(Chart(name, title, dataset, "echarts_timeseries_bar", options, **_placed(more)), more)


def table(
    name: str,
    title: str,
    dataset: Dataset,
    by: Iterable[str],
    measures: Iterable[str],
    largest: str | None = None,
    **more: Any,
) -> Chart:
    """A row a combination of `by`; sorted by the measure `largest`, largest first."""
    measures = list(measures)
    options: dict[str, Any] = {
        "query_mode": "aggregate",
        "groupby": list(by),
        "metrics": measures,
        "order_desc": True,
        "row_limit": 100,
        "table_timestamp_format": "%Y-%m-%d",
        "show_cell_bars": False,
        "color_pn": False,
        "include_search": False,
        "column_config": {measure: _column(dataset.measure(measure)) for measure in measures},
    }
    if largest is not None:
        options["timeseries_limit_metric"] = largest
    return _with(Chart(name, title, dataset, "table", options, **_placed(more)), more)


def rows(name: str, title: str, dataset: Dataset, columns: dict[str, dict[str, Any]], order: str, **more: Any) -> Chart:
    """Rows of the dataset as they are: `columns` with their formats, in the `order` of one, largest first."""
    options: dict[str, Any] = {
        "query_mode": "raw",
        "all_columns": list(columns),
        "order_by_cols": [f'["{order}", false]'],
        "row_limit": 100,
        "page_length": 20,
        "table_timestamp_format": "%Y-%m-%d",
        "show_cell_bars": False,
        "color_pn": False,
        "include_search": False,
        "column_config": {column: how for column, how in columns.items() if how},
    }
    return _with(Chart(name, title, dataset, "table", options, **_placed(more)), more)


PERCENT_COLUMN = {"d3NumberFormat": PERCENT}
MONEY_COLUMN = {"d3NumberFormat": MONEY, "currencyFormat": AUTOMATIC}


def _column(measure: Measure) -> dict[str, Any]:
    if not measure.is_money:
        return {"d3NumberFormat": measure.format}
    digits = WHOLE_MONEY if measure.format == SHORT_MONEY else measure.format
    return {"d3NumberFormat": digits, "currencyFormat": AUTOMATIC}


def _currency(measures: Iterable[Measure]) -> dict[str, Any]:
    return {"currency_format": AUTOMATIC} if any(measure.is_money for measure in measures) else {}


def _axes(dataset: Dataset, x: str, measures: Iterable[str], by: str | None, more: dict[str, Any]) -> dict[str, Any]:
    measures = list(measures)
    found = [dataset.measure(measure) for measure in measures]
    return {
        "x_axis": x,
        "metrics": measures,
        "groupby": [by] if by else [],
        "x_axis_sort": x,
        "x_axis_sort_asc": True,
        "sort_series_type": "name",
        "sort_series_ascending": True,
        "xAxisLabelInterval": "auto" if dataset.time == x else "0",
        "row_limit": 10000,
        "color_scheme": COLOURS,
        "show_legend": by is not None or len(measures) > 1,
        "legendOrientation": "top",
        "legendType": "scroll",
        "rich_tooltip": True,
        "showTooltipTotal": False,
        "y_axis_format": found[0].format,
        "truncateYAxis": "y_axis_bounds" in more,
        "x_axis_time_format": "%b %Y",
        "tooltipTimeFormat": "%d %b %Y",
        "x_axis_title_margin": 26,
        "y_axis_title_margin": 44,
        "y_axis_title_position": "Left",
    } | _currency(found)


def _placed(more: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in more.items() if name in Chart.__dataclass_fields__}


def _with(chart: Chart, more: dict[str, Any]) -> Chart:
    """What is no property of a chart is an option of Superset's, or takes the place of one."""
    chart.options.update({name: value for name, value in more.items() if name not in Chart.__dataclass_fields__})
    return chart
