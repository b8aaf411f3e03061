"""The dashboards as Superset's import files: what `dashboards/` holds, made from their declarations."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import yaml

from retain.dashboards.parts import Chart, Dashboard, Dataset, Filter, Text

NAMES = UUID("6f1f3a52-4f0b-5b0e-9d43-2c1d6a0c7e11")  # a thing keeps its identity as long as it keeps its name
DATABASE = "Retain"
MANAGED = {"is_managed_externally": True, "external_url": "retain:dashboards", "version": "1.0.0"}
MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
DOC = re.compile(r"\{\{ *doc\(.(\w+).\) *\}\}")
TIMES = ("date", "timestamptz")
DEEP, PALE, WARM, DARK = "#12506b", "#7fb2c6", "#c4622d", "#8f3f17"  # those of the report
COLOURS = {
    "reactivated_customers": PALE,
    "back_customers": PALE,
    "gone_customers": WARM,
    "lapsed_customers": DARK,
    "churn_rate": WARM,
    "value_at_risk": WARM,
    "retention_rate_stock": PALE,
    "expected": PALE,
    "expected_rate": PALE,
}


def files_of(dashboards: tuple[Dashboard, ...]) -> dict[str, str]:
    """Path within the folder, to the file's text."""
    datasets = {chart.dataset.name: chart.dataset for dashboard in dashboards for chart in dashboard.charts}
    found: dict[str, dict[str, Any]] = {
        "metadata.yaml": {"version": "1.0.0", "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"},
        "databases/retain.yaml": _database(),
    }
    for dataset in datasets.values():
        found[f"datasets/{dataset.name}.yaml"] = _dataset(dataset)
    for dashboard in dashboards:
        found[f"dashboards/{dashboard.name}.yaml"] = _dashboard(dashboard)
        for chart in dashboard.charts:
            found[f"charts/{dashboard.name}/{chart.name}.yaml"] = _chart(dashboard, chart)
    return {path: _text(content) for path, content in found.items()}


def identity(kind: str, name: str) -> str:
    return str(uuid5(NAMES, f"{kind}:{name}"))


def chart_identity(dashboard: Dashboard, chart: Chart) -> str:
    return identity("chart", f"{dashboard.name}/{chart.name}")


class Readable(yaml.SafeDumper):
    """SQL of several lines stays SQL of several lines."""


def _in_lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Readable.add_representer(str, _in_lines)


def _text(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=Readable, sort_keys=False, allow_unicode=True, width=120)


def _database() -> dict[str, Any]:
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": "postgresql+psycopg2://retain.warehouse/retain",  # superset_config.py says where that is
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        "extra": {"allows_virtual_table_explore": True},
        "uuid": identity("database", DATABASE),
        **MANAGED,
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    columns = columns_of(dataset)
    return {
        "table_name": dataset.name,
        "schema": "marts",
        "sql": dataset.sql,
        "description": dataset.description or _described(mart(dataset.name)["description"]),
        "main_dttm_col": dataset.time,
        "currency_code_column": "currency" if dataset.has_currency else None,
        "columns": columns,
        "metrics": [
            {
                "metric_name": measure.name,
                "verbose_name": measure.label,
                "expression": measure.expression,
                "d3format": measure.format,
            }
            for measure in dataset.measures
        ],
        "uuid": identity("dataset", dataset.name),
        "database_uuid": identity("database", DATABASE),
        **MANAGED,
    }


def columns_of(dataset: Dataset) -> list[dict[str, Any]]:
    """Every column of the mart, or, of a select, those that it names; then what the dashboards derive."""
    known: dict[str, dict[str, Any]] = {}
    for name in dataset.reads or (dataset.name,):
        for column in mart(name)["columns"]:
            known.setdefault(column["name"], column)
    named = list(known)
    if dataset.sql is not None:
        words = set(re.findall(r"\w+", dataset.sql))
        named = [name for name in known if name in words]
    columns = [
        {
            "column_name": name,
            "type": known[name]["data_type"].upper(),
            "is_dttm": known[name]["data_type"] in TIMES,
            "groupby": True,
            "filterable": True,
            "verbose_name": dict(dataset.labels).get(name, name.replace("_", " ")),
            "description": _described(known[name]["description"]),
        }
        for name in named
        if not known[name]["data_type"].endswith("[]")
    ]
    return columns + [
        {
            "column_name": calculated.name,
            "type": calculated.type,
            "is_dttm": False,
            "groupby": True,
            "filterable": True,
            "verbose_name": calculated.label,
            "expression": calculated.expression or None,
        }
        for calculated in dataset.calculated
    ]


@cache
def mart(name: str) -> dict[str, Any]:
    (path,) = (MODELS / "marts").glob(f"*/{name}.yml")
    models: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return dict(models["models"][0])


@cache
def _docs() -> dict[str, str]:
    text = (MODELS / "docs.md").read_text(encoding="utf-8")
    blocks = re.findall(r"\{% docs (\w+) %\}\n(.*?)\n\{% enddocs %\}", text, re.DOTALL)
    return {name: " ".join(words.split()) for name, words in blocks}


def _described(text: str) -> str:
    return DOC.sub(lambda found: _docs()[found.group(1)], " ".join(text.split()))


def _chart(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    return {
        "slice_name": chart.title,
        "description": chart.description or None,
        "viz_type": chart.kind,
        "params": {"viz_type": chart.kind, **chart.options, "adhoc_filters": _conditions(chart)},
        "dataset_uuid": identity("dataset", chart.dataset.name),
        "uuid": chart_identity(dashboard, chart),
        **MANAGED,
    }


def _conditions(chart: Chart) -> list[dict[str, Any]]:
    conditions: list[dict[str, Any]] = [
        {
            "clause": "WHERE",
            "expressionType": "SIMPLE",
            "subject": column,
            "operator": operator,
            "comparator": list(value) if isinstance(value, tuple) else value,
        }
        for column, operator, value in chart.where
    ]
    if chart.dataset.time is not None:  # this is what a filter by period takes hold of
        conditions.append(
            {
                "clause": "WHERE",
                "expressionType": "SIMPLE",
                "subject": chart.dataset.time,
                "operator": "TEMPORAL_RANGE",
                "comparator": "No filter",
            }
        )
    return conditions


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    numbers = {chart.name: number for number, chart in enumerate(dashboard.charts, start=1)}
    return {
        "dashboard_title": dashboard.title,
        "description": dashboard.description,
        "slug": dashboard.name,
        "published": True,
        "position": _position(dashboard, numbers),
        "metadata": {
            "color_scheme": "retain",
            "label_colors": _colours(dashboard),
            "cross_filters_enabled": False,  # a click on a bar would narrow charts that cannot be narrowed by it
            "refresh_frequency": 0,
            "native_filter_configuration": [_filter(dashboard, each, numbers) for each in dashboard.filters],
        },
        "uuid": identity("dashboard", dashboard.name),
        **MANAGED,
    }


def _colours(dashboard: Dashboard) -> dict[str, str]:
    """One measure alone is dark blue everywhere; those that stand side by side are told apart."""
    measures = {measure.name for chart in dashboard.charts for measure in chart.dataset.measures}
    return {name: COLOURS.get(name, DEEP) for name in sorted(measures)}


def _position(dashboard: Dashboard, numbers: dict[str, int]) -> dict[str, Any]:
    names = [f"ROW-{number}" for number in range(1, len(dashboard.rows) + 1)]
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": names, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard.title}},
    }
    for name, row in zip(names, dashboard.rows, strict=True):
        children = []
        for number, part in enumerate(row, start=1):
            parents = ["ROOT_ID", "GRID_ID", name]
            size = {"width": part.width, "height": part.height}
            if isinstance(part, Text):
                one = {"type": "MARKDOWN", "id": f"TEXT-{name}-{number}", "meta": {**size, "code": part.words}}
            else:
                meta = {
                    **size,
                    "chartId": numbers[part.name],
                    "uuid": chart_identity(dashboard, part),
                    "sliceName": part.title,
                }
                one = {"type": "CHART", "id": f"CHART-{part.name}", "meta": meta}
            position[str(one["id"])] = {**one, "children": [], "parents": parents}
            children.append(one["id"])
        position[name] = {
            "type": "ROW",
            "id": name,
            "children": children,
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
            "parents": ["ROOT_ID", "GRID_ID"],
        }
    return position


def _filter(dashboard: Dashboard, one: Filter, numbers: dict[str, int]) -> dict[str, Any]:
    shared = {
        "id": f"NATIVE_FILTER-{one.name}",
        "name": one.label,
        "description": one.description,
        "type": "NATIVE_FILTER",
        "cascadeParentIds": [],
        "scope": {
            "rootPath": ["ROOT_ID"],
            "excluded": [numbers[chart.name] for chart in dashboard.charts if not narrows(one, chart)],
        },
    }
    if one.dataset is None:
        return {
            **shared,
            "filterType": "filter_time",
            "targets": [{}],
            "controlValues": {"enableEmptyFilter": False},
            "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        }
    chosen = list(one.default)
    data = {"filters": [{"col": one.column, "op": "IN", "val": chosen}]} if chosen else {}
    state = {"value": chosen, "label": ", ".join(chosen)} if chosen else {}
    return {
        **shared,
        "filterType": "filter_select",
        "targets": [{"column": {"name": one.column}, "datasetUuid": identity("dataset", one.dataset.name)}],
        "controlValues": {
            "enableEmptyFilter": one.is_required,
            "multiSelect": not one.is_required,
            "defaultToFirstItem": False,
            "inverseSelection": False,
            "searchAllOptions": False,
            "sortAscending": True,
        },
        "defaultDataMask": {"extraFormData": data, "filterState": state, "ownState": {}},
    }


def narrows(one: Filter, chart: Chart) -> bool:
    if one.name in chart.ignores:
        return False
    if one.dataset is None:
        return chart.dataset.time is not None
    return one.column in {column["column_name"] for column in columns_of(chart.dataset)}
