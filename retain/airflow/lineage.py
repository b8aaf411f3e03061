"""Lineage for OpenLineage: what each task reads and writes, as tables of the sources and of the warehouse.

Airflow's OpenLineage provider sends it where `AIRFLOW__OPENLINEAGE__TRANSPORT` (or OPENLINEAGE_URL) says, and is off without one. It asks
the extractor here, since the tasks of these DAGs run no operator of which it could know. Tables are named, never their rows.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow.providers.openlineage.extractors.base import BaseExtractor, OperatorLineage
from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
from airflow.providers.openlineage.utils.utils import get_task_parent_run_facet
from openlineage.client.event_v2 import Dataset
from openlineage.client.uuid import generate_new_uuid
from sqlalchemy.engine import make_url

from retain.airflow.manifest import manifest_of
from retain.airflow.results import Result
from retain.assets import ADDRESS
from retain.config import FilesSource, RestSource, Settings, ShopifySource, settings

MODELS = "models."
WAREHOUSE, _, DATABASE = ADDRESS.rpartition("/")
SCHEMES = {"postgresql": "postgres", "mariadb": "mysql"}  # as OpenLineage spells them
Names = list[tuple[str, str]]  # namespace, name


class RetainExtractor(BaseExtractor):
    """What the provider asks of each task of Retain's DAGs that a worker runs."""

    @classmethod
    def get_operator_classnames(cls) -> list[str]:
        return ["_PythonDecoratedOperator", "ModelOperator"]

    def _execute_extraction(self) -> OperatorLineage[Any, Any]:
        task = self.operator
        inputs, outputs = lineage_of(settings(), task.dag_id, task.task_id, [asset.uri for asset in task.outlets])
        return OperatorLineage(inputs=list(map(_dataset, inputs)), outputs=list(map(_dataset, outputs)))

    def extract_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        return self._execute_extraction()


def emit_models(config: Settings, context: Any, results: dict[str, Result]) -> None:
    """An event when each of these models began to be built and one when it ended, as of a task of its own: no worker runs there.

    `results`: those of one dbt run by the model's name; of what was skipped nothing is said. What cannot be sent is in the log.
    """
    run, ti, adapter = context["dag_run"], context["ti"], OpenLineageAdapter()
    due, nodes = run.logical_date or run.run_after, _nodes(config)
    parent = get_task_parent_run_facet(
        parent_run_id=adapter.build_dag_run_id(ti.dag_id, due, run.clear_number), parent_job_name=ti.dag_id
    )
    for name, result in sorted(results.items()):
        if result.began_at is None or result.ended_at is None:
            continue
        task = f"{MODELS}{name}"
        inputs, outputs = (list(map(_dataset, tables)) for tables in _model(nodes, name))
        said: dict[str, Any] = {
            "run_id": str(generate_new_uuid()),
            "job_name": f"{ti.dag_id}.{task}",
            "job_description": None,
            "nominal_start_time": None,
            "nominal_end_time": None,
            "owners": None,
            "tags": None,
            "task": OperatorLineage(inputs=inputs, outputs=outputs),
            "run_facets": parent,
        }
        adapter.start_task(**said, event_time=result.began_at.isoformat())
        if result.status == "built":
            adapter.complete_task(**said, end_time=result.ended_at.isoformat())
        else:
            adapter.fail_task(**said, end_time=result.ended_at.isoformat(), error=result.message)


def _dataset(name: tuple[str, str]) -> Dataset:
    return Dataset(*name)


def lineage_of(config: Settings, dag_id: str, task_id: str, outlets: list[str]) -> tuple[Names, Names]:
    """Inputs and outputs of a task. `outlets`: the addresses of the assets that it tells of."""
    told = [_table(*uri.removeprefix(f"{ADDRESS}/").split("/")) for uri in outlets if uri.startswith(f"{ADDRESS}/")]
    step, _, entity = task_id.partition("_")
    if dag_id.startswith("load_") and step in ("land", "publish"):
        source = dag_id.removeprefix("load_")
        landed = [_table("landing", f"{source}__{entity}")]
        return ([source_of(config, source, entity)], landed) if step == "land" else (landed, told)
    if task_id.startswith(MODELS):
        return _model(_nodes(config), task_id.removeprefix(MODELS))
    return [], told


def source_of(config: Settings, source: str, entity: str) -> tuple[str, str]:
    """A table of a shop's database, files of a folder, or a list of a system: namespace and name as OpenLineage's naming asks."""
    one = config.source(source)
    if isinstance(one, FilesSource):
        return "file", str(Path(one.folder) / one.entities[entity].pattern)
    if isinstance(one, RestSource):
        address = urlsplit(one.url)
        return (
            f"{address.scheme}://{address.hostname}",
            f"{address.path.rstrip('/')}/{one.entities[entity].path.lstrip('/')}",
        )
    if isinstance(one, ShopifySource):
        return one.address, entity
    url, table = make_url(one.url.get_secret_value()), one.entities[entity].table or entity
    if not url.host:
        return "file", f"{url.database}/{table}"
    scheme = url.get_backend_name()
    port = f":{url.port}" if url.port else ""
    return f"{SCHEMES.get(scheme, scheme)}://{url.host}{port}", f"{url.database}.{table}"


def _nodes(config: Settings) -> dict[str, Any]:
    """What dbt's manifest has, by id: megabytes of text."""
    manifest = json.loads(manifest_of(config).read_text())
    return {**manifest["nodes"], **manifest["sources"]}


def _model(nodes: dict[str, Any], name: str) -> tuple[Names, Names]:
    """What a model reads and writes. It is built in `marts_next`, and shown as `marts`."""
    model = next(node for node in nodes.values() if node["resource_type"] in ("model", "seed") and node["name"] == name)
    return [_relation(nodes[parent]) for parent in model["depends_on"].get("nodes", [])], [_relation(model)]


def _relation(node: dict[str, Any]) -> tuple[str, str]:
    schema = "marts" if node["schema"] == "marts_next" else node["schema"]
    return _table(schema, node.get("alias") or node["identifier"])


def _table(schema: str, table: str) -> tuple[str, str]:
    return WAREHOUSE, f"{DATABASE}.{schema}.{table}"
