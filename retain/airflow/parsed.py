"""The project as dbt has parsed it, each model in a small file of its own: a task reads that, and parses nothing."""

import hashlib
import json
import pickle
import shutil
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retain.airflow.manifest import PROFILE, TARGET, changed_at, manifest_of, one_at_a_time
from retain.config import Settings
from retain.transform import DAYS, environment, logs_of, places, run_dbt

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

MADE_FOR, WHOLE = "made_for", "whole"


def parsed(settings: Settings, variables: dict[str, Any], unique_id: str = WHOLE) -> "Manifest":
    """What dbt needs to know to build that model and run its own tests; by default the whole project.

    Parsed by the first that asks, and again when the project, a setting or the connection has changed; the others wait.
    Days are no such setting: no model's place, configuration or tests hang on them. Raises RetainError in dbt's words.
    """
    from dbt.version import __version__

    home = manifest_of(settings).parent
    folder = home / "parsed"
    with one_at_a_time(home):
        lasting = {name: value for name, value in variables.items() if name not in DAYS}
        material = json.dumps([lasting, _connection(settings), changed_at(), __version__], sort_keys=True)
        key = hashlib.sha256(material.encode()).hexdigest()
        if not (folder / MADE_FOR).exists() or (folder / MADE_FOR).read_text() != key:
            _parse(settings, variables, home, folder)
            (folder / MADE_FOR).write_text(key)
        found: Manifest = pickle.loads(_file(folder, unique_id).read_bytes())
    return found


def _connection(settings: Settings) -> dict[str, str]:
    return {name: value for name, value in environment(settings).items() if name not in DAYS.values()}


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.pickle"


def _parse(settings: Settings, variables: dict[str, Any], home: Path, folder: Path) -> None:
    from dbt.artifacts.resources.types import NodeType
    from dbt.contracts.graph.manifest import Manifest

    target = home / "parsing"
    options = ["--no-partial-parse", "--profile", PROFILE, "--target", TARGET, "--vars", json.dumps(variables)]
    run_dbt(settings, ["parse", *places(target, logs_of(settings)), *options])
    whole: Manifest = Manifest.from_msgpack((target / "partial_parse.msgpack").read_bytes())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    models = [name for name, node in whole.nodes.items() if node.resource_type == NodeType.Model]
    for name, manifest in ((WHOLE, whole), *((model, _cut(whole, model)) for model in models)):
        _file(folder, name).write_bytes(pickle.dumps(manifest))  # dbt's own format compiles a reader in each process


def _cut(whole: "Manifest", unique_id: str) -> "Manifest":
    """The model, the tests of it alone, and of what it reads no more than where that stands."""
    from dbt.artifacts.resources.types import NodeType
    from dbt.artifacts.resources.v1.components import DependsOn
    from dbt.contracts.graph.manifest import Manifest

    parents = set(whole.nodes[unique_id].depends_on_nodes)
    nodes = {name: copy(node) for name, node in whole.nodes.items() if name in parents}
    for node in nodes.values():
        node.depends_on = DependsOn()
    nodes |= {
        name: node
        for name, node in whole.nodes.items()
        if name == unique_id or (node.resource_type == NodeType.Test and set(node.depends_on_nodes) == {unique_id})
    }
    sources = {name: source for name, source in whole.sources.items() if name in parents}
    return Manifest(nodes=nodes, sources=sources, macros=whole.macros, metadata=whole.metadata)
