"""Whoever opens a mart finds every column described, its type promised, and nobody's name in it."""

import json
import re

import pytest

from retain.transform import target_folder

PERSONAL = re.compile(r"e_?mail|phone|e164|full_name|address|birth")


@pytest.fixture(scope="module")
def models(from_everything):
    manifest = json.loads((target_folder(from_everything.settings) / "manifest.json").read_text())
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
