"""The project as dbt has parsed it for the settings of retain.yml, kept in a file: a task reads that, and parses nothing."""

import hashlib
import json
import pickle
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retain.airflow.manifest import PROFILE, TARGET, changed_at, manifest_of, one_at_a_time
from retain.config import Settings
from retain.transform import DAYS, environment, logs_of, places, run_dbt

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

MADE_FOR, WHOLE = "made_for", "whole.pickle"


def parsed(settings: Settings, variables: dict[str, Any]) -> "Manifest":
    """The whole project, for these vars.

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
        found: Manifest = pickle.loads((folder / WHOLE).read_bytes())
    return found


def _connection(settings: Settings) -> dict[str, str]:
    return {name: value for name, value in environment(settings).items() if name not in DAYS.values()}


def _parse(settings: Settings, variables: dict[str, Any], home: Path, folder: Path) -> None:
    from dbt.contracts.graph.manifest import Manifest

    target = home / "parsing"
    options = ["--no-partial-parse", "--profile", PROFILE, "--target", TARGET, "--vars", json.dumps(variables)]
    run_dbt(settings, ["parse", *places(target, logs_of(settings)), *options])
    whole: Manifest = Manifest.from_msgpack((target / "partial_parse.msgpack").read_bytes())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / WHOLE).write_bytes(pickle.dumps(whole))  # dbt's own format compiles a reader in each process
