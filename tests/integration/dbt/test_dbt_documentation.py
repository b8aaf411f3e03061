"""Whoever opens a mart finds every column described, its type promised, and nobody's name in it."""

import json
import re
from pathlib import Path

import pytest

import retain.report
from retain.dashboards import DASHBOARDS
from retain.transform import target_folder

PERSONAL = re.compile(r"e_?mail|phone|e164|full_name|address|birth")


@pytest.fixture(scope="module")
def manifest(from_everything):
    return json.loads((target_folder(from_everything.settings) / "manifest.json").read_text())


@pytest.fixture(scope="module")
def models(manifest):
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def columns_in_the_warehouse(built, schema):
    rows = built.ask(f"select table_name, column_name from information_schema.columns where table_schema = '{schema}'")
    return {(table, column) for table, column in rows}


def test_every_model_and_every_one_of_its_columns_is_described(models, from_everything):
    undescribed = {model["name"] for model in models if not model["description"].strip()}
    described = {
        (model["name"], name)
        for model in models
        for name, column in model["columns"].items()
        if column["description"].strip()
    }
    there = set()
    for schema in ("staging", "intermediate", "marts"):
        there |= columns_in_the_warehouse(from_everything, schema)
    assert undescribed == set()
    assert described == there


def test_every_mart_promises_its_columns_by_contract(models):
    marts = [model for model in models if model["schema"] == "marts_next"]
    assert {model["name"] for model in marts if not model["contract"]["enforced"]} == set()
    assert {model["config"]["materialized"] for model in marts} == {"table"}


def test_a_mart_reads_no_other_mart(models):
    marts = {model["unique_id"] for model in models if model["schema"] == "marts_next"}
    assert {m["name"] for m in models if m["unique_id"] in marts and marts & set(m["depends_on"]["nodes"])} == set()


def test_no_mart_has_a_personal_column_or_an_email_in_any_text(from_everything):
    columns = columns_in_the_warehouse(from_everything, "marts")
    assert {pair for pair in columns if PERSONAL.search(pair[1])} == set()
    for table in {table for table, _ in columns}:
        assert from_everything.ask(f"select count(*) from marts.{table} as mart where mart::text like '%@%'") == [(0,)]


def test_every_model_has_a_yml_of_its_own_beside_it(models):
    beside = {model["original_file_path"].removesuffix(".sql") + ".yml" for model in models}
    assert {model["patch_path"].removeprefix("retain://") for model in models} == beside
    assert len(beside) == len(models)


def test_the_exposure_of_the_report_names_the_marts_that_its_queries_read(manifest):
    code = "".join(path.read_text(encoding="utf-8") for path in Path(retain.report.__file__).parent.glob("*.py"))
    report = manifest["exposures"]["exposure.retain.report"]
    assert {node.split(".")[-1] for node in report["depends_on"]["nodes"]} == set(re.findall(r"marts\.(\w+)", code))


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.title)
def test_the_exposure_of_a_dashboard_names_the_marts_that_its_charts_read(manifest, dashboard):
    read = set()
    for dataset in (chart.dataset for chart in dashboard.charts):
        read |= set(re.findall(r"marts\.(\w+)", dataset.sql)) if dataset.sql else {dataset.name}
    (exposure,) = (one for one in manifest["exposures"].values() if one["label"] == dashboard.title)
    assert {node.split(".")[-1] for node in exposure["depends_on"]["nodes"]} == read


def test_every_exposure_reads_marts_and_nothing_else(manifest, models):
    marts = {model["unique_id"] for model in models if model["schema"] == "marts_next"}
    for exposure in manifest["exposures"].values():
        assert exposure["description"]
        assert set(exposure["depends_on"]["nodes"]) <= marts


def test_every_metric_is_described_and_its_measures_can_be_added_up_from_a_mart(manifest, from_everything):
    metrics, layers = manifest["metrics"].values(), manifest["semantic_models"].values()
    assert metrics
    assert all(metric["description"] and metric["label"] for metric in metrics)
    for layer in layers:
        mart = layer["model"].split("'")[1]
        sums = ", ".join(f"sum({one['expr'] or one['name']}) as {one['name']}" for one in layer["measures"])
        names = ", ".join(one["expr"] or one["name"] for one in [*layer["dimensions"], *layer["entities"]])
        from_everything.ask(f"select {names} from marts.{mart} limit 1")
        assert None not in from_everything.ask(f"select {sums} from marts.{mart}")[0][:1]
